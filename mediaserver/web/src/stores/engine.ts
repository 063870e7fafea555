/** The real engine below the store: a call over either transport, and the page's audio graph. */

import type { StoreApi } from "zustand";

import { captureMicrophone, listMicrophones } from "../audio/capture";
import { Studio, type Scope } from "../audio/studio";
import { Call, type CallWatcher } from "../call/call";
import { clientId } from "../call/clientId";
import { chosenTransport } from "../call/transportChoice";
import { webrtcTransport } from "../call/webrtcTransport";
import { formatAskedFor, websocketTransport } from "../call/websocketTransport";
import { askForSession } from "../client/sessionClient";
import { browserV2Ports } from "../client/v2Client";
import { browserPorts } from "../client/whipClient";
import type { Transport } from "../call/transport";
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
  const transport = browserTransport(new URL(location.href));
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
  whenNetworkChanges(() => {
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

/** Whichever the page's address, the server or the network leaves. */
function browserTransport(page: URL): Transport {
  const endpoint = new URL("v2/session", new URL(".", page)).href;
  const format = formatAskedFor(page);
  const memory = { resumeToken: null };
  const canWebrtc = (): boolean => typeof RTCPeerConnection === "function";
  let id: string | null = null;
  return chosenTransport({
    page,
    canWebrtc,
    ask: (token, resume) => {
      id ??= clientId(
        () => localStorage,
        () => crypto.getRandomValues(new Uint8Array(16)),
      );
      const capabilities = { webrtc: canWebrtc(), websocket: true };
      return askForSession(browserPorts, { endpoint, clientId: id, capabilities, token, resume });
    },
    webrtc: (way) => webrtcTransport(browserPorts, way),
    websocket: (url) => websocketTransport(browserV2Ports, { endpoint: url, format, memory }),
  });
}

/** When the network is back, or is another one (from Wi-Fi to mobile, where browsers tell). */
function whenNetworkChanges(act: () => void): void {
  addEventListener("online", act);
  const { connection } = navigator as { connection?: EventTarget & { readonly type?: string } };
  let type = connection?.type;
  connection?.addEventListener("change", () => {
    if (connection.type === type) return; // its estimates of speed change all the time
    type = connection.type;
    if (type !== "none") act();
  });
}
