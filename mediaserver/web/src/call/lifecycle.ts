/**
 * The life of a call, as a table: states, signals, and what is to be done at each step.
 *
 * A call outlives its sessions: it opens the first, another when one is lost, and another while
 * one still plays when the server asks to move. Pure: it reads no clock and touches no media.
 */

import { isTemporary, type Failure } from "../client/failure";
import { waitMs } from "./backoff";

/** Sessions of a call, counted from 1. */
export type SessionNumber = number;

export type CallState =
  | { readonly phase: "idle" }
  | { readonly phase: "capturing" }
  /** A session is being opened; none plays. */
  | Opening
  /** None plays and none is being opened; the next try is due at `retryAtMs`. */
  | Waiting
  | { readonly phase: "live"; readonly session: SessionNumber; readonly sinceMs: number }
  /** The session's media stopped; it looks for another way. */
  | { readonly phase: "interrupted"; readonly session: SessionNumber; readonly sinceMs: number }
  /** The session plays on while another is opened (`next`) or about to be (`null`). */
  | Moving
  | { readonly phase: "failed"; readonly failure: Failure };

interface Opening {
  readonly phase: "opening";
  readonly session: SessionNumber;
  readonly attempt: number;
  /** Since when the call was live, or `null` where it never was. */
  readonly sinceMs: number | null;
}
interface Waiting {
  readonly phase: "waiting";
  readonly attempt: number;
  readonly retryAtMs: number;
  readonly failure: Failure;
  readonly sinceMs: number | null;
}
interface Moving {
  readonly phase: "moving";
  readonly session: SessionNumber;
  readonly next: SessionNumber | null;
  readonly attempt: number;
  readonly sinceMs: number;
}

export type Phase = CallState["phase"];

export type CallSignal =
  | { readonly kind: "start-asked" }
  | { readonly kind: "stop-asked" }
  | { readonly kind: "captured" }
  | { readonly kind: "capture-failed"; readonly failure: Failure }
  | { readonly kind: "connected"; readonly session: SessionNumber }
  /** Its echo comes: what played before may end. */
  | { readonly kind: "audible"; readonly session: SessionNumber }
  | { readonly kind: "interrupted"; readonly session: SessionNumber }
  | { readonly kind: "recovered"; readonly session: SessionNumber }
  | { readonly kind: "move-asked"; readonly session: SessionNumber }
  | { readonly kind: "lost"; readonly session: SessionNumber; readonly failure: Failure }
  | { readonly kind: "retry-due" }
  | { readonly kind: "network-changed" };

export type SignalKind = CallSignal["kind"];

/** What the shell does after a step, in this order. */
export type CallAction =
  | { readonly kind: "capture" }
  | { readonly kind: "release" }
  | { readonly kind: "open"; readonly session: SessionNumber }
  | { readonly kind: "play"; readonly session: SessionNumber }
  | { readonly kind: "restart"; readonly session: SessionNumber }
  | { readonly kind: "close"; readonly session: SessionNumber }
  | { readonly kind: "wait"; readonly delayMs: number }
  | { readonly kind: "stop-waiting" };

/** A call: its state, and how many sessions it has opened. */
export interface CallLife {
  readonly state: CallState;
  readonly sessions: number;
}

/** When a step happens, and a number from 0 to 1 to spread what many do at once. */
export interface Moment {
  readonly nowMs: number;
  readonly random: number;
}

export interface Step {
  readonly life: CallLife;
  readonly actions: readonly CallAction[];
}

export const NOT_BEGUN: CallLife = { state: { phase: "idle" }, sessions: 0 };
/** Tries for a call that never was live; one that was is worth more. */
export const MAX_FIRST_ATTEMPTS = 6;
export const MAX_ATTEMPTS = 40;

type In<P extends Phase> = Extract<CallState, { phase: P }>;
type On<K extends SignalKind> = Extract<CallSignal, { kind: K }>;
type Change<P extends Phase, K extends SignalKind> = (
  state: In<P>,
  signal: On<K>,
  life: CallLife,
  moment: Moment,
) => Step | null;
/** Complete by its type: each phase says of each signal what it does, or that it passes it over. */
type Table = { readonly [P in Phase]: { readonly [K in SignalKind]: Change<P, K> } };

const pass = (): null => null;
const passAll = {
  "start-asked": pass,
  "stop-asked": pass,
  captured: pass,
  "capture-failed": pass,
  connected: pass,
  audible: pass,
  interrupted: pass,
  recovered: pass,
  "move-asked": pass,
  lost: pass,
  "retry-due": pass,
  "network-changed": pass,
} as const;

const begin = (_state: CallState, _signal: CallSignal, life: CallLife): Step =>
  go(life, { phase: "capturing" }, { kind: "capture" });

const end =
  (...actions: CallAction[]) =>
  (life: CallLife): Step =>
    go(life, { phase: "idle" }, ...actions, { kind: "release" });

const TABLE: Table = {
  idle: { ...passAll, "start-asked": begin },
  failed: {
    ...passAll,
    "start-asked": begin,
    "stop-asked": (_state, _signal, life) => go(life, { phase: "idle" }),
  },
  capturing: {
    ...passAll,
    "stop-asked": (_state, _signal, life) => end()(life),
    captured: (_state, _signal, life) => openNext(life, { attempt: 1, sinceMs: null }),
    "capture-failed": (_state, { failure }, life) => fail(life, failure),
  },
  opening: {
    ...passAll,
    "stop-asked": ({ session }, _signal, life) => end({ kind: "close", session })(life),
    "capture-failed": ({ session }, { failure }, life) =>
      fail(life, failure, { kind: "close", session }),
    connected: (state, signal, life, moment) => goLive(state, signal.session, life, moment),
    // It was connected before, when the one that it was to follow still played.
    audible: (state, signal, life, moment) => goLive(state, signal.session, life, moment),
    lost: (state, signal, life, moment) =>
      signal.session === state.session
        ? tryAgain(life, state, state.attempt, signal.failure, moment)
        : null,
  },
  waiting: {
    ...passAll,
    "stop-asked": (_state, _signal, life) => end({ kind: "stop-waiting" })(life),
    "capture-failed": (_state, { failure }, life) => fail(life, failure, { kind: "stop-waiting" }),
    "retry-due": ({ attempt, sinceMs }, _signal, life) =>
      openNext(life, { attempt: attempt + 1, sinceMs }),
    "network-changed": ({ attempt, sinceMs }, _signal, life) =>
      openNext(life, { attempt: attempt + 1, sinceMs }, { kind: "stop-waiting" }),
  },
  live: {
    ...passAll,
    "stop-asked": ({ session }, _signal, life) => end({ kind: "close", session })(life),
    "capture-failed": ({ session }, { failure }, life) =>
      fail(life, failure, { kind: "close", session }),
    interrupted: ({ session, sinceMs }, signal, life) =>
      signal.session === session ? go(life, { phase: "interrupted", session, sinceMs }) : null,
    "move-asked": (state, signal, life) => beginMove(state, signal.session, life),
    lost: (state, signal, life, moment) => replaceLost(state, signal, life, moment),
    "network-changed": ({ session, sinceMs }, _signal, life) =>
      go(life, { phase: "live", session, sinceMs }, { kind: "restart", session }),
  },
  interrupted: {
    ...passAll,
    "stop-asked": ({ session }, _signal, life) => end({ kind: "close", session })(life),
    "capture-failed": ({ session }, { failure }, life) =>
      fail(life, failure, { kind: "close", session }),
    recovered: ({ session, sinceMs }, signal, life) =>
      signal.session === session ? go(life, { phase: "live", session, sinceMs }) : null,
    "move-asked": (state, signal, life) => beginMove(state, signal.session, life),
    lost: (state, signal, life, moment) => replaceLost(state, signal, life, moment),
    "network-changed": (state, _signal, life) =>
      go(life, state, { kind: "restart", session: state.session }),
  },
  moving: {
    ...passAll,
    "stop-asked": (state, _signal, life) => end(...closeBoth(state))(life),
    "capture-failed": (state, { failure }, life) => fail(life, failure, ...closeBoth(state)),
    audible: ({ session, next, sinceMs }, signal, life) =>
      next !== null && signal.session === next
        ? go(
            life,
            { phase: "live", session: next, sinceMs },
            { kind: "play", session: next },
            { kind: "close", session },
          )
        : null,
    lost: (state, signal, life, moment) => loseWhileMoving(state, signal, life, moment),
    "retry-due": (state, _signal, life) => (state.next === null ? openBeside(life, state) : null),
    "network-changed": (state, _signal, life) =>
      go(life, state, { kind: "restart", session: state.session }),
  },
};

/** The next step; the very same life, and nothing to do, where the signal means nothing now. */
export function step(life: CallLife, signal: CallSignal, moment: Moment): Step {
  const row = TABLE[life.state.phase];
  const change = row[signal.kind] as (
    state: CallState,
    signal: CallSignal,
    life: CallLife,
    moment: Moment,
  ) => Step | null; // the table's type pairs them
  return change(life.state, signal, life, moment) ?? { life, actions: [] };
}

function go(life: CallLife, state: CallState, ...actions: CallAction[]): Step {
  return { life: { ...life, state }, actions };
}

function fail(life: CallLife, failure: Failure, ...actions: CallAction[]): Step {
  return go(life, { phase: "failed", failure }, ...actions, { kind: "release" });
}

function goLive(
  { session, sinceMs }: Opening,
  connected: SessionNumber,
  life: CallLife,
  { nowMs }: Moment,
): Step | null {
  if (connected !== session) return null;
  return go(life, { phase: "live", session, sinceMs: sinceMs ?? nowMs }, { kind: "play", session });
}

function openNext(
  life: CallLife,
  how: Pick<Opening, "attempt" | "sinceMs">,
  ...before: CallAction[]
): Step {
  const session = life.sessions + 1;
  return {
    life: { sessions: session, state: { phase: "opening", session, ...how } },
    actions: [...before, { kind: "open", session }],
  };
}

function openBeside(life: CallLife, state: Moving, ...before: CallAction[]): Step {
  const next = life.sessions + 1;
  return {
    life: { sessions: next, state: { ...state, next, attempt: state.attempt + 1 } },
    actions: [...before, { kind: "open", session: next }],
  };
}

function beginMove(
  { session, sinceMs }: In<"live" | "interrupted">,
  asked: SessionNumber,
  life: CallLife,
): Step | null {
  if (asked !== session) return null;
  return openBeside(life, { phase: "moving", session, sinceMs, next: null, attempt: 0 });
}

function closeBoth({ session, next }: Moving): CallAction[] {
  const second: CallAction =
    next === null ? { kind: "stop-waiting" } : { kind: "close", session: next };
  return [{ kind: "close", session }, second];
}

/** A call that was live opens a session anew at once, without waiting. */
function replaceLost(
  { session, sinceMs }: In<"live" | "interrupted">,
  lost: On<"lost">,
  life: CallLife,
  moment: Moment,
): Step | null {
  if (lost.session !== session) return null;
  if (!isTemporary(lost.failure)) return fail(life, lost.failure);
  if (lost.failure.retryAfterS !== undefined)
    return tryAgain(life, { sinceMs }, 1, lost.failure, moment);
  return openNext(life, { attempt: 1, sinceMs });
}

function tryAgain(
  life: CallLife,
  { sinceMs }: Pick<Opening, "sinceMs">,
  attempt: number,
  failure: Failure,
  { nowMs, random }: Moment,
): Step {
  const most = sinceMs === null ? MAX_FIRST_ATTEMPTS : MAX_ATTEMPTS;
  if (!isTemporary(failure) || attempt >= most) return fail(life, failure);
  const delayMs = waitMs(attempt, random, failure.retryAfterS);
  return go(
    life,
    { phase: "waiting", attempt, failure, sinceMs, retryAtMs: nowMs + delayMs },
    { kind: "wait", delayMs },
  );
}

function loseWhileMoving(
  state: Moving,
  { session: lost, failure }: On<"lost">,
  life: CallLife,
  { random }: Moment,
): Step | null {
  const { session, next, attempt, sinceMs } = state;
  if (lost === session) {
    if (next !== null) return go(life, { phase: "opening", session: next, attempt, sinceMs });
    return openNext(life, { attempt: attempt + 1, sinceMs }, { kind: "stop-waiting" });
  }
  if (lost !== next) return null;
  if (!isTemporary(failure)) return go(life, { phase: "live", session, sinceMs });
  const delayMs = waitMs(attempt, random, failure.retryAfterS);
  return go(life, { ...state, next: null }, { kind: "wait", delayMs });
}
