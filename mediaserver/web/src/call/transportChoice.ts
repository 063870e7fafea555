/**
 * Which transport a session takes, and why: what the page's address asks for, else what the
 * server decides, else WebRTC; and the WebSocket when WebRTC cannot connect.
 */

import { CallFailed, failureOf, type Failure, type FailureReason } from "../client/failure";
import type { SessionDecision } from "../client/sessionClient";
import type {
  OpenRequest,
  SessionEvent,
  Transport,
  TransportName,
  TransportSession,
} from "./transport";

/** What is chosen from: the real ones in a browser, small ones in tests. */
export interface ChoicePorts {
  readonly page: URL;
  readonly canWebrtc: () => boolean;
  /** The server's decision; `null` where it is older than the question. May throw. */
  readonly ask: (token: string | null, resume: string | null) => Promise<SessionDecision | null>;
  readonly webrtc: (way: WebrtcWay) => Transport;
  readonly websocket: (endpoint: string) => Transport;
}

export interface WebrtcWay {
  readonly endpoint: string;
  readonly iceServers: readonly RTCIceServer[];
  /** Until media must have come through; `null` leaves it to the client. */
  readonly connectTimeoutMs: number | null;
}

/** One that is to be tried. `why` is a clause: "since …". */
export interface Choice {
  readonly transport: TransportName;
  readonly why: string;
  readonly isFallback: boolean;
}

/** Where both transports are, and who decided. */
interface Ways {
  readonly whip: string;
  readonly websocket: string;
  readonly iceServers: readonly RTCIceServer[];
  readonly choice: Choice;
  readonly mayFallBack: boolean;
}

/** WebRTC is given up this soon where another way is left. */
export const FALLBACK_AFTER_MS = 5_000;

/** Failures that the other transport may not have. */
const FALLS_BACK: ReadonlySet<FailureReason> = new Set([
  "media-failed",
  "offer-refused",
  "bad-answer",
  "no-endpoint",
]);

const WHY: Readonly<Record<string, string>> = {
  flag: "since the server's rollout chose it for this browser",
  kill: "since the server's operator switched WebRTC off",
  override: "since the server's operator chose it for this browser",
  capability: "since this browser cannot do WebRTC",
  "no-flag": "since the server has no rollout of WebRTC",
  "registry-down": "since the server cannot read its rollout just now",
  resume: "since the call began with it",
};
const BEST = "since it has the least delay, and this browser can do it";
const ASKED = "since the address of this page asks for it";
const CANNOT = "since this browser cannot do WebRTC";
const COULD_NOT = "since WebRTC could not connect";

/** All that can be known before anything is tried. */
export function choose(
  { page, canWebrtc }: Pick<ChoicePorts, "page" | "canWebrtc">,
  decision: SessionDecision | null,
  hasFailed: boolean,
): Ways {
  const base = new URL(".", page);
  const whip = asSafeAs(page, decision?.urls.whip ?? new URL("whip", base).href);
  const websocket = asSafeAs(page, decision?.urls.websocket ?? new URL("v2/ws", base).href);
  const ways = { whip, websocket, iceServers: decision?.iceServers ?? [] };
  const by = (
    transport: TransportName,
    why: string,
    more: { isFallback?: boolean; mayFallBack?: boolean } = {},
  ): Ways => ({
    ...ways,
    choice: { transport, why, isFallback: more.isFallback ?? false },
    mayFallBack: more.mayFallBack ?? false,
  });
  const asked = askedFor(page);
  if (asked !== null) return by(asked, ASKED);
  const why = decision ? (WHY[decision.reason] ?? "since the server chose it") : BEST;
  if (decision?.transport === "websocket")
    return by("websocket", why, { isFallback: decision.reason === "capability" });
  if (!canWebrtc()) return by("websocket", CANNOT, { isFallback: true });
  if (hasFailed) return by("websocket", COULD_NOT, { isFallback: true });
  return by("webrtc", why, { mayFallBack: true });
}

/** A server behind a proxy may not know that its own page came encrypted; nothing else works then. */
function asSafeAs(page: URL, address: string): string {
  const url = new URL(address, page);
  if (page.protocol !== "https:" || url.host !== page.host) return url.href;
  if (url.protocol === "http:") url.protocol = "https:";
  if (url.protocol === "ws:") url.protocol = "wss:";
  return url.href;
}

function askedFor(page: URL): TransportName | null {
  const asked = page.searchParams.get("transport");
  return asked === "webrtc" || asked === "websocket" ? asked : null;
}

/** What one page knows of the calls before. */
class Memory {
  sessionToken: string | null = null;
  hasWebrtcFailed = false;
}

export function chosenTransport(ports: ChoicePorts): Transport {
  const memory = new Memory();
  return {
    open: (request, tell) => {
      const session = new ChosenSession(ports, memory, request, tell);
      void session.begin();
      return session;
    },
  };
}

class ChosenSession implements TransportSession {
  readonly #ports: ChoicePorts;
  readonly #memory: Memory;
  readonly #request: OpenRequest;
  readonly #tell: (event: SessionEvent) => void;
  #track: MediaStreamTrack | null;
  #inner: TransportSession | null = null;
  #hasConnected = false;
  #isOver = false;
  /** Why WebRTC was given up, while the other transport is tried. */
  #given: Failure | null = null;

  constructor(
    ports: ChoicePorts,
    memory: Memory,
    request: OpenRequest,
    tell: (event: SessionEvent) => void,
  ) {
    this.#ports = ports;
    this.#memory = memory;
    this.#request = request;
    this.#tell = tell;
    this.#track = request.track;
  }

  get echo(): MediaStream | null {
    return this.#inner?.echo ?? null;
  }

  async begin(): Promise<void> {
    try {
      const decision = await this.#ask();
      if (this.#isOver) return;
      this.#memory.sessionToken = decision?.sessionToken || null;
      this.#open(choose(this.#ports, decision, this.#memory.hasWebrtcFailed));
    } catch (thrown) {
      if (!this.#isOver) this.#lose(failureOf(thrown));
    }
  }

  #ask(): Promise<SessionDecision | null> {
    if (askedFor(this.#ports.page) !== null) return Promise.resolve(null);
    const { token, isContinuation } = this.#request;
    const resume = isContinuation ? this.#memory.sessionToken : null;
    const decided = this.#ports.ask(token, resume);
    if (resume === null) return decided;
    return decided.catch((thrown: unknown) => {
      // The call before is too long ago to be named, so that it is decided anew.
      if (thrown instanceof CallFailed && thrown.failure.status === 400)
        return this.#ports.ask(token, null);
      throw thrown;
    });
  }

  #open(ways: Ways): void {
    const { choice, whip, websocket, iceServers, mayFallBack } = ways;
    this.#tell({ kind: "chosen", ...choice });
    const connectTimeoutMs = mayFallBack ? FALLBACK_AFTER_MS : null;
    const request = { ...this.#request, track: this.#track ?? this.#request.track };
    try {
      const transport =
        choice.transport === "webrtc"
          ? this.#ports.webrtc({ endpoint: whip, iceServers, connectTimeoutMs })
          : this.#ports.websocket(websocket);
      this.#inner = transport.open(request, (event) => {
        this.#heard(ways, event);
      });
    } catch (thrown) {
      // Browsers whose WebRTC is switched off throw when a peer is made.
      this.#failed(ways, { ...failureOf(thrown), reason: "media-failed" });
    }
  }

  #heard(ways: Ways, event: SessionEvent): void {
    if (this.#isOver) return;
    if (event.kind === "lost") {
      this.#failed(ways, event.failure);
      return;
    }
    if (event.kind === "connected") this.#hasConnected = true;
    this.#tell(event);
  }

  #failed(ways: Ways, failure: Failure): void {
    if (!this.#hasConnected && ways.mayFallBack && FALLS_BACK.has(failure.reason)) {
      this.#given = failure;
      this.#memory.hasWebrtcFailed = true;
      this.#tell({ kind: "note", text: `WebRTC could not connect: ${failure.detail}` });
      const choice = { transport: "websocket", why: COULD_NOT, isFallback: true } as const;
      this.#open({ ...ways, choice, mayFallBack: false });
    } else if (this.#given && failure.reason === "no-endpoint") {
      this.#memory.hasWebrtcFailed = false; // the server has no other way: it is WebRTC or nothing
      this.#lose(this.#given);
    } else this.#lose(failure);
  }

  restart(): void {
    this.#inner?.restart();
  }

  async replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    this.#track = track;
    await this.#inner?.replaceTrack(track);
  }

  async sample(): ReturnType<TransportSession["sample"]> {
    return (await this.#inner?.sample()) ?? null;
  }

  async close(isLeaving?: boolean): Promise<void> {
    this.#isOver = true;
    await this.#inner?.close(isLeaving);
  }

  #lose(failure: Failure): void {
    this.#isOver = true;
    this.#tell({ kind: "lost", failure });
  }
}
