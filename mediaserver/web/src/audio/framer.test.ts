import { describe, expect, it } from "vitest";

import { Framer } from "./framer";

const ramp = (from: number, length: number): Float32Array =>
  Float32Array.from({ length }, (_, position) => from + position);

describe("frames", () => {
  it("hold the sound of the blocks, none lost at their edges", () => {
    const framer = new Framer(5);
    const frames: number[][] = [];
    for (let block = 0; block < 5; block++)
      framer.take(ramp(3 * block, 3), 3, (frame) => frames.push([...frame]));

    expect(frames).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
      [10, 11, 12, 13, 14],
    ]);
  });

  it("come several from a long block", () => {
    const frames: number[][] = [];
    new Framer(2).take(ramp(0, 5), 5, (frame) => frames.push([...frame]));

    expect(frames).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it("are silent where nothing is said, and keep the pace", () => {
    const framer = new Framer(4);
    const frames: number[][] = [];
    framer.take(ramp(1, 2), 2, () => undefined);
    framer.take(null, 2, (frame) => frames.push([...frame]));

    expect(frames).toEqual([[1, 2, 0, 0]]);
  });
});
