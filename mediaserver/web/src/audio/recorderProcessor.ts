/** An audio worklet that records its two inputs side by side, block by block. */

declare function registerProcessor(name: string, type: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

class Recorder extends AudioWorkletProcessor {
  process(inputs: Float32Array[][]): boolean {
    const blocks = inputs.map((input) => input[0]?.slice() ?? new Float32Array(128));
    this.port.postMessage(blocks);
    return true;
  }
}

registerProcessor("recorder", Recorder);
