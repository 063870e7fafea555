/**
 * An audio worklet that passes sound through and tells its level, 100 times a second.
 *
 * Runs on the audio thread: it keeps no samples and takes no lock.
 */

import { LevelSum } from "./level";

declare const sampleRate: number;
declare function registerProcessor(name: string, type: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const COLUMNS_PER_S = 100;

class Meter extends AudioWorkletProcessor {
  readonly #sum = new LevelSum();
  readonly #column = Math.round(sampleRate / COLUMNS_PER_S / 128) * 128;

  process([input]: Float32Array[][], [output]: Float32Array[][]): boolean {
    output?.forEach((channel, position) => {
      const source = input?.[position] ?? input?.[0];
      if (source) channel.set(source);
    });
    const heard = input?.[0];
    if (heard) this.#sum.add(heard);
    if (this.#sum.count >= this.#column) this.port.postMessage(this.#sum.take());
    return true;
  }
}

registerProcessor("meter", Meter);
