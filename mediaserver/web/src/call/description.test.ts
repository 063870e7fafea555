import { describe, expect, it } from "vitest";

import { adviceFor } from "./advice";
import { describe as tell, headlineOf, statusOf } from "./description";
import type { CallState, Phase } from "./lifecycle";

const STATES: { readonly [P in Phase]: Extract<CallState, { phase: P }> } = {
  idle: { phase: "idle" },
  capturing: { phase: "capturing" },
  opening: { phase: "opening", session: 1, attempt: 1, sinceMs: null },
  waiting: {
    phase: "waiting",
    attempt: 1,
    retryAtMs: 0,
    failure: { reason: "full", detail: "The server is full." },
    sinceMs: null,
  },
  live: { phase: "live", session: 1, sinceMs: 0 },
  interrupted: { phase: "interrupted", session: 1, sinceMs: 0 },
  moving: { phase: "moving", session: 1, next: 2, attempt: 1, sinceMs: 0 },
  failed: { phase: "failed", failure: { reason: "forbidden", detail: "No right to publish." } },
};

describe("a call's state in words", () => {
  it.each([
    ["idle", "disconnected"],
    ["capturing", "connecting"],
    ["opening", "connecting"],
    ["waiting", "connecting"],
    ["live", "connected"],
    ["interrupted", "connecting"],
    ["moving", "connected"],
    ["failed", "error"],
  ] as const)("%s is shown as %s", (phase, status) => {
    expect(statusOf(STATES[phase])).toBe(status);
    expect(headlineOf(STATES[phase])).not.toBe("");
  });

  it("tells a first connection from one that is made again", () => {
    expect(headlineOf(STATES.opening)).toBe("Connecting");
    expect(headlineOf({ ...STATES.opening, sinceMs: 5 })).toBe("Reconnecting");
    expect(headlineOf({ ...STATES.waiting, sinceMs: 5 })).toBe("Reconnecting");
  });

  it("logs why a call failed, in the server's words too", () => {
    const told = tell(STATES.opening, STATES.failed);

    expect(told?.tone).toBe("bad");
    expect(told?.text).toContain("No right to publish.");
    expect(told?.text).toContain(adviceFor(STATES.failed.failure).title);
  });

  it.each([
    ["moving", "Moved: the new session plays, and the old one has ended."],
    ["interrupted", "The sound is back."],
    ["opening", "Connected: you hear yourself."],
  ] as const)("logs how it came from %s to be live", (phase, text) => {
    expect(tell(STATES[phase], STATES.live)?.text).toBe(text);
  });

  it("logs nothing where nothing is new to people", () => {
    expect(tell(STATES.live, STATES.live)).toBeNull();
    expect(tell(STATES.failed, STATES.idle)).toBeNull();
    expect(tell(STATES.moving, STATES.moving)).toBeNull();
  });
});
