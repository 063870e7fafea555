/** How a call's media travels: what every transport must do. */

import type { Failure } from "../client/failure";
import type { QualitySample } from "../quality/sample";

export type TransportName = "webrtc" | "websocket";

/** What a session tells while it lives. After `lost` it tells nothing more. */
export type SessionEvent =
  | {
      readonly kind: "chosen";
      readonly transport: TransportName;
      /** For people, as a clause: "since …". */
      readonly why: string;
      /** Since the better one failed. */
      readonly isFallback: boolean;
    }
  | { readonly kind: "answered"; readonly id: string; readonly tookMs: number }
  | { readonly kind: "connected" }
  /** The echo has begun to come, or will not: what played before may end. Once. */
  | { readonly kind: "audible" }
  | { readonly kind: "interrupted" }
  | { readonly kind: "recovered" }
  | { readonly kind: "move-asked"; readonly detail: string }
  | { readonly kind: "lost"; readonly failure: Failure }
  | { readonly kind: "note"; readonly text: string };

export interface OpenRequest {
  readonly track: MediaStreamTrack;
  readonly token: string | null;
  /** It follows another session of the same call, which failed or is to move. */
  readonly isContinuation: boolean;
}

export interface TransportSession {
  /** What comes back, ready to be played when the session is connected. */
  readonly echo: MediaStream | null;
  /** The network changed: looks for another way, or finds out whether this one still works. */
  restart(): void;
  replaceTrack(track: MediaStreamTrack | null): Promise<void>;
  /** How the session is now; `null` where nothing is known yet. */
  sample(): Promise<QualitySample | null>;
  close(isLeaving?: boolean): Promise<void>;
}

export interface Transport {
  open(request: OpenRequest, tell: (event: SessionEvent) => void): TransportSession;
}
