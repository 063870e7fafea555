import { afterEach, describe, expect, it, vi } from "vitest";

import { bestFormat, codecOf, fromL16, l16, OPUS, toL16 } from "./voiceCodec";

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("plain samples", () => {
  it("are 16 bits, little-endian, clipped", () => {
    const payload = toL16(Float32Array.of(0, 1, -1, 2, 0.5));

    expect([...payload]).toEqual([0, 0, 0xff, 0x7f, 0x01, 0x80, 0xff, 0x7f, 0x00, 0x40]);
  });

  it("come back as they were, but for rounding", () => {
    const sound = Float32Array.from({ length: 320 }, (_, at) => Math.sin(at / 10));
    const back = fromL16(toL16(sound));

    expect(back).toHaveLength(320);
    expect(Math.max(...back.map((sample, at) => Math.abs(sample - (sound[at] ?? 0))))).toBeLessThan(
      1 / 32_000,
    );
  });

  it("are read from anywhere within a message", () => {
    const message = Uint8Array.of(9, 9, 9, 0xff, 0x7f, 7);

    expect([...fromL16(message.subarray(3))]).toEqual([1]);
  });

  it("go through their codec both ways", () => {
    const codec = codecOf(l16(16_000), () => undefined);
    const heard: number[][] = [];
    const decoder = codec.decoder((sound) => heard.push([...sound]));
    const encoder = codec.encoder((payload) => {
      decoder.put(payload);
    });
    encoder.put(Float32Array.of(1, -1));
    encoder.close();
    decoder.close();

    expect(heard).toEqual([[1, -1]]);
  });
});

describe("the format", () => {
  const support = (supported: boolean) => ({
    isConfigSupported: () => Promise.resolve({ supported }),
  });

  it("is Opus where the browser has both of its codecs", async () => {
    vi.stubGlobal("AudioEncoder", support(true));
    vi.stubGlobal("AudioDecoder", support(true));

    expect(await bestFormat()).toEqual(OPUS);
  });

  it.each([
    ["does not encode it", support(false), support(true)],
    ["does not decode it", support(true), support(false)],
    ["has no codecs at all", undefined, undefined],
    [
      "rejects the question",
      { isConfigSupported: () => Promise.reject(new TypeError("what?")) },
      support(true),
    ],
  ])("is plain samples where the browser %s", async (_what, encoder, decoder) => {
    vi.stubGlobal("AudioEncoder", encoder);
    vi.stubGlobal("AudioDecoder", decoder);

    expect(await bestFormat()).toEqual(l16(16_000));
  });
});
