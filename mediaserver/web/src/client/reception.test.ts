import { describe, expect, it } from "vitest";

import { Reception } from "./reception.js";

const FRAME = 960;

function receive(sequences: readonly number[], lateMs: readonly number[] = []): Reception {
  const reception = new Reception(48_000);
  sequences.forEach((sequence, position) => {
    reception.take(sequence, FRAME * position, 20 * position + (lateMs[position] ?? 0));
  });
  return reception;
}

describe("what is received", () => {
  it("of a whole stream at an even pace has neither loss nor jitter", () => {
    const { received, lost, jitterS } = receive([7, 8, 9, 10]);

    expect({ received, lost, jitterS }).toEqual({ received: 4, lost: 0, jitterS: 0 });
  });

  it("lacks what is missing between the first and the highest number", () => {
    expect(receive([1, 2, 5, 6]).lost).toBe(2);
  });

  it("lacks nothing when it only comes in another order", () => {
    expect(receive([1, 3, 2, 4]).lost).toBe(0);
  });

  it("is counted across the wrap of sequence numbers", () => {
    const reception = receive([65_534, 65_535, 1]);

    expect(reception.lost).toBe(1);
    expect(reception.take(2, 0, 0)).toBe(65_538);
  });

  it("has the jitter of RFC 3550: a sixteenth of each change", () => {
    expect(receive([1, 2], [0, 16]).jitterS).toBeCloseTo(0.001, 6);
  });

  it("has no jitter by a timestamp that wraps", () => {
    const reception = new Reception(48_000);
    reception.take(1, 2 ** 32 - FRAME, 1000);
    reception.take(2, 0, 1020);

    expect(reception.jitterS).toBeCloseTo(0, 6);
  });

  it("has no jitter before the second packet, and no loss before the first", () => {
    expect(receive([1]).jitterS).toBeNull();
    expect(receive([]).lost).toBe(0);
  });
});
