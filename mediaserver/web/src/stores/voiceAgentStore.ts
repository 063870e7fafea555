/**
 * The store: what the page shows of the call, and what it can do. It shows the call's life; it
 * does not decide it (call/lifecycle.ts), and it knows no transport.
 */

import { create, type StoreApi, type UseBoundStore } from "zustand";

import type { InputDevice, Microphone, Processing } from "../audio/capture";
import { addLine, type LogLine } from "../call/callLog";
import { describe, statusOf, tellChoice, type ConnectionStatus } from "../call/description";
import type { CallSignal, CallState } from "../call/lifecycle";
import type { CallWatcher } from "../call/call";
import type { Choice } from "../call/transportChoice";
import type { Failure } from "../client/failure";
import { adviceFor } from "../call/advice";
import type { QualitySample } from "../quality/sample";
import { keepPreferences, type Preferences, type Theme } from "./preferences";

export const HISTORY_SAMPLES = 60;

/** What the store's actions move: the call and the sound. */
export interface Engine {
  readonly take: (signal: CallSignal) => void;
  readonly prepare: () => void;
  readonly setSending: (isSending: boolean) => void;
  readonly changeMicrophone: () => Promise<void>;
  readonly setVolume: (volume: number, isMuted: boolean) => void;
  readonly measureMouthToEar: () => Promise<number | null>;
  readonly listMicrophones: () => Promise<InputDevice[]>;
}

export interface VoiceAgentState {
  readonly connectionStatus: ConnectionStatus;
  readonly isStreaming: boolean;
  readonly error: Failure | null;
  readonly sessionId: string | null;
  readonly call: CallState;
  readonly preferences: Preferences;
  readonly isMuted: boolean;
  readonly token: string;
  readonly microphones: readonly InputDevice[];
  readonly microphoneLabel: string | null;
  readonly history: readonly QualitySample[];
  readonly log: readonly LogLine[];
  readonly transport: Choice | null;
  readonly mouthToEar:
    | { readonly kind: "none" }
    | { readonly kind: "measuring" }
    | { readonly kind: "measured"; readonly ms: number }
    | { readonly kind: "not-found" };

  /** Opens the call; its microphone stays silent until `startStreaming`. */
  readonly connect: () => void;
  readonly disconnect: () => void;
  /** Lets the microphone be heard; opens the call where there is none. */
  readonly startStreaming: () => void;
  /** Silences the microphone; the call goes on. */
  readonly stopStreaming: () => void;
  readonly setError: (error: Failure | null) => void;

  readonly setVolume: (volume: number) => void;
  readonly setMuted: (isMuted: boolean) => void;
  readonly setToken: (token: string) => void;
  readonly setTheme: (theme: Theme) => void;
  readonly chooseMicrophone: (deviceId: string | null) => void;
  readonly setProcessing: (name: keyof Processing, isOn: boolean) => void;
  readonly refreshMicrophones: () => Promise<void>;
  readonly measureMouthToEar: () => Promise<void>;
  readonly addSample: (sample: QualitySample) => void;
}

export type VoiceAgentStore = UseBoundStore<StoreApi<VoiceAgentState>>;

/** A store that moves the engine which `begin` makes; the engine tells it what happens. */
export function createVoiceAgentStore(
  preferences: Preferences,
  begin: (store: StoreApi<VoiceAgentState>, watcher: CallWatcher) => Engine,
): VoiceAgentStore {
  return create<VoiceAgentState>()((set, get, store) => {
    const say = (text: string, tone: LogLine["tone"] = "plain"): void => {
      set(({ log }) => ({ log: addLine(log, new Date(), text, tone) }));
    };
    const prefer = (change: Partial<Preferences>): void => {
      set((state) => ({ preferences: { ...state.preferences, ...change } }));
      keepPreferences(get().preferences);
    };
    const recapture = (): void => {
      if (get().microphoneLabel !== null) void engine.changeMicrophone();
    };

    const engine: Engine = begin(store, {
      changed: (call, sessionId) => {
        const before = get().call;
        set({
          call,
          connectionStatus: statusOf(call),
          sessionId,
          error: "failure" in call ? call.failure : null,
          ...(call.phase === "idle" || call.phase === "failed" ? { isStreaming: false } : {}),
        });
        const told = describe(before, call);
        if (told) say(told.text, told.tone);
      },
      captured: (microphone: Microphone | null) => {
        set({ microphoneLabel: microphone?.label ?? null });
        if (!microphone) return;
        say(`Microphone: ${microphone.label || "without a name"}.`);
        void get().refreshMicrophones();
      },
      chosen: (transport) => {
        set({ transport });
        say(`Transport: ${tellChoice(transport)}`, transport.isFallback ? "bad" : "plain");
      },
      note: (text, failure) => {
        say(failure ? `${text} ${adviceFor(failure).title}.` : text, failure ? "bad" : "plain");
      },
    });

    return {
      connectionStatus: "disconnected",
      isStreaming: false,
      error: null,
      sessionId: null,
      call: { phase: "idle" },
      preferences,
      isMuted: false,
      token: "",
      microphones: [],
      microphoneLabel: null,
      history: [],
      log: [],
      transport: null,
      mouthToEar: { kind: "none" },

      connect: () => {
        engine.prepare();
        engine.setSending(get().isStreaming);
        set({ history: [], mouthToEar: { kind: "none" } });
        engine.setVolume(get().preferences.volume, get().isMuted);
        engine.take({ kind: "start-asked" });
      },
      disconnect: () => {
        engine.take({ kind: "stop-asked" });
      },
      startStreaming: () => {
        set({ isStreaming: true });
        engine.setSending(true);
        const { connectionStatus, connect } = get();
        if (connectionStatus === "disconnected" || connectionStatus === "error") connect();
        else say("Your microphone is on.");
      },
      stopStreaming: () => {
        set({ isStreaming: false });
        engine.setSending(false);
        say("Your microphone is off; the call goes on.");
      },
      setError: (error) => {
        set({ error });
      },
      setVolume: (volume) => {
        prefer({ volume });
        engine.setVolume(volume, get().isMuted);
      },
      setMuted: (isMuted) => {
        set({ isMuted });
        engine.setVolume(get().preferences.volume, isMuted);
      },
      setToken: (token) => {
        set({ token });
      },
      setTheme: (theme) => {
        prefer({ theme });
      },
      chooseMicrophone: (deviceId) => {
        prefer({ deviceId });
        recapture();
      },
      setProcessing: (name, isOn) => {
        prefer({ [name]: isOn });
        recapture();
      },
      refreshMicrophones: async () => {
        set({ microphones: await engine.listMicrophones() });
      },
      measureMouthToEar: async () => {
        set({ mouthToEar: { kind: "measuring" } });
        say("Sending a quiet marker tone to measure the way from mouth to ear.");
        const ms = await engine.measureMouthToEar();
        set({ mouthToEar: ms === null ? { kind: "not-found" } : { kind: "measured", ms } });
        say(
          ms === null
            ? "The marker tone did not come back; nothing was measured."
            : `Mouth to ear: ${Math.round(ms)} ms.`,
        );
      },
      addSample: (sample) => {
        set(({ history }) => ({ history: [...history.slice(1 - HISTORY_SAMPLES), sample] }));
      },
    };
  });
}
