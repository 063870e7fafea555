import { describe, expect, it } from "vitest";

import { findMarker, makeMarker } from "./marker";

const RATE_HZ = 48_000;

function noise(seconds: number, amplitude: number): Float32Array<ArrayBuffer> {
  let seed = 7;
  return Float32Array.from({ length: seconds * RATE_HZ }, () => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return amplitude * (seed / 2 ** 30 - 1);
  });
}

function withMarker(sound: Float32Array<ArrayBuffer>, atS: number, gain = 1): typeof sound {
  makeMarker(RATE_HZ).forEach((sample, position) => {
    const at = Math.round(atS * RATE_HZ) + position;
    sound[at] = (sound[at] ?? 0) + gain * sample;
  });
  return sound;
}

describe("the marker tone", () => {
  it("is quiet and has no click at its ends", () => {
    const marker = makeMarker(RATE_HZ);

    expect(Math.max(...marker)).toBeLessThan(0.07);
    expect(Math.abs(marker[0] ?? 1)).toBeLessThan(1e-4);
    expect(Math.abs(marker.at(-1) ?? 1)).toBeLessThan(1e-4);
  });

  it.each([0, 0.0137, 0.5, 0.9])("is found at %d s to a quarter of a millisecond", (atS) => {
    const found = findMarker(withMarker(new Float32Array(RATE_HZ), atS), RATE_HZ);

    expect(Math.abs((found ?? 99) - atS)).toBeLessThan(0.00025);
  });

  it("is found under noise, when it came back weaker and turned round", () => {
    const found = findMarker(withMarker(noise(1, 0.01), 0.3, -0.5), RATE_HZ);

    expect(Math.abs((found ?? 99) - 0.3)).toBeLessThan(0.0005);
  });

  it.each([
    ["silence", new Float32Array(RATE_HZ)],
    ["noise", noise(1, 0.3)],
    ["a steady tone", Float32Array.from({ length: RATE_HZ }, (_, i) => Math.sin(i / 6))],
  ])("is not found in %s", (_name, sound) => {
    expect(findMarker(sound, RATE_HZ)).toBeNull();
  });
});
