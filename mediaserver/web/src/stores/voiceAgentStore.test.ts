import { beforeEach, describe, expect, it } from "vitest";

import type { CallWatcher } from "../call/call";
import type { CallState } from "../call/lifecycle";
import type { QualitySample } from "../quality/sample";
import { DEFAULTS } from "./preferences";
import {
  createVoiceAgentStore,
  HISTORY_SAMPLES,
  type Engine,
  type VoiceAgentState,
} from "./voiceAgentStore";

class TwinEngine implements Engine {
  readonly did: string[] = [];
  measured: number | null = 87.6;
  readonly take: Engine["take"] = (signal) => this.did.push(signal.kind);
  readonly prepare: Engine["prepare"] = () => this.did.push("prepare");
  readonly setSending: Engine["setSending"] = (on) => this.did.push(`sending ${on ? "on" : "off"}`);
  readonly setVolume: Engine["setVolume"] = (volume, isMuted) =>
    this.did.push(isMuted ? "muted" : `volume ${volume}`);
  readonly changeMicrophone: Engine["changeMicrophone"] = () => {
    this.did.push("change microphone");
    return Promise.resolve();
  };
  readonly measureMouthToEar: Engine["measureMouthToEar"] = () => Promise.resolve(this.measured);
  readonly listMicrophones: Engine["listMicrophones"] = () =>
    Promise.resolve([{ deviceId: "d", label: "Desk" }]);
}

let engine: TwinEngine;
let watcher: CallWatcher;
let state: () => VoiceAgentState;
beforeEach(() => {
  engine = new TwinEngine();
  const store = createVoiceAgentStore(DEFAULTS, (_store, given) => {
    watcher = given;
    return engine;
  });
  state = store.getState;
});

const LIVE: CallState = { phase: "live", session: 1, sinceMs: 0 };
const microphone = { label: "Desk" } as Parameters<CallWatcher["captured"]>[0]; // only its label

describe("the store", () => {
  it("shows which transport a session takes, and says so in the log", () => {
    const choice = { transport: "websocket", why: "since it must", isFallback: true } as const;
    watcher.chosen(choice);

    expect(state().transport).toEqual(choice);
    expect(state().log.at(-1)).toMatchObject({
      text: "Transport: WebSocket, since it must.",
      tone: "bad",
    });
  });

  it("begins with nothing", () => {
    expect(state()).toMatchObject({
      connectionStatus: "disconnected",
      isStreaming: false,
      error: null,
      sessionId: null,
    });
  });

  it("connects with a silent microphone, and streams when it is asked to", () => {
    state().connect();
    const connected = [...engine.did];
    watcher.changed(LIVE, "id");
    state().startStreaming();

    expect(connected).toContain("sending off");
    expect(connected.at(-1)).toBe("start-asked");
    expect(engine.did.at(-1)).toBe("sending on");
    expect(state()).toMatchObject({ isStreaming: true, sessionId: "id" });
  });

  it("connects to stream where there is no call", () => {
    state().startStreaming();

    expect(engine.did.at(-1)).toBe("start-asked");
    expect(engine.did).not.toContain("sending off");
  });

  it("stops streaming and keeps the call", () => {
    state().startStreaming();
    watcher.changed(LIVE, "id");
    state().stopStreaming();

    expect(state()).toMatchObject({ isStreaming: false, connectionStatus: "connected" });
    expect(engine.did).not.toContain("stop-asked");
  });

  it("streams no more when the call has ended", () => {
    state().startStreaming();
    watcher.changed(LIVE, "id");
    state().disconnect();
    watcher.changed({ phase: "idle" }, null);

    expect(engine.did.at(-1)).toBe("stop-asked");
    expect(state()).toMatchObject({ isStreaming: false, connectionStatus: "disconnected" });
  });

  it("shows a failure until the next state", () => {
    const failure = { reason: "forbidden", detail: "No." } as const;
    watcher.changed({ phase: "failed", failure }, null);
    const failed = state();
    watcher.changed({ phase: "capturing" }, null);

    expect(failed).toMatchObject({ connectionStatus: "error", error: failure });
    expect(state().error).toBeNull();
  });

  it("takes an error from outside", () => {
    state().setError({ reason: "ended", detail: "Over." });

    expect(state().error?.detail).toBe("Over.");
  });

  it("logs what happens", () => {
    watcher.changed({ phase: "capturing" }, null);
    watcher.note("Something.");

    expect(state().log.map(({ text }) => text)).toEqual([
      "Asking for the microphone.",
      "Something.",
    ]);
  });

  it("captures anew when another microphone or processing is chosen in a call", () => {
    state().setProcessing("noiseSuppression", false);
    const before = engine.did.length;
    watcher.captured(microphone);
    state().setProcessing("noiseSuppression", true);
    state().chooseMicrophone("d");

    expect(before).toBe(0);
    expect(engine.did).toEqual(["change microphone", "change microphone"]);
    expect(state().preferences).toMatchObject({ deviceId: "d", noiseSuppression: true });
  });

  it("keeps the volume while the echo is muted", () => {
    state().setVolume(0.4);
    state().setMuted(true);
    state().setMuted(false);

    expect(engine.did).toEqual(["volume 0.4", "muted", "volume 0.4"]);
  });

  it("lists the microphones once one is allowed", async () => {
    watcher.captured(microphone);
    await Promise.resolve();

    expect(state().microphoneLabel).toBe("Desk");
    expect(state().microphones).toEqual([{ deviceId: "d", label: "Desk" }]);
  });

  it.each([
    [87.6, { kind: "measured", ms: 87.6 }],
    [null, { kind: "not-found" }],
  ])("shows a measured delay of %s as it is", async (measured, shown) => {
    engine.measured = measured;
    await state().measureMouthToEar();

    expect(state().mouthToEar).toEqual(shown);
  });

  it("keeps the last minute of samples", () => {
    for (let i = 0; i < HISTORY_SAMPLES + 3; i++)
      state().addSample({ packetsReceived: i } as QualitySample); // only counted here

    expect(state().history).toHaveLength(HISTORY_SAMPLES);
    expect(state().history.at(-1)?.packetsReceived).toBe(HISTORY_SAMPLES + 2);
  });
});
