/** The real engine below the store: a call over WHIP, and the page's audio graph. */

import type { StoreApi } from "zustand";

import { captureMicrophone, listMicrophones } from "../audio/capture";
import { Studio, type Scope } from "../audio/studio";
import { Call, type CallWatcher } from "../call/call";
import { chooseTransport } from "../call/transportChoice";
import { browserPorts } from "../client/whipClient";
import type { Engine, VoiceAgentState } from "./voiceAgentStore";

const SAMPLE_MS = 1000;

export interface BrowserEngine extends Engine {
  /** What is drawn, once there is sound. */
  readonly scopes: () => { readonly said: Scope; readonly heard: Scope } | null;
}

export function browserEngine(
  store: StoreApi<VoiceAgentState>,
  watcher: CallWatcher,
): BrowserEngine {
  let studio: Studio | null = null;
  const transport = chooseTransport(new URL(location.href), browserPorts);
  const call = new Call(
    {
      transport: () => transport,
      token: () => store.getState().token || null,
      capture: () => captureMicrophone(store.getState().preferences),
      play: (echo) => studio?.play(echo),
      nowMs: () => Date.now(),
      random: () => Math.random(),
    },
    {
      ...watcher,
      captured: (microphone) => {
        studio?.listenTo(microphone?.stream ?? null);
        watcher.captured(microphone);
      },
    },
  );

  Studio.fetchMeters().catch(() => undefined); // it is fetched again when it is needed

  const sample = async (): Promise<void> => {
    const { phase } = call.state;
    if (phase !== "live" && phase !== "moving") return;
    const taken = await call.session?.sample();
    if (taken) store.getState().addSample(taken);
  };
  setInterval(() => void sample(), SAMPLE_MS);

  addEventListener("pagehide", () => {
    call.leave();
  });
  addEventListener("online", () => {
    call.take({ kind: "network-changed" });
  });

  return {
    scopes: () => studio,
    prepare: () => {
      studio ??= new Studio();
      void studio.prepare();
      const askedMs = performance.now();
      studio.whenHeard = () => {
        watcher.note(`First sound back ${Math.round(performance.now() - askedMs)} ms after Start.`);
      };
      store.setState({ transport: { name: transport.name, why: transport.why } });
    },
    take: (signal) => {
      call.take(signal);
    },
    setSending: (isSending) => {
      call.setSending(isSending);
    },
    changeMicrophone: () => call.changeMicrophone(),
    setVolume: (volume, isMuted) => {
      studio?.setVolume(volume, isMuted);
    },
    measureMouthToEar: async () => {
      const track = call.microphone?.track;
      if (!studio || !track) return null;
      return studio.measureMouthToEar((instead) => call.sendInstead(instead), track);
    },
    listMicrophones,
  };
}
