/** What to tell people of a failure: what happened, and what they can do. Pure. */

import type { Failure, FailureReason } from "../client/failure";

export interface Advice {
  readonly title: string;
  readonly remedy: string;
}

const ADVICE: Readonly<Record<FailureReason, Advice>> = {
  "token-missing": {
    title: "This server asks for a token",
    remedy: "Enter the access token that you were given, and press Start again.",
  },
  "token-invalid": {
    title: "The server does not take this token",
    remedy: "It may have expired. Enter another token and press Start again.",
  },
  forbidden: {
    title: "This token may not make calls",
    remedy: "Ask whoever gave it to you for one with the right to publish.",
  },
  full: {
    title: "The server takes no calls just now",
    remedy: "It is full or about to leave. This page tries again when the server says so.",
  },
  "rate-limited": {
    title: "Too many calls in a short time",
    remedy: "This page tries again when the server says so.",
  },
  "offer-refused": {
    title: "The server cannot meet what this browser offers",
    remedy: "Try another browser, or tell whoever runs the server what stands below.",
  },
  "no-endpoint": {
    title: "There is no call server at this address",
    remedy: "Check the address of this page.",
  },
  "server-failed": {
    title: "The server failed",
    remedy: "This page tries again by itself. If it goes on, tell whoever runs the server.",
  },
  "bad-answer": {
    title: "The server's answer cannot be read",
    remedy: "Tell whoever runs the server what stands below.",
  },
  unreachable: {
    title: "The server cannot be reached",
    remedy: "Check your network. This page tries again by itself.",
  },
  "timed-out": {
    title: "The server does not answer",
    remedy: "Check your network. This page tries again by itself.",
  },
  "media-failed": {
    title: "No sound comes through",
    remedy: "A firewall may block it. Try another network, or without VPN.",
  },
  gone: {
    title: "The server has lost this call",
    remedy: "This page opens it again by itself.",
  },
  ended: { title: "The server ended the call", remedy: "Press Start to call again." },
  "microphone-denied": {
    title: "The browser may not use your microphone",
    remedy:
      "Allow it at the lock or microphone sign beside the address, then press Start again. " +
      "Where it is allowed already, look into the system's privacy settings.",
  },
  "microphone-missing": {
    title: "No microphone was found",
    remedy: "Plug one in, or choose another below, and press Start again.",
  },
  "microphone-busy": {
    title: "The microphone cannot be read",
    remedy: "Another program may hold it. Close that program and press Start again.",
  },
  "microphone-unplugged": {
    title: "The microphone was unplugged",
    remedy: "Plug it in again, or choose another below, and press Start.",
  },
  "insecure-page": {
    title: "Browsers give no microphone to this page",
    remedy: "Open it by https://, or as http://localhost on the server's own machine.",
  },
};

export function adviceFor(failure: Failure): Advice {
  return ADVICE[failure.reason];
}
