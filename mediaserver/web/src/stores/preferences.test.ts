import { describe, expect, it } from "vitest";

import { DEFAULTS, readPreferences } from "./preferences";

describe("preferences", () => {
  it("come back as they were kept", () => {
    const kept = { ...DEFAULTS, deviceId: "d", volume: 0.3, theme: "dark", autoGainControl: false };

    expect(readPreferences(JSON.stringify(kept))).toEqual(kept);
  });

  it.each([
    null,
    "",
    "nonsense",
    "null",
    "[]",
    '{"volume":7,"theme":"pink","deviceId":4,"echoCancellation":"yes"}',
  ])("that are not what they should be are the defaults: %s", (text) => {
    expect(readPreferences(text)).toEqual(DEFAULTS);
  });
});
