import { describe, expect, it } from "vitest";

import { waitMs } from "./backoff";

describe("the wait before another try", () => {
  it("doubles, up to eight seconds", () => {
    expect([1, 2, 3, 4, 5, 6, 9].map((attempt) => waitMs(attempt, 1))).toEqual([
      400, 800, 1600, 3200, 6400, 8000, 8000,
    ]);
  });

  it("is spread over the upper half", () => {
    expect(waitMs(4, 0)).toBe(1600);
    expect(waitMs(4, 0.5)).toBe(2400);
  });

  it.each([0, 0.3, 1])("is never shorter than the server asks, with chance %d", (random) => {
    for (const attempt of [1, 2, 10])
      expect(waitMs(attempt, random, 5)).toBeGreaterThanOrEqual(5000);
  });
});
