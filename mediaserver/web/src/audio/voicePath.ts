/**
 * Sound to frames and frames to sound, for a transport that has no media of its own.
 *
 *   track ─ capture ─ encoder ─▶ frames out
 *   frames in ─▶ decoder ─ jitter buffer ─ echo
 *
 * Its graph runs at the rate of the format: the browser resamples at both of its ends.
 */

import type { AudioFormat } from "../client/v2Messages";
import captureUrl from "./captureProcessor?worker&url";
import { CLEAR, type BufferCounts } from "./jitterBuffer";
import playbackUrl from "./playbackProcessor?worker&url";
import { codecOf, type Codec } from "./voiceCodec";

const NOTHING: BufferCounts = {
  bufferedMs: 0,
  underruns: 0,
  played: 0,
  concealed: 0,
  dropped: 0,
};
/** From the first sound until it has passed the graphs behind. */
const AUDIBLE_AFTER_MS = 60;
/** Whoever plays the echo fades it out meanwhile. */
const CLOSE_AFTER_MS = 200;

export interface VoicePathWatcher {
  /** A frame to be sent, and how long it lasts in samples. */
  readonly encoded: (payload: Uint8Array<ArrayBuffer>, samples: number) => void;
  /** What comes back is heard. Once. */
  readonly audible: () => void;
  readonly failed: (detail: string) => void;
}

export class VoicePath {
  /** Silent until frames come. */
  readonly echo: MediaStream;
  readonly #context: AudioContext;
  readonly #destination: MediaStreamAudioDestinationNode;
  readonly #encoder: Codec<Float32Array<ArrayBuffer>>;
  readonly #decoder: Codec<Uint8Array<ArrayBuffer>>;
  readonly #watcher: VoicePathWatcher;
  #source: MediaStreamAudioSourceNode | null = null;
  #capture: AudioWorkletNode | null = null;
  #playback: AudioWorkletNode | null = null;
  #counts = NOTHING;
  #isAudible = false;
  #isClosed = false;

  constructor(format: AudioFormat, track: MediaStreamTrack, watcher: VoicePathWatcher) {
    this.#watcher = watcher;
    this.#context = new AudioContext({
      sampleRate: format.sampleRate,
      latencyHint: "interactive",
    });
    this.#destination = this.#context.createMediaStreamDestination();
    this.#destination.channelCount = 1;
    this.echo = this.#destination.stream;
    const samples = format.sampleRate / 50;
    const codec = codecOf(format, (detail) => {
      if (!this.#isClosed) watcher.failed(detail);
    });
    this.#encoder = codec.encoder((payload) => {
      if (!this.#isClosed) watcher.encoded(payload, samples);
    });
    this.#decoder = codec.decoder((sound) => {
      this.#playback?.port.postMessage(sound, [sound.buffer]);
    });
    this.replaceTrack(track);
  }

  /** Lets sound flow. Rejects where the browser cannot. */
  async begin(): Promise<void> {
    const context = this.#context;
    const { audioWorklet } = context;
    void context.resume();
    await Promise.all([audioWorklet.addModule(captureUrl), audioWorklet.addModule(playbackUrl)]);
    if (this.#isClosed) return;
    const playback = new AudioWorkletNode(context, "playback", {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    playback.port.onmessage = ({
      data,
    }: MessageEvent<BufferCounts & { readonly isPlaying: boolean }>) => {
      this.#counts = data;
      if (data.isPlaying) this.#sounds();
    };
    playback.connect(this.#destination);
    this.#playback = playback;
    const capture = new AudioWorkletNode(context, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    capture.port.onmessage = ({ data }: MessageEvent<Float32Array<ArrayBuffer>>) => {
      this.#encoder.put(data);
    };
    this.#source?.connect(capture);
    this.#capture = capture;
  }

  #sounds(): void {
    if (this.#isAudible) return;
    this.#isAudible = true;
    setTimeout(() => {
      if (!this.#isClosed) this.#watcher.audible();
    }, AUDIBLE_AFTER_MS);
  }

  /** Plays a frame that came. */
  play(payload: Uint8Array<ArrayBuffer>): void {
    if (!this.#isClosed) this.#decoder.put(payload);
  }

  /** Plays nothing more of what came, but for what the decoder holds just now. */
  clear(): void {
    this.#playback?.port.postMessage(CLEAR);
  }

  get counts(): BufferCounts {
    return this.#counts;
  }

  /** Sends another track, or silence. */
  replaceTrack(track: MediaStreamTrack | null): void {
    this.#source?.disconnect();
    this.#source = track && this.#context.createMediaStreamSource(new MediaStream([track]));
    if (this.#capture) this.#source?.connect(this.#capture);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#encoder.close();
    this.#decoder.close();
    this.#source?.disconnect();
    setTimeout(() => void this.#context.close(), CLOSE_AFTER_MS);
  }
}
