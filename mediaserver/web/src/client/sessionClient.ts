/** Asks the server by which transport a call shall go: `POST /v2/session`. */

import { CallFailed, failureOfResponse } from "./failure.js";

export interface SessionRequest {
  /** Where to ask; relative ones count from the page. */
  readonly endpoint: string;
  /** Stays the same for one browser, so that it gets the same answer. */
  readonly clientId: string;
  readonly capabilities: { readonly webrtc: boolean; readonly websocket: boolean };
  readonly token?: string | null;
  /** The `sessionToken` of the call that moves, or that failed. */
  readonly resume?: string | null;
}

export type DecidedTransport = "webrtc" | "websocket";

export interface SessionDecision {
  readonly transport: DecidedTransport;
  /** Why: `flag`, `kill`, `override`, `capability`, `no-flag`, `registry-down`, `resume`. */
  readonly reason: string;
  readonly sessionToken: string;
  readonly urls: { readonly whip: string; readonly websocket: string };
  readonly iceServers: readonly RTCIceServer[];
}

const REQUEST_TIMEOUT_MS = 10_000;
/** A server that is older than the question. */
const NOT_ASKED = new Set([404, 405]);

/** The server's decision; `null` where it knows no such question. Throws `CallFailed`. */
export async function askForSession(
  ports: { readonly fetch: typeof fetch },
  { endpoint, clientId, capabilities, token, resume }: SessionRequest,
): Promise<SessionDecision | null> {
  const response = await ports.fetch(endpoint, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify({
      client_id: clientId,
      capabilities,
      ...(resume ? { resume } : {}),
    }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  if (NOT_ASKED.has(response.status)) return null;
  if (!response.ok) throw new CallFailed(await failureOfResponse(response, Date.now()));
  const decision = readDecision(await response.text());
  if (!decision)
    throw new CallFailed({ reason: "bad-answer", detail: "The decision cannot be read." });
  return decision;
}

type Members = Readonly<Record<string, unknown>>;

/** `null` for what is no decision. */
export function readDecision(text: string): SessionDecision | null {
  let answer: Members;
  try {
    answer = (JSON.parse(text) ?? {}) as Members;
  } catch {
    return null;
  }
  const { transport, reason, session_token: sessionToken, ice_servers: iceServers } = answer;
  const { whip, websocket } = (answer["urls"] ?? {}) as Members;
  if (transport !== "webrtc" && transport !== "websocket") return null;
  if (typeof whip !== "string" || typeof websocket !== "string") return null;
  return {
    transport,
    reason: typeof reason === "string" ? reason : "",
    sessionToken: typeof sessionToken === "string" ? sessionToken : "",
    urls: { whip, websocket },
    iceServers: Array.isArray(iceServers) ? (iceServers as RTCIceServer[]) : [],
  };
}
