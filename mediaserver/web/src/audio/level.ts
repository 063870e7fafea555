/** How loud sound is: peak and root mean square, as meters show them. Pure. */

export interface Level {
  /** The largest sample, from 0 to 1. */
  readonly peak: number;
  /** Root mean square, from 0 to 1. */
  readonly rms: number;
}

export const SILENCE: Level = { peak: 0, rms: 0 };
export const FLOOR_DB = -60;

export function toDecibels(amplitude: number): number {
  return amplitude <= 0 ? -Infinity : 20 * Math.log10(amplitude);
}

/** Where a level stands on a meter, from 0 (the floor, or less) to 1 (full scale). */
export function meterPosition(amplitude: number): number {
  return Math.min(1, Math.max(0, 1 - toDecibels(amplitude) / FLOOR_DB));
}

/** Adds up samples until a level is taken. Keeps no samples and makes no garbage. */
export class LevelSum {
  #peak = 0;
  #squares = 0;
  #count = 0;

  add(samples: Float32Array): void {
    for (const sample of samples) {
      const size = Math.abs(sample);
      if (size > this.#peak) this.#peak = size;
      this.#squares += sample * sample;
    }
    this.#count += samples.length;
  }

  get count(): number {
    return this.#count;
  }

  /** The level of all since the last one was taken. */
  take(): Level {
    const rms = this.#count > 0 ? Math.sqrt(this.#squares / this.#count) : 0;
    const level = { peak: this.#peak, rms };
    this.#peak = this.#squares = this.#count = 0;
    return level;
  }
}

/** What a meter's needle shows: up at once, down by `fallDbPerS`, as people expect of meters. */
export function fall(shown: number, heard: number, seconds: number, fallDbPerS = 26): number {
  const fallen = shown * 10 ** ((-fallDbPerS * seconds) / 20);
  return heard >= fallen ? heard : fallen < 1e-4 ? 0 : fallen;
}
