/** voicemedia's WHIP client, for other pages: `import { openWhipSession } from "…"`. */

export * from "./failure";
export { EVENTS_RELATION, eventsTarget, iceServers, readLinks, type Link } from "./linkHeader";
export * from "./whipClient";
