/**
 * voicemedia's WHIP client, for other pages (client/README.md).
 *
 * Imports within this folder end in `.js`, so that its types resolve under every module system.
 */

export * from "./failure.js";
export { EVENTS_RELATION, eventsTarget, iceServers, readLinks, type Link } from "./linkHeader.js";
export * from "./whipClient.js";
