import { describe, expect, it } from "vitest";

import type { Failure } from "../client/failure";
import {
  MAX_ATTEMPTS,
  MAX_FIRST_ATTEMPTS,
  NOT_BEGUN,
  step,
  type CallAction,
  type CallLife,
  type CallSignal,
  type CallState,
  type Phase,
  type SignalKind,
} from "./lifecycle";

const NOW = { nowMs: 1000, random: 1 };
const FULL: Failure = { reason: "full", detail: "full", retryAfterS: 3 };
const GONE: Failure = { reason: "gone", detail: "gone" };
const DENIED: Failure = { reason: "token-invalid", detail: "no" };
const UNPLUGGED: Failure = { reason: "microphone-unplugged", detail: "away" };

const STATES: { readonly [P in Phase]: Extract<CallState, { phase: P }> } = {
  idle: { phase: "idle" },
  capturing: { phase: "capturing" },
  opening: { phase: "opening", session: 4, attempt: 1, sinceMs: null },
  waiting: { phase: "waiting", attempt: 1, retryAtMs: 5000, failure: FULL, sinceMs: null },
  live: { phase: "live", session: 4, sinceMs: 10 },
  interrupted: { phase: "interrupted", session: 4, sinceMs: 10 },
  moving: { phase: "moving", session: 3, next: 4, attempt: 1, sinceMs: 10 },
  failed: { phase: "failed", failure: DENIED },
};
const PHASES = Object.keys(STATES) as Phase[];
const ACTIVE = PHASES.filter((phase) => !["idle", "failed"].includes(phase));

const signals = (session: number): { readonly [K in SignalKind]: CallSignal } => ({
  "start-asked": { kind: "start-asked" },
  "stop-asked": { kind: "stop-asked" },
  captured: { kind: "captured" },
  "capture-failed": { kind: "capture-failed", failure: UNPLUGGED },
  connected: { kind: "connected", session },
  audible: { kind: "audible", session },
  interrupted: { kind: "interrupted", session },
  recovered: { kind: "recovered", session },
  "move-asked": { kind: "move-asked", session },
  lost: { kind: "lost", session, failure: GONE },
  "retry-due": { kind: "retry-due" },
  "network-changed": { kind: "network-changed" },
});
const KINDS = Object.keys(signals(0)) as SignalKind[];

const lifeIn = (state: CallState): CallLife => ({ state, sessions: 4 });

/** Plays signals from the beginning; gives where it ends, and all that was done. */
function play(...played: CallSignal[]): { life: CallLife; actions: CallAction[] } {
  return played.reduce<{ life: CallLife; actions: CallAction[] }>(
    ({ life, actions }, signal) => {
      const next = step(life, signal, NOW);
      return { life: next.life, actions: [...actions, ...next.actions] };
    },
    { life: NOT_BEGUN, actions: [] },
  );
}

const start: CallSignal = { kind: "start-asked" };
const captured: CallSignal = { kind: "captured" };
const connected = (session: number): CallSignal => ({ kind: "connected", session });
const lost = (session: number, failure: Failure): CallSignal => ({
  kind: "lost",
  session,
  failure,
});

describe("a call", () => {
  it("asks for the microphone, then for a session, and plays what comes back", () => {
    const { life, actions } = play(start, captured, connected(1));

    expect(actions.map(({ kind }) => kind)).toEqual(["capture", "open", "play"]);
    expect(life.state).toEqual({ phase: "live", session: 1, sinceMs: NOW.nowMs });
  });

  it.each(ACTIVE)("that is %s ends at once when it is asked to, and holds nothing", (phase) => {
    const { life, actions } = step(lifeIn(STATES[phase]), { kind: "stop-asked" }, NOW);

    expect(life.state).toEqual({ phase: "idle" });
    expect(actions.at(-1)).toEqual({ kind: "release" });
    const closed = actions.filter(({ kind }) => kind === "close");
    expect(closed).toHaveLength({ moving: 2, capturing: 0, waiting: 0 }[phase as string] ?? 1);
  });

  it.each(ACTIVE)("that is %s fails when the microphone is taken away", (phase) => {
    const { life, actions } = step(
      lifeIn(STATES[phase]),
      { kind: "capture-failed", failure: UNPLUGGED },
      NOW,
    );

    expect(life.state).toEqual({ phase: "failed", failure: UNPLUGGED });
    expect(actions.at(-1)).toEqual({ kind: "release" });
  });

  it.each(["idle", "failed"] as const)("that is %s can be started", (phase) => {
    expect(step(lifeIn(STATES[phase]), start, NOW).life.state.phase).toBe("capturing");
  });

  it.each(PHASES)("that is %s passes over what is said of a session that it left", (phase) => {
    for (const kind of KINDS) {
      const signal = signals(1)[kind];
      if (!("session" in signal)) continue;
      const life = lifeIn(STATES[phase]);
      expect(step(life, signal, NOW)).toEqual({ life, actions: [] });
    }
  });

  it.each(PHASES.flatMap((phase) => KINDS.map((kind) => [phase, kind] as const)))(
    "that is %s either changes by %s or stays the very same",
    (phase, kind) => {
      const life = lifeIn(STATES[phase]);
      const next = step(life, signals(4)[kind], NOW);

      if (next.actions.length === 0 && next.life.state.phase === phase)
        expect(next.life).toBe(life);
      expect(next.life.sessions).toBeGreaterThanOrEqual(life.sessions);
    },
  );

  it.each(PHASES.flatMap((phase) => KINDS.map((kind) => [phase, kind] as const)))(
    "that is %s and hears %s never leaves a session open that it does not know",
    (phase, kind) => {
      const before = sessionsOf(STATES[phase]);
      const { life, actions } = step(lifeIn(STATES[phase]), signals(4)[kind], NOW);

      const gone = actions.flatMap((action) => (action.kind === "close" ? [action.session] : []));
      const opened = actions.flatMap((action) => (action.kind === "open" ? [action.session] : []));
      const lostNow = kind === "lost" ? [4] : [];
      const left = [...before, ...opened].filter((n) => ![...gone, ...lostNow].includes(n));
      expect(left.sort()).toEqual(sessionsOf(life.state).sort());
    },
  );
});

function sessionsOf(state: CallState): number[] {
  if (state.phase === "moving")
    return state.next === null ? [state.session] : [state.session, state.next];
  return "session" in state ? [state.session] : [];
}

describe("a call that loses its session", () => {
  it("opens another at once, and keeps the time since it was live", () => {
    const { life, actions } = step(lifeIn(STATES.live), lost(4, GONE), NOW);

    expect(life.state).toEqual({ phase: "opening", session: 5, attempt: 1, sinceMs: 10 });
    expect(actions).toEqual([{ kind: "open", session: 5 }]);
  });

  it("fails where trying again cannot help", () => {
    expect(step(lifeIn(STATES.live), lost(4, DENIED), NOW).life.state).toEqual({
      phase: "failed",
      failure: DENIED,
    });
  });

  it("waits no less than the server asks before it tries again", () => {
    const { life, actions } = step(lifeIn(STATES.opening), lost(4, FULL), NOW);

    expect(life.state.phase).toBe("waiting");
    expect(actions).toEqual([{ kind: "wait", delayMs: 3400 }]);
  });

  it("tries at once when the network is back", () => {
    const { life, actions } = step(lifeIn(STATES.waiting), { kind: "network-changed" }, NOW);

    expect(life.state).toMatchObject({ phase: "opening", attempt: 2 });
    expect(actions.map(({ kind }) => kind)).toEqual(["stop-waiting", "open"]);
  });

  it.each([
    [null, MAX_FIRST_ATTEMPTS],
    [10, MAX_ATTEMPTS],
  ])("live since %s gives up after so many tries", (sinceMs, most) => {
    let life = lifeIn({ ...STATES.opening, sinceMs });
    let tries = 1;
    while (life.state.phase === "opening") {
      life = step(life, lost(life.state.session, GONE), NOW).life;
      if (life.state.phase === "waiting") {
        life = step(life, { kind: "retry-due" }, NOW).life;
        tries++;
      }
    }

    expect(life.state).toEqual({ phase: "failed", failure: GONE });
    expect(tries).toBe(most);
  });

  it("says when its sound is back", () => {
    const interrupted = step(lifeIn(STATES.live), signals(4).interrupted, NOW);
    const recovered = step(interrupted.life, signals(4).recovered, NOW);

    expect(interrupted.life.state.phase).toBe("interrupted");
    expect(recovered.life.state).toEqual(STATES.live);
  });

  it("looks for another way when the network changes", () => {
    const { actions } = step(lifeIn(STATES.live), { kind: "network-changed" }, NOW);

    expect(actions).toEqual([{ kind: "restart", session: 4 }]);
  });
});

describe("a call that is asked to move", () => {
  const asked = step(lifeIn(STATES.live), { kind: "move-asked", session: 4 }, NOW);

  it("opens the new session before the old one is closed", () => {
    expect(asked.actions).toEqual([{ kind: "open", session: 5 }]);
    expect(asked.life.state).toMatchObject({ phase: "moving", session: 4, next: 5 });
  });

  it("keeps the old session until the new one is heard", () => {
    expect(step(asked.life, connected(5), NOW)).toEqual({ life: asked.life, actions: [] });
  });

  it("plays the new session first, and closes the old one then", () => {
    const { life, actions } = step(asked.life, { kind: "audible", session: 5 }, NOW);

    expect(actions).toEqual([
      { kind: "play", session: 5 },
      { kind: "close", session: 4 },
    ]);
    expect(life.state).toEqual({ phase: "live", session: 5, sinceMs: 10 });
  });

  it("keeps the old session while the new one cannot be had, and tries again", () => {
    const refused = step(asked.life, lost(5, GONE), NOW);
    const again = step(refused.life, { kind: "retry-due" }, NOW);

    expect(refused.actions).toEqual([{ kind: "wait", delayMs: 400 }]);
    expect(again.actions).toEqual([{ kind: "open", session: 6 }]);
    expect(again.life.state).toMatchObject({ phase: "moving", session: 4, next: 6 });
  });

  it("stays where it is when the new place will not have it", () => {
    expect(step(asked.life, lost(5, DENIED), NOW).life.state).toEqual(STATES.live);
  });

  it("goes on opening when the old session ends before", () => {
    const { life, actions } = step(asked.life, lost(4, GONE), NOW);

    expect(life.state).toMatchObject({ phase: "opening", session: 5 });
    expect(actions).toEqual([]);
  });

  it("plays the new session as soon as it is heard when the old one ended in between", () => {
    const ready = step(asked.life, connected(5), NOW).life;
    const alone = step(ready, lost(4, GONE), NOW).life;
    const { life, actions } = step(alone, { kind: "audible", session: 5 }, NOW);

    expect(actions).toEqual([{ kind: "play", session: 5 }]);
    expect(life.state).toMatchObject({ phase: "live", session: 5 });
  });

  it("opens one at once when the old session ends while it waits", () => {
    const waiting = step(asked.life, lost(5, GONE), NOW).life;
    const { actions } = step(waiting, lost(4, GONE), NOW);

    expect(actions).toEqual([{ kind: "stop-waiting" }, { kind: "open", session: 6 }]);
  });

  it("passes over a second request while it moves", () => {
    const life = asked.life;

    expect(step(life, { kind: "move-asked", session: 4 }, NOW).life).toBe(life);
  });
});
