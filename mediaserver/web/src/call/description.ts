/** A call's state in words: for the page's status, and for its log. Pure. */

import { adviceFor } from "./advice";
import type { CallState } from "./lifecycle";
import type { LogLine } from "./callLog";
import type { TransportName } from "./transport";
import type { Choice } from "./transportChoice";

export type ConnectionStatus = "disconnected" | "connecting" | "connected" | "error";

export function statusOf(state: CallState): ConnectionStatus {
  switch (state.phase) {
    case "idle":
      return "disconnected";
    case "capturing":
    case "opening":
    case "waiting":
    case "interrupted":
      return "connecting";
    case "live":
    case "moving":
      return "connected";
    case "failed":
      return "error";
  }
}

/** One line for people who look at the page. */
export function headlineOf(state: CallState): string {
  switch (state.phase) {
    case "idle":
      return "Not connected";
    case "capturing":
      return "Waiting for your microphone";
    case "opening":
      return state.sinceMs === null ? "Connecting" : "Reconnecting";
    case "waiting":
      return state.sinceMs === null ? "Waiting for the server" : "Reconnecting";
    case "interrupted":
      return "Connection interrupted";
    case "live":
      return "Connected";
    case "moving":
      return "Moving to another server";
    case "failed":
      return "Not connected";
  }
}

const NAMES: Readonly<Record<TransportName, string>> = {
  webrtc: "WebRTC",
  websocket: "WebSocket",
};

/** Which transport, and why, as a sentence. */
export function tellChoice({ transport, why }: Choice): string {
  return `${NAMES[transport]}, ${why}.`;
}

type Told = Pick<LogLine, "text" | "tone">;

/** What to log of a change, if it is worth a line. */
export function describe(before: CallState, after: CallState): Told | null {
  switch (after.phase) {
    case "idle":
      return before.phase === "failed" ? null : { text: "The call has ended.", tone: "plain" };
    case "capturing":
      return { text: "Asking for the microphone.", tone: "plain" };
    case "opening":
      return before.phase === "moving"
        ? { text: "The old session ended before the new one was ready.", tone: "bad" }
        : describeOpening(after);
    case "waiting": {
      const { title } = adviceFor(after.failure);
      return { text: `${title}: ${after.failure.detail} Trying again soon.`, tone: "bad" };
    }
    case "live":
      if (before.phase === "moving")
        return { text: "Moved: the new session plays, and the old one has ended.", tone: "good" };
      if (before.phase === "interrupted") return { text: "The sound is back.", tone: "good" };
      if (before.phase === "live") return null;
      return { text: "Connected: you hear yourself.", tone: "good" };
    case "interrupted":
      return before.phase === "interrupted"
        ? null
        : { text: "The connection is interrupted.", tone: "bad" };
    case "moving":
      if (before.phase !== "moving")
        return { text: "The server asks to move: opening a new session.", tone: "plain" };
      return after.next === null
        ? { text: "The new session could not be opened yet; the old one goes on.", tone: "plain" }
        : null;
    case "failed":
      return { text: `${adviceFor(after.failure).title}: ${after.failure.detail}`, tone: "bad" };
  }
}

function describeOpening({ attempt, sinceMs }: Extract<CallState, { phase: "opening" }>): Told {
  const what = sinceMs === null ? "Opening a session" : "Opening a session again";
  return { text: attempt === 1 ? `${what}.` : `${what}, try ${attempt}.`, tone: "plain" };
}
