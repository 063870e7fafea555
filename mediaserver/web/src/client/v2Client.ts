/**
 * A WebSocket v2 client (docs/websocket-v2.md): one session from its start to its end.
 *
 * It opens sockets by the factory that it is given, and knows no codec: frames go in and come
 * out as they travel. Whether to try again, or to move, is for who opened the session.
 */

import { fromBase64, toBase64 } from "./base64.js";
import { failureOf, failureOfResponse, type Failure } from "./failure.js";
import { Reception } from "./reception.js";
import { buildPacket, parsePacket } from "./rtpPacket.js";
import {
  CLOSED,
  failureOfClose,
  MOVED,
  readMessage,
  writeStart,
  type AudioFormat,
  type ServerMessage,
} from "./v2Messages.js";

/** What the client needs of the browser; tests give their own. */
export interface V2Ports {
  readonly openSocket: (url: string, protocols: string[]) => WebSocket;
  /** Asks why a WebSocket was refused, which browsers do not tell. */
  readonly fetch: typeof fetch;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

export const browserV2Ports: V2Ports = {
  openSocket: (url, protocols) => new WebSocket(url, protocols),
  fetch: (...request) => fetch(...request),
  nowMs: () => performance.now(),
  random: () => Math.random(),
};

export type Dialect = "vm.v2.rtp" | "vm.v2.json";

export interface V2Request {
  /** `ws:`, `wss:`, or the same by `http:`; relative ones count from the page. */
  readonly endpoint: string;
  readonly format: AudioFormat;
  readonly token?: string | null;
  readonly dialect?: Dialect;
  /** Of the session that this one is to follow. */
  readonly resumeToken?: string | null;
}

/** A piece of audio that came. */
export interface Frame {
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Without wraps. */
  readonly sequence: number;
}

/** How what came is being played; told to the server every few seconds. */
export interface Playback {
  readonly bufferedMs: number;
  readonly underruns: number;
}

/** What a session tells while it lives. After `lost` it tells nothing more. */
export type V2Event =
  | { readonly kind: "answered"; readonly id: string; readonly tookMs: number }
  | { readonly kind: "connected" }
  | { readonly kind: "interrupted" }
  | { readonly kind: "recovered" }
  /** Open another session by the token, then close this one. */
  | {
      readonly kind: "move-asked";
      readonly detail: string;
      readonly resumeToken: string | null;
    }
  | { readonly kind: "lost"; readonly failure: Failure }
  | { readonly kind: "note"; readonly text: string };

export interface V2Listener {
  readonly tell: (event: V2Event) => void;
  readonly hear: (frame: Frame) => void;
  /** Nothing that came so far is to be played any more. */
  readonly clear?: () => void;
  readonly playback?: () => Playback;
}

/** Since the session's beginning. */
export interface V2Counts {
  readonly framesSent: number;
  /** Frames that were not sent, since too many waited. */
  readonly framesDropped: number;
  readonly bytesSent: number;
  readonly framesReceived: number;
  readonly framesLost: number;
  readonly bytesReceived: number;
  readonly jitterS: number | null;
  readonly roundTripS: number | null;
}

export interface V2Session {
  /** Sends a frame that lasts so many units of the format's clock; false when it was dropped. */
  send(payload: Uint8Array, units: number): boolean;
  counts(): V2Counts;
  /** Names this session to the next one, where the server lets it. */
  readonly resumeToken: string | null;
  /** Finds out at once whether the connection lives, for instance since the network changed. */
  probe(): void;
  close(): void;
}

export const START_TIMEOUT_MS = 10_000;
export const PING_MS = 2_000;
export const STATS_MS = 5_000;
const WATCH_MS = 250;
export const INTERRUPTED_AFTER_MS = 2_500;
export const LOST_AFTER_MS = 8_000;
export const PROBE_TIMEOUT_MS = 2_000;
/** Older sound is of no use: what waits beyond this is not added to. */
export const MAX_BUFFERED_MS = 200;

/** Begins a session at once; how it goes is told to `listener`. */
export function openV2Session(ports: V2Ports, request: V2Request, listener: V2Listener): V2Session {
  const session = new Session(ports, request, listener);
  session.open();
  return session;
}

class Session implements V2Session {
  resumeToken: string | null = null;
  readonly #ports: V2Ports;
  readonly #request: V2Request;
  readonly #listener: V2Listener;
  readonly #dialect: Dialect;
  readonly #url: URL;
  readonly #reception: Reception;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  /** Until what came before them has been played. */
  readonly #marks = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #ssrc: number;
  #socket: WebSocket | null = null;
  #phase: "opening" | "started" | "over" = "opening";
  #openedMs = 0;
  #heardMs = 0;
  #isInterrupted = false;
  #isAskedToMove = false;
  #error: Extract<ServerMessage, { event: "error" }> | null = null;
  #payloadType = 0;
  #sequence: number;
  #timestamp: number;
  #framesSent = 0;
  #framesDropped = 0;
  #bytesSent = 0;
  #bytesReceived = 0;
  #roundTripMs: number | null = null;
  #pinged = { t: -1, atMs: 0 };

  constructor(ports: V2Ports, request: V2Request, listener: V2Listener) {
    this.#ports = ports;
    this.#request = request;
    this.#listener = listener;
    this.#dialect = request.dialect ?? "vm.v2.rtp";
    this.#url = resolve(request.endpoint);
    this.#reception = new Reception(request.format.sampleRate);
    const draw = (bits: number): number => Math.floor(ports.random() * 2 ** bits);
    // Under RTP both begin anywhere (RFC 3550 section 5.1); chunks count from 1.
    this.#sequence = this.#dialect === "vm.v2.rtp" ? draw(16) : 1;
    this.#timestamp = this.#dialect === "vm.v2.rtp" ? draw(32) : 0;
    this.#ssrc = draw(32);
  }

  // -- opening ------------------------------------------------------------------------------

  open(): void {
    this.#openedMs = this.#ports.nowMs();
    try {
      const socket = this.#ports.openSocket(this.#url.href, [this.#dialect]);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        this.#start();
      };
      socket.onmessage = ({ data }: MessageEvent<unknown>) => {
        this.#take(data);
      };
      socket.onclose = ({ code, reason }) => {
        this.#closed(code, reason);
      };
      this.#socket = socket;
    } catch (thrown) {
      queueMicrotask(() => {
        this.#lose(failureOf(thrown));
      });
    }
    this.#after(START_TIMEOUT_MS, () => {
      if (this.#phase === "opening")
        this.#lose({ reason: "timed-out", detail: "The WebSocket was not answered in time." });
    });
  }

  #start(): void {
    const { format, token = null, resumeToken = null } = this.#request;
    this.#say(JSON.stringify({ event: "connected", protocol: "vm.v2", version: "1.0.0" }));
    this.#say(writeStart({ format, token, resumeToken }));
  }

  #started(message: Extract<ServerMessage, { event: "started" }>): void {
    if (this.#phase !== "opening") return;
    if (this.#dialect === "vm.v2.rtp" && message.payloadType === null) {
      this.#lose({ reason: "bad-answer", detail: "The server names no payload type." });
      return;
    }
    this.#phase = "started";
    this.#payloadType = message.payloadType ?? 0;
    this.resumeToken = message.resumeToken;
    const tookMs = this.#ports.nowMs() - this.#openedMs;
    this.#tell({ kind: "answered", id: message.id, tookMs });
    this.#tell({ kind: "connected" });
    this.#every(PING_MS, () => {
      this.#ping();
    });
    this.#every(STATS_MS, () => {
      this.#report();
    });
    this.#every(WATCH_MS, () => {
      this.#watch();
    });
    this.#ping();
  }

  // -- what the server says -----------------------------------------------------------------

  #take(data: unknown): void {
    if (this.#phase === "over") return;
    this.#heard();
    if (data instanceof ArrayBuffer) this.#takePacket(data);
    else if (typeof data === "string") {
      const message = readMessage(data);
      if (message) this.#takeMessage(message);
    }
  }

  #takeMessage(message: ServerMessage): void {
    const nowMs = this.#ports.nowMs();
    switch (message.event) {
      case "started":
        this.#started(message);
        break;
      case "media": {
        const payload = fromBase64(message.payload);
        if (payload) {
          const timestamp = ((message.timestamp ?? 0) * this.#request.format.sampleRate) / 1000;
          this.#hear(payload, message.chunk ?? this.#reception.received + 1, timestamp);
        }
        break;
      }
      case "mark":
        this.#marks.set(
          message.name,
          this.#after(this.#listener.playback?.().bufferedMs ?? 0, () => {
            this.#giveBack(message.name);
          }),
        );
        break;
      case "clear":
        this.#listener.clear?.();
        for (const [name, timer] of this.#marks) {
          clearTimeout(timer);
          this.#timers.delete(timer);
          this.#giveBack(name);
        }
        break;
      case "ping":
        this.#say(JSON.stringify({ event: "pong", t: message.t, s: Math.round(nowMs) }));
        break;
      case "pong":
        if (message.t === this.#pinged.t) this.#roundTripMs = nowMs - this.#pinged.atMs;
        break;
      case "reconnect":
        this.#isAskedToMove = true;
        this.resumeToken = message.resumeToken ?? this.resumeToken;
        this.#after(delayOf(message), () => {
          const { resumeToken } = this;
          this.#tell({ kind: "move-asked", detail: message.reason, resumeToken });
        });
        break;
      case "error":
        if (message.code === "resume_failed")
          this.#tell({ kind: "note", text: "The server began anew instead of resuming the call." });
        else this.#error = message;
        break;
    }
  }

  #giveBack(mark: string): void {
    this.#marks.delete(mark);
    this.#say(JSON.stringify({ event: "mark", mark: { name: mark } }));
  }

  #takePacket(message: ArrayBuffer): void {
    const packet = parsePacket(message);
    if (packet?.payloadType === this.#payloadType)
      this.#hear(packet.payload, packet.sequence, packet.timestamp);
  }

  #hear(payload: Uint8Array<ArrayBuffer>, number: number, timestamp: number): void {
    this.#bytesReceived += payload.length;
    const sequence = this.#reception.take(number & 0xffff, timestamp, this.#ports.nowMs());
    this.#listener.hear({ payload, sequence });
  }

  // -- what we say --------------------------------------------------------------------------

  send(payload: Uint8Array, units: number): boolean {
    if (this.#phase !== "started" || this.#socket?.readyState !== OPEN) return false;
    const sequence = this.#sequence++;
    const timestamp = this.#timestamp;
    this.#timestamp += units;
    const message = this.#frame(payload, sequence, timestamp);
    const bytes = message.length;
    const frameMs = (1000 * units) / this.#request.format.sampleRate;
    // A frame that is not sent keeps its number, so that the server sees it as lost.
    if (this.#socket.bufferedAmount > (MAX_BUFFERED_MS / frameMs) * bytes) {
      this.#framesDropped++;
      return false;
    }
    this.#socket.send(message);
    this.#framesSent++;
    this.#bytesSent += payload.length;
    return true;
  }

  #frame(
    payload: Uint8Array,
    sequence: number,
    timestamp: number,
  ): Uint8Array<ArrayBuffer> | string {
    if (this.#dialect === "vm.v2.rtp") {
      const fields = { payloadType: this.#payloadType, sequence, timestamp, ssrc: this.#ssrc };
      return buildPacket(fields, payload);
    }
    const timestampMs = Math.round((1000 * timestamp) / this.#request.format.sampleRate);
    const media = { chunk: sequence, timestamp: timestampMs, payload: toBase64(payload) };
    return JSON.stringify({ event: "media", media });
  }

  #ping(): void {
    const atMs = this.#ports.nowMs();
    this.#pinged = { t: Math.floor(atMs), atMs };
    this.#say(JSON.stringify({ event: "ping", t: this.#pinged.t }));
  }

  #report(): void {
    const { lost, jitterS } = this.#reception;
    this.#say(
      JSON.stringify({
        event: "stats",
        lost,
        ...(jitterS === null ? {} : { jitterMs: 1000 * jitterS }),
        ...(this.#roundTripMs === null ? {} : { rttMs: this.#roundTripMs }),
        ...this.#listener.playback?.(),
      }),
    );
  }

  #say(text: string): void {
    if (this.#phase !== "over" && this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  counts(): V2Counts {
    return {
      framesSent: this.#framesSent,
      framesDropped: this.#framesDropped,
      bytesSent: this.#bytesSent,
      framesReceived: this.#reception.received,
      framesLost: this.#reception.lost,
      bytesReceived: this.#bytesReceived,
      jitterS: this.#reception.jitterS,
      roundTripS: this.#roundTripMs === null ? null : this.#roundTripMs / 1000,
    };
  }

  // -- staying ------------------------------------------------------------------------------

  #heard(): void {
    this.#heardMs = this.#ports.nowMs();
    if (!this.#isInterrupted) return;
    this.#isInterrupted = false;
    this.#tell({ kind: "recovered" });
  }

  /** A network that is gone breaks no connection; that nothing comes tells it. */
  #watch(): void {
    const silentMs = this.#ports.nowMs() - this.#heardMs;
    if (silentMs > LOST_AFTER_MS) this.#lose(failureOfClose(CLOSED.broken, "", null));
    else if (silentMs > INTERRUPTED_AFTER_MS && !this.#isInterrupted) {
      this.#isInterrupted = true;
      this.#tell({ kind: "interrupted" });
    }
  }

  probe(): void {
    if (this.#phase !== "started") return;
    const askedMs = this.#ports.nowMs();
    this.#ping();
    this.#after(PROBE_TIMEOUT_MS, () => {
      if (this.#heardMs < askedMs) this.#lose(failureOfClose(CLOSED.broken, "", null));
    });
  }

  // -- ending -------------------------------------------------------------------------------

  close(): void {
    if (this.#phase === "started") this.#say(JSON.stringify({ event: "stop" }));
    this.#release();
  }

  #closed(code: number, reason: string): void {
    if (this.#phase === "over") return;
    if (this.#isAskedToMove && code === CLOSED.normal && reason === MOVED)
      this.#release(); // its successor is heard; who opened both knows
    else if (this.#phase === "opening") void this.#refused(code, reason);
    else this.#lose(failureOfClose(code, reason, this.#error?.message ?? null));
  }

  /** Browsers hide why a WebSocket was refused; the same address tells it to a plain request. */
  async #refused(code: number, reason: string): Promise<void> {
    const told = this.#error;
    if (told && told.code !== "refused") {
      this.#lose(failureOfClose(code, reason, told.message));
      return;
    }
    const { token } = this.#request;
    const url = new URL(this.#url);
    url.protocol = url.protocol === "wss:" ? "https:" : "http:";
    try {
      const response = await this.#ports.fetch(url.href, {
        headers: token ? { Authorization: `Bearer ${token}` } : {},
        cache: "no-store",
        signal: AbortSignal.timeout(START_TIMEOUT_MS),
      });
      this.#lose(
        response.status === UPGRADE_REQUIRED
          ? { reason: "media-failed", detail: "A WebSocket to the server could not be opened." }
          : await failureOfResponse(response, Date.now()),
      );
    } catch (thrown) {
      this.#lose(failureOf(thrown));
    }
  }

  #lose(failure: Failure): void {
    if (this.#phase === "over") return;
    this.#release();
    this.#listener.tell({ kind: "lost", failure });
  }

  #release(): void {
    this.#phase = "over";
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
    this.#socket?.close(CLOSED.normal);
  }

  #tell(event: V2Event): void {
    if (this.#phase !== "over") this.#listener.tell(event);
  }

  #after(delayMs: number, act: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, delayMs);
    this.#timers.add(timer);
    return timer;
  }

  #every(intervalMs: number, act: () => void): void {
    this.#timers.add(setInterval(act, intervalMs));
  }
}

const UPGRADE_REQUIRED = 426;
const OPEN = 1; // of a WebSocket's ready states

/** Until the move may begin; clocks that differ never take more than half of what is given. */
function delayOf({
  afterMs,
  withinMs,
}: Extract<ServerMessage, { readonly event: "reconnect" }>): number {
  const waitMs = afterMs === null ? 0 : afterMs - Date.now();
  return Math.max(0, Math.min(waitMs, (withinMs ?? 0) / 2));
}

function resolve(endpoint: string): URL {
  const url = new URL(endpoint, typeof document === "undefined" ? undefined : document.baseURI);
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  return url;
}
