/** Which transport a call takes, and why. */

import type { WhipPorts } from "../client/whipClient";
import type { Transport } from "./transport";
import { webrtcTransport } from "./webrtcTransport";

/** `?transport=webrtc` asks for one; without it the best that this browser has is taken. */
export function chooseTransport(page: URL, ports: WhipPorts): Transport {
  const endpoint = new URL("whip", new URL(".", page)).href;
  const asked = page.searchParams.get("transport");
  const why =
    asked === "webrtc"
      ? "The address of this page asks for it."
      : "It has the least delay, and this browser can do it.";
  return webrtcTransport(ports, endpoint, why);
}
