/** The last seconds of a sound as loudness, one column each few milliseconds. Pure. */

import { SILENCE, type Level } from "./level";

export class Trail {
  readonly columns: number;
  readonly #levels: Level[];
  #written = 0;

  constructor(columns: number) {
    this.columns = columns;
    this.#levels = new Array<Level>(columns).fill(SILENCE);
  }

  /** Columns that were ever written: tells who draws whether anything is new. */
  get written(): number {
    return this.#written;
  }

  add(level: Level): void {
    this.#levels[this.#written++ % this.columns] = level;
  }

  /** The level `ago` columns before the newest (0). */
  at(ago: number): Level {
    const position = this.#written - 1 - ago;
    if (position < 0 || ago >= this.columns) return SILENCE;
    return this.#levels[position % this.columns] ?? SILENCE;
  }

  clear(): void {
    this.#levels.fill(SILENCE);
    this.#written = 0;
  }
}
