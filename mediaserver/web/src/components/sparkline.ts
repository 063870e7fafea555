/** The path of a small picture of values over time, newest at the right, in 100 by 30. Pure. */

export interface Frame {
  /** How many values fit from left to right. */
  readonly columns: number;
  readonly bottom: number;
  /** The top is this, or the largest value where that is more. */
  readonly leastTop: number;
}

const WIDTH = 100;
const HEIGHT = 30;
const MARGIN = 2;

export interface Paths {
  readonly line: string;
  readonly area: string;
}

/** Values that are not known (`null`) leave the line as it was before. */
export function sparkline(values: readonly (number | null)[], frame: Frame): Paths {
  const { columns, bottom, leastTop } = frame;
  const known = values.flatMap((value, position) =>
    value === null ? [] : [[position + columns - values.length, value] as const],
  );
  const first = known[0];
  const last = known.at(-1);
  if (!first || !last) return { line: "", area: "" };
  const top = Math.max(leastTop, ...known.map(([, value]) => value));
  const x = (position: number): string => ((position * WIDTH) / (columns - 1)).toFixed(1);
  const y = (value: number): string => {
    const share = Math.max(0, (value - bottom) / (top - bottom));
    return (HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)).toFixed(1);
  };
  const line = "M" + known.map(([position, value]) => `${x(position)} ${y(value)}`).join("L");
  return { line, area: `${line}L${x(last[0])} ${HEIGHT}L${x(first[0])} ${HEIGHT}Z` };
}
