/** Why a session could not be had, or was lost: a union with a reason, as the page explains it. */

export type FailureReason =
  | "token-missing"
  | "token-invalid"
  | "forbidden"
  | "full"
  | "rate-limited"
  | "offer-refused"
  | "no-endpoint"
  | "server-failed"
  | "bad-answer"
  | "unreachable"
  | "timed-out"
  | "media-failed"
  | "gone"
  | "ended"
  | "microphone-denied"
  | "microphone-missing"
  | "microphone-busy"
  | "microphone-unplugged"
  | "insecure-page";

/** `detail` is one sentence, the server's own where it sent one. */
export interface Failure {
  readonly reason: FailureReason;
  readonly detail: string;
  readonly status?: number;
  /** Seconds that the server asks to wait before the next try. */
  readonly retryAfterS?: number;
}

/** A failure as an exception. */
export class CallFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.detail);
    this.name = "CallFailed";
    this.failure = failure;
  }
}

const TEMPORARY: ReadonlySet<FailureReason> = new Set([
  "full",
  "rate-limited",
  "server-failed",
  "unreachable",
  "timed-out",
  "media-failed",
  "gone",
]);

/** Whether the same request may succeed a little later. */
export function isTemporary(failure: Failure): boolean {
  return TEMPORARY.has(failure.reason);
}

/** What went wrong by an exception that anything threw. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof CallFailed) return thrown.failure;
  if (thrown instanceof DOMException && thrown.name === "TimeoutError")
    return { reason: "timed-out", detail: "The request was given up after ten seconds." };
  if (thrown instanceof TypeError)
    return { reason: "unreachable", detail: "The request got no answer." };
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return { reason: "media-failed", detail };
}

const REASON_BY_STATUS: Readonly<Record<number, FailureReason>> = {
  400: "offer-refused",
  401: "token-missing",
  403: "forbidden",
  404: "no-endpoint",
  405: "no-endpoint",
  406: "offer-refused",
  408: "timed-out",
  410: "no-endpoint",
  413: "offer-refused",
  415: "offer-refused",
  422: "offer-refused",
  429: "rate-limited",
  503: "full",
};

/** The failure that a refusal tells: status, problem details (RFC 9457), Retry-After. */
export async function failureOfResponse(response: Response, nowMs: number): Promise<Failure> {
  const { status } = response;
  let reason = REASON_BY_STATUS[status] ?? "server-failed";
  const challenge = response.headers.get("WWW-Authenticate") ?? "";
  if (status === 401 && challenge.includes("invalid_token")) reason = "token-invalid";
  const retryAfterS = readRetryAfter(response.headers.get("Retry-After"), nowMs);
  const detail = (await readDetail(response)) ?? `The server answered ${status}.`;
  return { reason, detail, status, ...(retryAfterS === null ? {} : { retryAfterS }) };
}

/** Seconds to wait, from either form of Retry-After (RFC 9110 section 10.2.3). */
export function readRetryAfter(header: string | null, nowMs: number): number | null {
  const text = header?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text);
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? null : Math.max(0, Math.ceil((dateMs - nowMs) / 1000));
}

async function readDetail(response: Response): Promise<string | null> {
  if (!(response.headers.get("Content-Type") ?? "").includes("json")) return null;
  try {
    const body: unknown = await response.json();
    if (typeof body !== "object" || body === null) return null;
    const { detail, title } = body as { detail?: unknown; title?: unknown };
    if (typeof detail === "string" && detail) return detail;
    return typeof title === "string" && title ? title : null;
  } catch {
    return null; // a body that is cut short tells nothing; the status does
  }
}
