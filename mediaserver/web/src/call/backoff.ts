/** How long to wait before another try. Pure. */

const FIRST_MS = 400;
const LONGEST_MS = 8_000;

/**
 * Doubles with each attempt (counted from 1), and is spread by `random` (0 to 1) over the upper
 * half, so that many clients of a server that left do not come back all at once. A server that
 * names a time is asked no earlier.
 */
export function waitMs(attempt: number, random: number, retryAfterS?: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  const own = ceiling * (0.5 + 0.5 * random);
  if (retryAfterS === undefined) return Math.round(own);
  return Math.round(Math.max(own, 1000 * retryAfterS + FIRST_MS * random));
}
