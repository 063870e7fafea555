/** WebRTC as a transport: a WHIP session and its statistics. */

import { openWhipSession, type WhipPorts } from "../client/whipClient";
import { readReport, Sampler } from "../quality/sample";
import type { Transport } from "./transport";
import type { WebrtcWay } from "./transportChoice";

export function webrtcTransport(
  ports: WhipPorts,
  { endpoint, iceServers, connectTimeoutMs }: WebrtcWay,
): Transport {
  return {
    open: ({ track, token }, tell) => {
      const request = {
        endpoint,
        track,
        token,
        ...(iceServers.length > 0 ? { configuration: { iceServers: [...iceServers] } } : {}),
        ...(connectTimeoutMs === null ? {} : { connectTimeoutMs }),
      };
      const session = openWhipSession(ports, request, tell);
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
