/** WebSocket v2 as a transport: a session, and the path of sound that WebRTC would bring along. */

import { bestFormat, l16, OPUS } from "../audio/voiceCodec";
import { VoicePath } from "../audio/voicePath";
import { failureOf } from "../client/failure";
import { openV2Session, type V2Event, type V2Ports, type V2Session } from "../client/v2Client";
import type { AudioFormat } from "../client/v2Messages";
import { Sampler, type QualitySample } from "../quality/sample";
import type { OpenRequest, SessionEvent, Transport, TransportSession } from "./transport";

/** An endpoint that echoes nothing is not waited for. */
const AUDIBLE_TIMEOUT_MS = 1_500;

export interface WebsocketOptions {
  readonly endpoint: string;
  /** `null` takes the best that this browser has. */
  readonly format: AudioFormat | null;
  /** What the last session of the call was named by; shared by the transports of one page. */
  readonly memory: { resumeToken: string | null };
}

/** `?codec=opus`, `l16` (48 kHz) or `l16-16000`, for tests and demos; `null` for the best. */
export function formatAskedFor(page: URL): AudioFormat | null {
  return FORMATS.get(page.searchParams.get("codec") ?? "") ?? null;
}

const FORMATS: ReadonlyMap<string, AudioFormat> = new Map([
  ["opus", OPUS],
  ["l16", l16(48_000)],
  ["l16-16000", l16(16_000)],
]);

export function websocketTransport(ports: V2Ports, options: WebsocketOptions): Transport {
  return {
    open: (request, tell) => {
      const session = new Session(ports, options, request, tell);
      void session.begin();
      return session;
    },
  };
}

class Session implements TransportSession {
  readonly #ports: V2Ports;
  readonly #options: WebsocketOptions;
  readonly #request: OpenRequest;
  readonly #tell: (event: SessionEvent) => void;
  readonly #sampler = new Sampler();
  #track: MediaStreamTrack | null;
  #path: VoicePath | null = null;
  #v2: V2Session | null = null;
  #codec = "";
  #audible: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #isAudible = false;
  #bufferDelayS = 0;
  #emitted = 0;

  constructor(
    ports: V2Ports,
    options: WebsocketOptions,
    request: OpenRequest,
    tell: (event: SessionEvent) => void,
  ) {
    this.#ports = ports;
    this.#options = options;
    this.#request = request;
    this.#tell = tell;
    this.#track = request.track;
  }

  get echo(): MediaStream | null {
    return this.#path?.echo ?? null;
  }

  async begin(): Promise<void> {
    try {
      const format = this.#options.format ?? (await bestFormat());
      if (this.#isOver) return;
      this.#codec =
        format.encoding === "audio/opus" ? "opus" : `L16, ${format.sampleRate / 1000} kHz`;
      const path = this.#makePath(format);
      await path.begin();
      if (!this.#hasEnded()) this.#connect(format, path);
    } catch (thrown) {
      this.#lose({ ...failureOf(thrown), reason: "media-failed" });
    }
  }

  #makePath(format: AudioFormat): VoicePath {
    const path = new VoicePath(format, this.#request.track, {
      encoded: (payload, samples) => this.#v2?.send(payload, samples),
      audible: () => {
        this.#sounds();
      },
      failed: (detail) => {
        this.#lose({ reason: "media-failed", detail });
      },
    });
    if (this.#track !== this.#request.track) path.replaceTrack(this.#track);
    this.#path = path;
    return path;
  }

  #connect(format: AudioFormat, path: VoicePath): void {
    const { endpoint, memory } = this.#options;
    const { token, isContinuation } = this.#request;
    const resumeToken = isContinuation ? memory.resumeToken : null;
    this.#v2 = openV2Session(
      this.#ports,
      { endpoint, format, token, resumeToken },
      {
        tell: (event) => {
          this.#heard(event);
        },
        hear: ({ payload }) => {
          path.play(payload);
        },
        clear: () => {
          path.clear();
        },
        playback: () => path.counts,
      },
    );
  }

  #heard(event: V2Event): void {
    if (this.#isOver) return;
    switch (event.kind) {
      case "connected":
        this.#options.memory.resumeToken = this.#v2?.resumeToken ?? null;
        this.#tell(event);
        this.#audible = setTimeout(() => {
          this.#sounds();
        }, AUDIBLE_TIMEOUT_MS);
        break;
      case "move-asked":
        this.#options.memory.resumeToken = event.resumeToken;
        this.#tell({ kind: "move-asked", detail: event.detail });
        break;
      case "lost":
        this.#lose(event.failure);
        break;
      case "answered":
      case "interrupted":
      case "recovered":
      case "note":
        this.#tell(event);
        break;
    }
  }

  #sounds(): void {
    if (this.#isAudible || this.#isOver) return;
    this.#isAudible = true;
    this.#tell({ kind: "audible" });
  }

  restart(): void {
    this.#v2?.probe();
  }

  replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    this.#track = track;
    this.#path?.replaceTrack(track);
    return Promise.resolve();
  }

  sample(): Promise<QualitySample | null> {
    if (!this.#v2 || !this.#path) return Promise.resolve(null);
    const counts = this.#v2.counts();
    if (counts.framesReceived === 0) return Promise.resolve(null);
    const { bufferedMs, played, concealed } = this.#path.counts;
    this.#bufferDelayS += (bufferedMs / 1000) * (played - this.#emitted);
    this.#emitted = played;
    return Promise.resolve(
      this.#sampler.take({
        atMs: this.#ports.nowMs(),
        packetsReceived: counts.framesReceived,
        packetsLost: counts.framesLost,
        bytesReceived: counts.bytesReceived,
        bytesSent: counts.bytesSent,
        samples: played,
        concealedSamples: concealed,
        bufferDelayS: this.#bufferDelayS,
        bufferEmitted: this.#emitted,
        jitterS: counts.jitterS,
        roundTripS: counts.roundTripS,
        codec: this.#codec,
        protocol: "tcp",
      }),
    );
  }

  close(): Promise<void> {
    this.#release();
    return Promise.resolve();
  }

  #lose(failure: Extract<SessionEvent, { kind: "lost" }>["failure"]): void {
    if (this.#isOver) return;
    this.#release();
    this.#tell({ kind: "lost", failure });
  }

  #release(): void {
    this.#isOver = true;
    clearTimeout(this.#audible);
    this.#v2?.close();
    this.#path?.close();
  }

  #hasEnded(): boolean {
    return this.#isOver;
  }
}
