/** What was received of a stream: loss and jitter as RFC 3550 (appendix A) counts them. Pure. */

export class Reception {
  readonly #clockHz: number;
  #first: number | null = null;
  #highest = 0;
  #received = 0;
  #transit: number | null = null;
  #jitterUnits = 0;

  constructor(clockHz: number) {
    this.#clockHz = clockHz;
  }

  /** Counts a packet that arrived now; returns its sequence number without wraps. */
  take(sequence: number, timestamp: number, nowMs: number): number {
    this.#first ??= sequence;
    if (this.#received === 0) this.#highest = sequence;
    const step = ((sequence - this.#highest + 0x8000) & 0xffff) - 0x8000;
    const extended = this.#highest + step;
    this.#highest = Math.max(this.#highest, extended);
    this.#received++;
    const transit = ((nowMs * this.#clockHz) / 1000 - timestamp) % 2 ** 32;
    if (this.#transit !== null) {
      const changed = Math.abs(transit - this.#transit);
      const wrapped = Math.min(changed, Math.abs(2 ** 32 - changed));
      this.#jitterUnits += (wrapped - this.#jitterUnits) / 16;
    }
    this.#transit = transit;
    return extended;
  }

  get received(): number {
    return this.#received;
  }

  /** Expected minus received, never below 0: what comes twice makes up for nothing. */
  get lost(): number {
    const expected = this.#first === null ? 0 : this.#highest - this.#first + 1;
    return Math.max(0, expected - this.#received);
  }

  /** Seconds; `null` before the second packet. */
  get jitterS(): number | null {
    return this.#received < 2 ? null : this.#jitterUnits / this.#clockHz;
  }
}
