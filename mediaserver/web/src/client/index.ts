/**
 * voicemedia's clients for other pages (client/README.md): WHIP, WebSocket v2, and which to take.
 *
 * Imports within this folder end in `.js`, so that its types resolve under every module system.
 */

export * from "./failure.js";
export { EVENTS_RELATION, eventsTarget, iceServers, readLinks, type Link } from "./linkHeader.js";
export {
  askForSession,
  type DecidedTransport,
  type SessionDecision,
  type SessionRequest,
} from "./sessionClient.js";
export * from "./v2Client.js";
export type { AudioFormat } from "./v2Messages.js";
export * from "./whipClient.js";
