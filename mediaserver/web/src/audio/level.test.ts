import { describe, expect, it } from "vitest";

import { fall, LevelSum, meterPosition, SILENCE, toDecibels } from "./level";
import { Trail } from "./trail";

const sine = (length: number, amplitude: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => amplitude * Math.sin((2 * Math.PI * i) / 48));

describe("a level", () => {
  it("of a sine has its amplitude for a peak, and 3 dB less for its RMS", () => {
    const sum = new LevelSum();
    sum.add(sine(480, 0.5));
    const { peak, rms } = sum.take();

    expect(peak).toBeCloseTo(0.5, 6);
    expect(toDecibels(peak) - toDecibels(rms)).toBeCloseTo(3.01, 2);
  });

  it("is of all samples since the last one was taken, and of no others", () => {
    const sum = new LevelSum();
    sum.add(sine(480, 1));
    sum.take();
    sum.add(sine(240, 0.1));
    sum.add(sine(240, 0.2));

    expect(sum.count).toBe(480);
    expect(sum.take().peak).toBeCloseTo(0.2, 6);
  });

  it("of nothing is silence", () => {
    expect(new LevelSum().take()).toEqual(SILENCE);
  });
});

describe("a meter", () => {
  it.each([
    [1, 1],
    [0.001, 0],
    [0, 0],
    [10 ** (-30 / 20), 0.5],
    [4, 1],
  ])("shows %d at %d of its length", (amplitude, position) => {
    expect(meterPosition(amplitude)).toBeCloseTo(position, 6);
  });

  it("goes up at once", () => {
    expect(fall(0.1, 0.9, 0.01)).toBe(0.9);
  });

  it("goes down by so many decibels a second, and then rests", () => {
    expect(toDecibels(fall(1, 0, 0.5, 20))).toBeCloseTo(-10, 6);
    expect(fall(1e-4, 0, 1)).toBe(0);
  });
});

describe("a trail", () => {
  it("keeps the newest levels, the newest first", () => {
    const trail = new Trail(3);
    for (const peak of [1, 2, 3, 4]) trail.add({ peak, rms: 0 });

    expect([0, 1, 2, 3].map((ago) => trail.at(ago).peak)).toEqual([4, 3, 2, 0]);
    expect(trail.written).toBe(4);
  });

  it("is silent where nothing was heard yet", () => {
    const trail = new Trail(3);
    trail.add({ peak: 1, rms: 1 });

    expect(trail.at(1)).toBe(SILENCE);
  });

  it("forgets when it is cleared", () => {
    const trail = new Trail(3);
    trail.add({ peak: 1, rms: 1 });
    trail.clear();

    expect(trail.at(0)).toBe(SILENCE);
  });
});
