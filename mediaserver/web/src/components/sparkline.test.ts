import { describe, expect, it } from "vitest";

import { sparkline } from "./sparkline";

const FRAME = { columns: 5, bottom: 0, leastTop: 10 };

describe("a small picture of values", () => {
  it("has the newest at the right", () => {
    expect(sparkline([0, 10], FRAME).line).toBe("M75.0 28.0L100.0 2.0");
  });

  it("grows its top with the largest value", () => {
    expect(sparkline([10, 20], FRAME).line).toBe("M75.0 15.0L100.0 2.0");
  });

  it("leaves out what is not known", () => {
    expect(sparkline([0, null, 10], FRAME).line).toBe("M50.0 28.0L100.0 2.0");
  });

  it.each([[[]], [[null, null]]])("of nothing is empty", (values) => {
    expect(sparkline(values, FRAME)).toEqual({ line: "", area: "" });
  });
});
