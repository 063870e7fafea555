import { describe, expect, it } from "vitest";

import { addLine, MAX_LINES, timeOf, toText, type LogLine } from "./callLog";

const AT = new Date("2026-11-21T06:07:08.009Z");

describe("the call log", () => {
  it("keeps the newest lines, each with a number of its own", () => {
    let log: readonly LogLine[] = [];
    for (let i = 1; i <= MAX_LINES + 5; i++) log = addLine(log, AT, `line ${i}`);

    expect(log).toHaveLength(MAX_LINES);
    expect(log[0]).toMatchObject({ number: 6, text: "line 6" });
    expect(log.at(-1)?.number).toBe(MAX_LINES + 5);
  });

  it("is copied a line each, with the time in UTC", () => {
    expect(toText(addLine([], AT, "Connected."))).toBe("2026-11-21T06:07:08.009Z  Connected.\n");
  });

  it("shows times to the millisecond", () => {
    expect(timeOf(AT)).toMatch(/^\d\d:\d\d:08\.009$/);
  });
});
