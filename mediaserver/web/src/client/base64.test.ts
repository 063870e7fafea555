import { describe, expect, it } from "vitest";

import { fromBase64, toBase64 } from "./base64.js";

describe("base64", () => {
  it("comes back as it was, for all bytes", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);

    expect(fromBase64(toBase64(bytes))).toEqual(bytes);
  });

  it("is that of RFC 4648", () => {
    expect(toBase64(Uint8Array.of(0xfb, 0xff))).toBe("+/8=");
  });

  it("is told from what is none", () => {
    expect(fromBase64("…")).toBeNull();
  });
});
