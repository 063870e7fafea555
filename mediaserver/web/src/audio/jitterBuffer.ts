/**
 * What waits to be played: as little as the network lets, and never more than a bound.
 *
 * Frames come in order, as a WebSocket brings them, but in bursts. Playing begins when a margin
 * has come; when sound runs out the margin grows, while all goes well it shrinks. What the margin
 * does not need is cut out under a short crossfade. Pure; runs on the audio thread.
 */

export interface BufferCounts {
  /** What waits now. */
  readonly bufferedMs: number;
  /** Times that sound ran out. */
  readonly underruns: number;
  /** Samples that were played, silence for missing sound included. */
  readonly played: number;
  /** Of them, silence for missing sound. */
  readonly concealed: number;
  /** Samples that were cut out, or did not fit. */
  readonly dropped: number;
}

/** What the audio thread is told to throw away what waits. */
export const CLEAR = "clear";
export const LEAST_MARGIN_MS = 15;
export const MOST_MARGIN_MS = 80;
export const MOST_BUFFERED_MS = 240;
const MARGIN_STEP_MS = 10;
const SLACK_MS = 6;
const FADE_MS = 3;
const WINDOW_S = 1;
const CALM_WINDOWS = 4;

export class JitterBuffer {
  readonly #rateHz: number;
  readonly #ring: Float32Array;
  #read = 0;
  #buffered = 0;
  #isPlaying = false;
  #marginMs = LEAST_MARGIN_MS;
  #frame = 0;
  #last = 0;
  #fadeIn = 0;
  #least = Infinity;
  #window = 0;
  #calm = 0;
  #underruns = 0;
  #played = 0;
  #concealed = 0;
  #dropped = 0;

  constructor(rateHz: number) {
    this.#rateHz = rateHz;
    this.#ring = new Float32Array(this.#samples(MOST_BUFFERED_MS));
  }

  #samples(ms: number): number {
    return Math.round((ms * this.#rateHz) / 1000);
  }

  get isPlaying(): boolean {
    return this.#isPlaying;
  }

  get counts(): BufferCounts {
    return {
      bufferedMs: (1000 * this.#buffered) / this.#rateHz,
      underruns: this.#underruns,
      played: this.#played,
      concealed: this.#concealed,
      dropped: this.#dropped,
    };
  }

  /** Adds sound; what does not fit pushes out the oldest. */
  push(sound: Float32Array): void {
    const size = this.#ring.length;
    const fitting = sound.subarray(Math.max(0, sound.length - size));
    const excess = Math.max(0, this.#buffered + fitting.length - size);
    this.#skip(excess);
    this.#dropped += sound.length - fitting.length;
    if (excess > 0) this.#fadeIn = this.#samples(FADE_MS);
    const write = (this.#read + this.#buffered) % size;
    const first = Math.min(fitting.length, size - write);
    this.#ring.set(fitting.subarray(0, first), write);
    this.#ring.set(fitting.subarray(first), 0);
    this.#buffered += fitting.length;
    this.#frame = sound.length;
  }

  /** Throws away what waits; what was just heard fades out, and a margin comes first again. */
  clear(): void {
    this.#skip(this.#buffered);
    this.#isPlaying = false;
    this.#least = Infinity;
    this.#window = 0;
  }

  /** Fills `output` with what is to be heard now. */
  pull(output: Float32Array): void {
    if (!this.#isPlaying && this.#buffered >= this.#samples(this.#marginMs) + this.#frame) {
      this.#isPlaying = this.#buffered > 0;
      this.#fadeIn = this.#samples(FADE_MS);
    }
    if (!this.#isPlaying) {
      this.#fadeOut(output, 0);
      return;
    }
    const count = Math.min(output.length, this.#buffered);
    const fade = this.#samples(FADE_MS);
    for (let at = 0; at < count; at++) {
      let sample = this.#ring[(this.#read + at) % this.#ring.length] ?? 0;
      if (this.#fadeIn > 0) sample *= 1 - this.#fadeIn-- / fade;
      output[at] = sample;
    }
    this.#last = output[count - 1] ?? this.#last;
    this.#read = (this.#read + count) % this.#ring.length;
    this.#buffered -= count;
    this.#played += count;
    if (count < output.length) this.#runOut(output, count);
    else this.#tend(output.length);
  }

  #runOut(output: Float32Array, from: number): void {
    this.#underruns++;
    this.#isPlaying = false;
    this.#marginMs = Math.min(MOST_MARGIN_MS, this.#marginMs + MARGIN_STEP_MS);
    this.#least = Infinity;
    this.#window = this.#calm = 0;
    this.#fadeOut(output, from);
  }

  /** Silence, reached smoothly. Before the first sound it is no concealment. */
  #fadeOut(output: Float32Array, from: number): void {
    const step = Math.exp(-5 / this.#samples(FADE_MS));
    for (let at = from; at < output.length; at++) output[at] = this.#last *= step;
    if (Math.abs(this.#last) < 1e-5) this.#last = 0;
    if (this.#underruns === 0) return;
    this.#played += output.length - from;
    this.#concealed += output.length - from;
  }

  /** Once a window: cuts out what was never needed; after a calm while asks for less. */
  #tend(length: number): void {
    this.#least = Math.min(this.#least, this.#buffered);
    this.#window += length;
    if (this.#window < WINDOW_S * this.#rateHz) return;
    const excess = this.#least - this.#samples(this.#marginMs);
    if (excess > this.#samples(SLACK_MS)) this.#cut(excess);
    if (++this.#calm >= CALM_WINDOWS) {
      this.#marginMs = Math.max(LEAST_MARGIN_MS, this.#marginMs - MARGIN_STEP_MS);
      this.#calm = 0;
    }
    this.#window = 0;
    this.#least = Infinity;
  }

  /** Leaves out the next samples: what follows them is faded in over them. */
  #cut(samples: number): void {
    const size = this.#ring.length;
    const fade = Math.min(this.#samples(FADE_MS), this.#buffered - samples);
    for (let at = 0; at < fade; at++) {
      const weight = at / fade;
      const from = this.#ring[(this.#read + at) % size] ?? 0;
      const to = (this.#read + samples + at) % size;
      this.#ring[to] = weight * (this.#ring[to] ?? 0) + (1 - weight) * from;
    }
    this.#skip(samples);
  }

  #skip(samples: number): void {
    this.#read = (this.#read + samples) % this.#ring.length;
    this.#buffered -= samples;
    this.#dropped += samples;
  }
}
