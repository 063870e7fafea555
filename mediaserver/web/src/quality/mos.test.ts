import { describe, expect, it } from "vitest";

import { estimateMos, ratingToMos, verdictOf } from "./mos";

describe("the estimated MOS", () => {
  it("is excellent on a short and clean path", () => {
    expect(estimateMos(40, 0)).toBeGreaterThan(4.34);
  });

  it("never rises with delay", () => {
    const scores = [0, 50, 150, 177, 178, 250, 400, 1000].map((ms) => estimateMos(ms, 0));
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
  });

  it("never rises with loss", () => {
    const scores = [0, 0.01, 0.05, 0.2, 0.5, 1].map((ratio) => estimateMos(50, ratio));
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
  });

  it("stays between 1 and 4.5", () => {
    for (const delayMs of [0, 100, 10_000])
      for (const loss of [-1, 0, 0.3, 1, 7]) {
        expect(estimateMos(delayMs, loss)).toBeGreaterThanOrEqual(1);
        expect(estimateMos(delayMs, loss)).toBeLessThanOrEqual(4.5);
      }
  });

  it.each([
    [93.2, 4.41],
    [80, 4.02],
    [70, 3.6],
    [60, 3.1],
    [50, 2.58],
  ])("maps the rating %d to %d as G.107 Annex B does", (rating, mos) => {
    expect(ratingToMos(rating)).toBeCloseTo(mos, 1);
  });

  it.each([
    [4.4, "excellent"],
    [4.1, "good"],
    [3.7, "fair"],
    [3.2, "poor"],
    [2, "bad"],
  ] as const)("calls %d %s", (mos, verdict) => {
    expect(verdictOf(mos)).toBe(verdict);
  });
});
