import { afterEach, describe, expect, it, vi } from "vitest";

import { captureMicrophone, constraintsOf, explainDenial } from "./capture";

const SETTINGS = {
  deviceId: null,
  echoCancellation: true,
  noiseSuppression: false,
  autoGainControl: true,
};

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the microphone", () => {
  it("is asked for with what the browser may do to it", () => {
    expect(constraintsOf(SETTINGS)).toMatchObject({
      echoCancellation: true,
      noiseSuppression: false,
      autoGainControl: true,
    });
    expect(constraintsOf(SETTINGS)).not.toHaveProperty("deviceId");
  });

  it("is the chosen one and no other", () => {
    expect(constraintsOf({ ...SETTINGS, deviceId: "d" })).toMatchObject({
      deviceId: { exact: "d" },
    });
  });

  it.each([
    ["NotAllowedError", "microphone-denied"],
    ["SecurityError", "microphone-denied"],
    ["NotFoundError", "microphone-missing"],
    ["OverconstrainedError", "microphone-missing"],
    ["NotReadableError", "microphone-busy"],
    ["AbortError", "microphone-busy"],
    ["InvalidStateError", "microphone-missing"],
  ])("that is not given by %s fails as %s", (name, reason) => {
    expect(explainDenial(new DOMException("", name)).reason).toBe(reason);
  });

  it("is not to be had on a page that is not secure", async () => {
    vi.stubGlobal("navigator", {});

    await expect(captureMicrophone(SETTINGS)).rejects.toMatchObject({
      failure: { reason: "insecure-page" },
    });
  });
});
