/** A WebSocket whose other end a test plays. */

import {
  openV2Session,
  type Frame,
  type V2Event,
  type V2Request,
  type V2Session,
} from "./v2Client.js";
import type { AudioFormat } from "./v2Messages.js";

export const OPUS: AudioFormat = { encoding: "audio/opus", sampleRate: 48_000, channels: 1 };
export const ENDPOINT = "https://host.example/v2/ws";

export class SocketTwin {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly sent: (string | Uint8Array)[] = [];
  binaryType = "blob";
  bufferedAmount = 0;
  readyState = 0;
  closedWith: number | null = null;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  send(message: string | Uint8Array): void {
    this.sent.push(message);
  }

  close(code: number): void {
    this.closedWith ??= code;
    this.readyState = 3;
  }

  accept(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  say(message: unknown): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }

  play(packet: Uint8Array): void {
    this.onmessage?.({ data: packet.slice().buffer });
  }

  hangUp(code: number, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  /** The messages of one kind that were sent, parsed. */
  said(event: string): Readonly<Record<string, unknown>>[] {
    return this.sent
      .filter((message) => typeof message === "string")
      .map((text) => JSON.parse(text) as Readonly<Record<string, unknown>>)
      .filter((message) => message["event"] === event);
  }

  get packets(): Uint8Array[] {
    return this.sent.filter((message) => typeof message !== "string");
  }
}

export const started = (session: Readonly<Record<string, unknown>> = {}): unknown => ({
  event: "started",
  streamSid: "MZ1",
  session: { id: "abcdef", mediaFormat: OPUS, maxFrameMs: 60, payloadType: 111, ...session },
});

/** A session with a socket whose other end the test plays, and what it told. */
export class V2World {
  readonly told: V2Event[] = [];
  readonly heard: Frame[] = [];
  clears = 0;
  readonly sockets: SocketTwin[] = [];
  readonly asked: { readonly url: string; readonly headers: Headers }[] = [];
  readonly session: V2Session;
  /** What a plain request is answered. */
  answer: Response | Error = new Response(null, { status: 426 });
  refusal: Error | null = null;
  nowMs = 1000.25;

  constructor(request: Partial<V2Request> = {}, refusal: Error | null = null) {
    this.refusal = refusal;
    this.session = openV2Session(
      {
        openSocket: (url, protocols) => {
          if (this.refusal) throw this.refusal;
          const socket = new SocketTwin(url, protocols);
          this.sockets.push(socket);
          return socket as unknown as WebSocket; // all of it that the client uses
        },
        fetch: (url, init) => {
          this.asked.push({ url: url as string, headers: new Headers(init?.headers) });
          return this.answer instanceof Error
            ? Promise.reject(this.answer)
            : Promise.resolve(this.answer);
        },
        nowMs: () => this.nowMs,
        random: () => 0.5,
      },
      { endpoint: ENDPOINT, format: OPUS, ...request },
      {
        tell: (event) => this.told.push(event),
        hear: (frame) => this.heard.push(frame),
        clear: () => this.clears++,
        playback: () => ({ bufferedMs: 40, underruns: 2 }),
      },
    );
  }

  get socket(): SocketTwin {
    const socket = this.sockets[0];
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  get kinds(): string[] {
    return this.told.map(({ kind }) => kind);
  }

  start(session: Readonly<Record<string, unknown>> = {}): this {
    this.socket.accept();
    this.socket.say(started(session));
    return this;
  }
}
