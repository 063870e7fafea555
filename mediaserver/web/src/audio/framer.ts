/** Sound in blocks of any length to frames of one length. Pure; runs on the audio thread. */

export class Framer {
  readonly #length: number;
  #frame: Float32Array<ArrayBuffer>;
  #filled = 0;

  constructor(length: number) {
    this.#length = length;
    this.#frame = new Float32Array(length);
  }

  /** Takes a block; gives each frame that it completes. `null` is `length` samples of silence. */
  take(
    block: Float32Array | null,
    length: number,
    give: (frame: Float32Array<ArrayBuffer>) => void,
  ): void {
    for (let at = 0; at < length;) {
      const count = Math.min(length - at, this.#length - this.#filled);
      if (block) this.#frame.set(block.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled < this.#length) continue;
      give(this.#frame);
      this.#frame = new Float32Array(this.#length);
      this.#filled = 0;
    }
  }
}
