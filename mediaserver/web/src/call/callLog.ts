/** What happened in the call, line by line, as people read it and can copy it. Pure. */

export interface LogLine {
  readonly number: number;
  readonly at: Date;
  readonly text: string;
  readonly tone: "plain" | "good" | "bad";
}

export const MAX_LINES = 200;

/** The log with one more line; the oldest is dropped when it is full. */
export function addLine(
  log: readonly LogLine[],
  at: Date,
  text: string,
  tone: LogLine["tone"] = "plain",
): readonly LogLine[] {
  const number = (log.at(-1)?.number ?? 0) + 1;
  return [...log.slice(1 - MAX_LINES), { number, at, text, tone }];
}

export function timeOf(at: Date): string {
  return at.toTimeString().slice(0, 8) + "." + String(at.getMilliseconds()).padStart(3, "0");
}

/** As it is copied. It holds no session's whole id, token or address. */
export function toText(log: readonly LogLine[]): string {
  return log.map(({ at, text }) => `${at.toISOString()}  ${text}\n`).join("");
}
