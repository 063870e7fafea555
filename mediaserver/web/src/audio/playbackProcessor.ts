/**
 * An audio worklet that plays the sound it is sent, through a jitter buffer, and tells of it.
 * `CLEAR` instead of sound throws away what waits.
 */

import { CLEAR, JitterBuffer } from "./jitterBuffer";

declare const sampleRate: number;
declare function registerProcessor(name: string, type: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const REPORTS_PER_S = 10;

class Playback extends AudioWorkletProcessor {
  readonly #buffer = new JitterBuffer(sampleRate);
  #untold = 0;
  #wasPlaying = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<Float32Array | typeof CLEAR>) => {
      if (data === CLEAR) this.#buffer.clear();
      else this.#buffer.push(data);
    };
  }

  process(_inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const channel = output?.[0];
    if (!channel) return true;
    this.#buffer.pull(channel);
    this.#untold += channel.length;
    const { isPlaying, counts } = this.#buffer;
    if (this.#untold >= sampleRate / REPORTS_PER_S || isPlaying !== this.#wasPlaying) {
      this.#untold = 0;
      this.#wasPlaying = isPlaying;
      this.port.postMessage({ ...counts, isPlaying });
    }
    return true;
  }
}

registerProcessor("playback", Playback);
