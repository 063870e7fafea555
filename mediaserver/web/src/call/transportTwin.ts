/** A transport whose session a test moves. */

import type { QualitySample } from "../quality/sample";
import type { OpenRequest, SessionEvent, Transport, TransportSession } from "./transport";

export const NOTHING_SAMPLED = {} as QualitySample; // only handed on

export class TwinTransport implements Transport, TransportSession {
  readonly did: string[] = [];
  echo: MediaStream | null = null;
  tell: (event: SessionEvent) => void = () => undefined;

  open(_request: OpenRequest, tell: (event: SessionEvent) => void): TransportSession {
    this.tell = tell;
    return this;
  }

  restart(): void {
    this.did.push("restart");
  }

  replaceTrack(): Promise<void> {
    this.did.push("replace track");
    return Promise.resolve();
  }

  sample(): Promise<QualitySample> {
    return Promise.resolve(NOTHING_SAMPLED);
  }

  close(isLeaving = false): Promise<void> {
    this.did.push(isLeaving ? "close leaving" : "close");
    return Promise.resolve();
  }
}
