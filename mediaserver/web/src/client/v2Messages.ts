/** The messages of WebSocket v2 (docs/websocket-v2.md), and what its close codes mean. Pure. */

import type { Failure } from "./failure.js";

export interface AudioFormat {
  readonly encoding: "audio/opus" | "audio/x-l16";
  /** In hertz; of timestamps too. */
  readonly sampleRate: number;
  readonly channels: number;
}

export type ServerMessage =
  | {
      readonly event: "started";
      readonly id: string;
      readonly payloadType: number | null;
      readonly resumeToken: string | null;
      readonly isResumed: boolean;
    }
  | {
      readonly event: "media";
      readonly payload: string;
      readonly chunk: number | null;
      /** Milliseconds since the start. */
      readonly timestamp: number | null;
    }
  | { readonly event: "mark"; readonly name: string }
  | { readonly event: "clear" }
  | { readonly event: "ping"; readonly t: number }
  | { readonly event: "pong"; readonly t: number }
  | {
      readonly event: "reconnect";
      readonly reason: string;
      readonly withinMs: number | null;
      /** Not to move before, so that not all do at once; milliseconds since 1970. */
      readonly afterMs: number | null;
      readonly resumeToken: string | null;
    }
  | { readonly event: "error"; readonly code: string; readonly message: string };

type Members = Readonly<Record<string, unknown>>;

const membersOf = (value: unknown): Members =>
  typeof value === "object" && value !== null ? (value as Members) : {};
const textOf = (members: Members, name: string): string | null => {
  const value = members[name];
  return typeof value === "string" ? value : null;
};
const numberOf = (members: Members, name: string): number | null => {
  const value = Number(members[name] ?? NaN); // Twilio sends numbers as strings
  return Number.isFinite(value) ? value : null;
};

const dateOf = (members: Members, name: string): number | null => {
  const valueMs = Date.parse(textOf(members, name) ?? "");
  return Number.isNaN(valueMs) ? null : valueMs;
};

/** `null` for what is no message, or none that is known: newer servers may say more. */
export function readMessage(text: string): ServerMessage | null {
  let message: Members;
  try {
    message = membersOf(JSON.parse(text));
  } catch {
    return null;
  }
  const event = message["event"];
  switch (event) {
    case "started": {
      const session = membersOf(message["session"]);
      return {
        event,
        id: textOf(session, "id") ?? "",
        payloadType: numberOf(session, "payloadType"),
        resumeToken: textOf(session, "resumeToken"),
        isResumed: session["resumed"] === true,
      };
    }
    case "media": {
      const media = membersOf(message["media"]);
      const payload = textOf(media, "payload");
      if (payload === null) return null;
      return {
        event,
        payload,
        chunk: numberOf(media, "chunk"),
        timestamp: numberOf(media, "timestamp"),
      };
    }
    case "mark":
      return { event, name: textOf(membersOf(message["mark"]), "name") ?? "" };
    case "clear":
      return { event };
    case "ping":
    case "pong": {
      const t = numberOf(message, "t");
      return t === null ? null : { event, t };
    }
    case "reconnect":
      return {
        event,
        reason: textOf(message, "reason") ?? "",
        withinMs: numberOf(message, "withinMs"),
        afterMs: dateOf(message, "after"),
        resumeToken: textOf(message, "resumeToken"),
      };
    case "error":
      return {
        event,
        code: textOf(message, "code") ?? "",
        message: textOf(message, "message") ?? "",
      };
    default:
      return null;
  }
}

export interface StartRequest {
  readonly format: AudioFormat;
  readonly token: string | null;
  readonly resumeToken: string | null;
}

export function writeStart({ format, token, resumeToken }: StartRequest): string {
  return JSON.stringify({
    event: "start",
    start: {
      mediaFormat: format,
      ...(token === null ? {} : { customParameters: { token } }),
      ...(resumeToken === null ? {} : { resumeToken }),
    },
  });
}

export const CLOSED = { normal: 1000, broken: 1006 } as const;
/** The server's word on a session whose successor is heard. */
export const MOVED = "moved";

const END_BY_REASON: Readonly<Record<string, string>> = {
  idle: "No sound came for too long, so the server ended the call.",
  "max-duration": "The call reached the longest time that the server allows.",
};

/** What it means that the server closed the connection; `told` is what its `error` said before. */
export function failureOfClose(code: number, reason: string, told: string | null): Failure {
  const detail = told || reason || `The server closed the connection (${code}).`;
  switch (code) {
    case 1000:
    case 1001:
    case 1012:
      return { reason: "gone", detail: "The server ended the session." };
    case 1008: {
      const why = END_BY_REASON[reason];
      return why ? { reason: "ended", detail: why } : { reason: "offer-refused", detail };
    }
    case 1002:
    case 1003:
    case 1007:
    case 1009:
      return { reason: "offer-refused", detail };
    case 1011:
      return { reason: "server-failed", detail };
    case 1013:
      return { reason: "full", detail };
    default:
      return { reason: "unreachable", detail: "The connection to the server broke." };
  }
}
