/** Draws two trails of loudness back to back on one time axis. Pure but for its pen. */

export interface Paints {
  readonly said: string;
  readonly heard: string;
  readonly line: string;
}

export interface Size {
  readonly width: number;
  readonly height: number;
  /** Device pixels per CSS pixel. */
  readonly scale: number;
}

/** Loudness so many columns ago, from 0 to 1. */
export interface Loudness {
  readonly said: (ago: number) => number;
  readonly heard: (ago: number) => number;
}

const BAR_PX = 3;
const GAP_PX = 2;
const COLUMNS_PER_BAR = 3;
const LEAST_PX = 1.5;

export type Pen = Pick<
  CanvasRenderingContext2D,
  "clearRect" | "fillRect" | "fillStyle" | "globalAlpha" | "beginPath" | "roundRect" | "fill"
>;

export function drawTrails(pen: Pen, size: Size, paints: Paints, loudness: Loudness): void {
  const { width, height, scale } = size;
  const middle = Math.round(height / 2);
  const reach = middle - 6 * scale;
  const pitch = (BAR_PX + GAP_PX) * scale;
  const bars = Math.ceil(width / pitch);
  pen.clearRect(0, 0, width, height);
  for (const [paint, levelOf, direction] of [
    [paints.said, loudness.said, -1],
    [paints.heard, loudness.heard, 1],
  ] as const) {
    pen.fillStyle = paint;
    for (let bar = 0; bar < bars; bar++) {
      const level = loudest(levelOf, bar * COLUMNS_PER_BAR);
      const length = Math.max(LEAST_PX * scale, level ** 1.6 * reach);
      const x = width - (bar + 1) * pitch;
      const top = direction < 0 ? middle - scale - length : middle + scale;
      pen.globalAlpha = Math.max(0.12, 1 - (bar / bars) ** 1.5) * (level > 0 ? 1 : 0.45);
      pen.beginPath();
      pen.roundRect(x, top, BAR_PX * scale, length, BAR_PX * scale * 0.5);
      pen.fill();
    }
  }
  pen.globalAlpha = 1;
}

function loudest(levelOf: (ago: number) => number, first: number): number {
  let most = 0;
  for (let column = first; column < first + COLUMNS_PER_BAR; column++)
    most = Math.max(most, levelOf(column));
  return most;
}
