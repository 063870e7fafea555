/** WebRTC as a transport: a WHIP session and its statistics. */

import { openWhipSession, type WhipPorts } from "../client/whipClient";
import { readReport, Sampler } from "../quality/sample";
import type { Transport } from "./transport";

export function webrtcTransport(ports: WhipPorts, endpoint: string, why: string): Transport {
  return {
    name: "webrtc",
    why,
    open: ({ track, token }, tell) => {
      const session = openWhipSession(ports, { endpoint, track, token }, tell);
      const sampler = new Sampler();
      return {
        echo: session.echo,
        restart: () => {
          session.restart();
        },
        replaceTrack: (next) => session.replaceTrack(next),
        sample: async () => {
          const counted = readReport((await session.peer.getStats()).values());
          return counted && sampler.take(counted);
        },
        close: (isLeaving) => session.close(isLeaving),
      };
    },
  };
}
