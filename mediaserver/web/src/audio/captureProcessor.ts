/** An audio worklet that gives its input in frames of 20 ms; silence where it has none. */

import { Framer } from "./framer";

declare const sampleRate: number;
declare function registerProcessor(name: string, type: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const FRAMES_PER_S = 50;
const BLOCK = 128;

class Capture extends AudioWorkletProcessor {
  readonly #framer = new Framer(sampleRate / FRAMES_PER_S);

  process([input]: Float32Array[][]): boolean {
    const sound = input?.[0] ?? null;
    this.#framer.take(sound, sound?.length ?? BLOCK, (frame) => {
      this.port.postMessage(frame, [frame.buffer]);
    });
    return true;
  }
}

registerProcessor("capture", Capture);
