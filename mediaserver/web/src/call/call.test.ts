import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Microphone } from "../audio/capture";
import { CallFailed, type Failure } from "../client/failure";
import { Call } from "./call";
import type { CallState } from "./lifecycle";
import type { SessionEvent, TransportSession } from "./transport";

class TwinMicrophone implements Microphone {
  readonly track = { enabled: true } as MediaStreamTrack; // only its switch is used
  readonly stream = {} as MediaStream; // only handed on
  isStopped = false;
  #unplugged: () => void = () => undefined;
  readonly label: string;

  constructor(label: string) {
    this.label = label;
  }

  onUnplugged(act: () => void): void {
    this.#unplugged = act;
  }

  unplug(): void {
    this.#unplugged();
  }

  stop(): void {
    this.isStopped = true;
  }
}

class TwinSession implements TransportSession {
  readonly echo = {} as MediaStream; // only handed on
  readonly sent: (MediaStreamTrack | null)[] = [];
  readonly token: string | null;
  readonly tell: (event: SessionEvent) => void;
  restarts = 0;
  closed: "no" | "plainly" | "leaving" = "no";

  constructor(track: MediaStreamTrack, token: string | null, tell: (event: SessionEvent) => void) {
    this.sent.push(track);
    this.token = token;
    this.tell = tell;
  }

  restart(): void {
    this.restarts++;
  }

  replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    this.sent.push(track);
    return Promise.resolve();
  }

  sample(): Promise<null> {
    return Promise.resolve(null);
  }

  close(isLeaving = false): Promise<void> {
    this.closed = isLeaving ? "leaving" : "plainly";
    return Promise.resolve();
  }
}

/** A call with everything around it, and what it did. */
class World {
  readonly sessions: TwinSession[] = [];
  readonly microphones: TwinMicrophone[] = [];
  readonly played: (MediaStream | null)[] = [];
  readonly states: CallState["phase"][] = [];
  readonly ids: (string | null)[] = [];
  readonly notes: string[] = [];
  readonly continuations: boolean[] = [];
  readonly chosen: string[] = [];
  denial: Failure | null = null;
  readonly call = new Call(
    {
      transport: () => ({
        open: ({ track, token, isContinuation }, tell) => {
          const session = new TwinSession(track, token, tell);
          this.continuations.push(isContinuation);
          this.sessions.push(session);
          return session;
        },
      }),
      token: () => "t0ken",
      capture: () => {
        if (this.denial) return Promise.reject(new CallFailed(this.denial));
        const microphone = new TwinMicrophone(`microphone ${this.microphones.length}`);
        this.microphones.push(microphone);
        return Promise.resolve(microphone);
      },
      play: (echo) => this.played.push(echo),
      nowMs: () => Date.now(),
      random: () => 1,
    },
    {
      changed: (state, id) => {
        this.states.push(state.phase);
        this.ids.push(id);
      },
      captured: () => undefined,
      chosen: ({ transport, why }) => this.chosen.push(`${transport} ${why}`),
      note: (text) => this.notes.push(text),
    },
  );

  session(number: number): TwinSession {
    const session = this.sessions[number - 1];
    if (!session) throw new Error(`there is no session ${number}`);
    return session;
  }

  async start(): Promise<void> {
    this.call.take({ kind: "start-asked" });
    await vi.advanceTimersByTimeAsync(0);
  }

  async connect(): Promise<void> {
    await this.start();
    this.session(1).tell({ kind: "answered", id: "one", tookMs: 12.4 });
    this.session(1).tell({ kind: "connected" });
  }
}

const GONE: Failure = { reason: "gone", detail: "gone" };
let world: World;
beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a call", () => {
  it("sends the microphone, and plays the echo of the session that is connected", async () => {
    await world.connect();

    expect(world.states).toEqual(["capturing", "opening", "live"]);
    expect(world.session(1).sent).toEqual([world.microphones[0]?.track]);
    expect(world.session(1).token).toBe("t0ken");
    expect(world.played).toEqual([world.session(1).echo]);
    expect(world.ids.at(-1)).toBe("one");
    expect(world.notes).toEqual(["The server answered in 12 ms."]);
  });

  it("that is stopped gives back the microphone, the session and the loudspeaker", async () => {
    await world.connect();
    world.call.take({ kind: "stop-asked" });

    expect(world.session(1).closed).toBe("plainly");
    expect(world.microphones[0]?.isStopped).toBe(true);
    expect(world.played.at(-1)).toBeNull();
    expect(world.ids.at(-1)).toBeNull();
  });

  it("that is stopped while the browser asks for the microphone gives it back", async () => {
    world.call.take({ kind: "start-asked" });
    world.call.take({ kind: "stop-asked" });
    await vi.advanceTimersByTimeAsync(0);

    expect(world.microphones[0]?.isStopped).toBe(true);
    expect(world.sessions).toEqual([]);
    expect(world.call.state.phase).toBe("idle");
  });

  it("fails with the reason why there is no microphone", async () => {
    world.denial = { reason: "microphone-denied", detail: "no" };
    await world.start();

    expect(world.call.state).toEqual({ phase: "failed", failure: world.denial });
  });

  it("tries again when the time has come, and no sooner", async () => {
    await world.start();
    const failure: Failure = { reason: "full", detail: "full", retryAfterS: 2 };
    world.session(1).tell({ kind: "lost", failure });
    await vi.advanceTimersByTimeAsync(2300);
    const before = world.sessions.length;
    await vi.advanceTimersByTimeAsync(200);

    expect([before, world.sessions.length]).toEqual([1, 2]);
  });

  it("that is stopped while it waits tries no more", async () => {
    await world.start();
    world.session(1).tell({ kind: "lost", failure: GONE });
    world.call.take({ kind: "stop-asked" });
    await vi.advanceTimersByTimeAsync(60_000);

    expect(world.sessions).toHaveLength(1);
  });

  it("moves by playing the new session before it closes the old one", async () => {
    await world.connect();
    world.session(1).tell({ kind: "move-asked", detail: "draining" });
    world.session(2).tell({ kind: "answered", id: "two", tookMs: 1 });
    world.session(2).tell({ kind: "connected" });
    const whileMoving = world.session(1).closed;
    world.session(2).tell({ kind: "audible" });

    expect(whileMoving).toBe("no");
    expect(world.played).toEqual([world.session(1).echo, world.session(2).echo]);
    expect(world.session(1).closed).toBe("plainly");
    expect(world.ids.at(-1)).toBe("two");
  });

  it("tells which transport each session takes", async () => {
    await world.start();
    world
      .session(1)
      .tell({ kind: "chosen", transport: "websocket", why: "since", isFallback: false });

    expect(world.chosen).toEqual(["websocket since"]);
  });

  it("tells its later sessions that they continue, and a new call's first that it does not", async () => {
    await world.connect();
    world.session(1).tell({ kind: "lost", failure: GONE });
    world.call.take({ kind: "stop-asked" });
    await world.start();

    expect(world.continuations).toEqual([false, true, false]);
  });

  it("does not hear a session that it has left", async () => {
    await world.connect();
    world.session(1).tell({ kind: "lost", failure: GONE });
    const states = world.states.length;
    world.session(1).tell({ kind: "connected" });
    world.session(1).tell({ kind: "note", text: "late" });

    expect(world.states).toHaveLength(states);
    expect(world.notes).not.toContain("late");
  });

  it("closes its sessions as one does that leaves the page", async () => {
    await world.connect();
    world.call.leave();

    expect(world.session(1).closed).toBe("leaving");
    expect(world.call.state.phase).toBe("idle");
  });

  it("restarts ICE when the network changes", async () => {
    await world.connect();
    world.call.take({ kind: "network-changed" });

    expect(world.session(1).restarts).toBe(1);
  });
});

describe("a call's microphone", () => {
  it("may be silent, also one that comes later", async () => {
    world.call.setSending(false);
    await world.connect();
    await world.call.changeMicrophone();

    expect(world.microphones.map(({ track }) => track.enabled)).toEqual([false, false]);
  });

  it("is changed within the session", async () => {
    await world.connect();
    await world.call.changeMicrophone();

    expect(world.sessions).toHaveLength(1);
    expect(world.session(1).sent.at(-1)).toBe(world.microphones[1]?.track);
    expect(world.microphones.map(({ isStopped }) => isStopped)).toEqual([true, false]);
  });

  it("stays when the other one cannot be had", async () => {
    await world.connect();
    world.denial = { reason: "microphone-busy", detail: "busy" };
    await world.call.changeMicrophone();

    expect(world.call.state.phase).toBe("live");
    expect(world.microphones[0]?.isStopped).toBe(false);
    expect(world.notes.at(-1)).toBe("The other microphone cannot be had.");
  });

  it("that is unplugged ends the call with the reason", async () => {
    await world.connect();
    world.microphones[0]?.unplug();

    expect(world.call.state).toMatchObject({ failure: { reason: "microphone-unplugged" } });
    expect(world.session(1).closed).toBe("plainly");
  });

  it("that was given up for another may be unplugged", async () => {
    await world.connect();
    await world.call.changeMicrophone();
    world.microphones[0]?.unplug();

    expect(world.call.state.phase).toBe("live");
  });

  it("comes back after something else was sent for a while", async () => {
    await world.connect();
    const tone = {} as MediaStreamTrack; // only handed on
    await world.call.sendInstead(tone);
    await world.call.sendInstead(null);

    expect(world.session(1).sent.slice(-2)).toEqual([tone, world.microphones[0]?.track]);
  });
});
