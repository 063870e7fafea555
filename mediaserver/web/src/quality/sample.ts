/** How good the call is, second by second, from the counters that getStats gives. Pure. */

import { estimateMos } from "./mos";

/** What happened since the sample before; `null` for not known yet. */
export interface QualitySample {
  readonly roundTripMs: number | null;
  readonly jitterMs: number | null;
  readonly bufferMs: number | null;
  readonly lossRatio: number;
  readonly concealedRatio: number;
  readonly mos: number | null;
  readonly sentKbps: number;
  readonly receivedKbps: number;
  readonly packetsReceived: number;
  readonly codec: string | null;
  /** Of the path in use: `udp` or `tcp`. */
  readonly protocol: string | null;
}

/** The counters at one moment, since the session's beginning. */
export interface Counters {
  readonly atMs: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly samples: number;
  readonly concealedSamples: number;
  readonly bufferDelayS: number;
  readonly bufferEmitted: number;
  readonly jitterS: number | null;
  readonly roundTripS: number | null;
  readonly codec: string | null;
  readonly protocol: string | null;
}

type Entry = Readonly<Record<string, unknown>>;

const numberOf = (entry: Entry | undefined, name: string): number | null => {
  const value = entry?.[name];
  return typeof value === "number" ? value : null;
};
const textOf = (entry: Entry | undefined, name: string): string | null => {
  const value = entry?.[name];
  return typeof value === "string" ? value : null;
};

/** The counters of a report (W3C webrtc-stats), or `null` before anything was received. */
export function readReport(report: Iterable<unknown>): Counters | null {
  const entries = [...report] as Entry[];
  const first = (type: string): Entry | undefined => entries.find((e) => e["type"] === type);
  const inbound = first("inbound-rtp");
  if (!inbound) return null;
  const outbound = first("outbound-rtp");
  const pair = entries.find((e) => e["type"] === "candidate-pair" && e["nominated"] === true);
  const local = entries.find((e) => e["id"] === pair?.["localCandidateId"]);
  const codec = entries.find((e) => e["id"] === inbound["codecId"]);
  const count = (entry: Entry | undefined, name: string): number => numberOf(entry, name) ?? 0;
  return {
    atMs: count(inbound, "timestamp"),
    packetsReceived: count(inbound, "packetsReceived"),
    packetsLost: count(inbound, "packetsLost"),
    bytesReceived: count(inbound, "bytesReceived"),
    bytesSent: count(outbound, "bytesSent"),
    samples: count(inbound, "totalSamplesReceived"),
    concealedSamples: count(inbound, "concealedSamples"),
    bufferDelayS: count(inbound, "jitterBufferDelay"),
    bufferEmitted: count(inbound, "jitterBufferEmittedCount"),
    jitterS: numberOf(inbound, "jitter"),
    roundTripS:
      numberOf(first("remote-inbound-rtp"), "roundTripTime") ??
      numberOf(pair, "currentRoundTripTime"),
    codec: textOf(codec, "mimeType")?.replace(/^audio\//i, "") ?? null,
    protocol: textOf(local, "protocol"),
  };
}

const NOTHING: Counters = {
  atMs: 0,
  packetsReceived: 0,
  packetsLost: 0,
  bytesReceived: 0,
  bytesSent: 0,
  samples: 0,
  concealedSamples: 0,
  bufferDelayS: 0,
  bufferEmitted: 0,
  jitterS: null,
  roundTripS: null,
  codec: null,
  protocol: null,
};
const PACKET_MS = 20;

/** Turns counters into samples: remembers the ones before. */
export class Sampler {
  #before: Counters = NOTHING;

  take(now: Counters): QualitySample {
    const before = this.#before;
    this.#before = now;
    const grown = (name: keyof Counters): number =>
      Math.max(0, Number(now[name]) - Number(before[name]));
    const seconds = before.atMs > 0 ? grown("atMs") / 1000 : 0;
    const kbps = (bytes: number): number => (seconds > 0 ? (8 * bytes) / seconds / 1000 : 0);
    const expected = grown("packetsReceived") + grown("packetsLost");
    const lossRatio = expected > 0 ? grown("packetsLost") / expected : 0;
    const emitted = grown("bufferEmitted");
    const bufferMs = emitted > 0 ? (1000 * grown("bufferDelayS")) / emitted : null;
    const roundTripMs = now.roundTripS === null ? null : 1000 * now.roundTripS;
    const samples = grown("samples");
    return {
      roundTripMs,
      jitterMs: now.jitterS === null ? null : 1000 * now.jitterS,
      bufferMs,
      lossRatio,
      concealedRatio: samples > 0 ? grown("concealedSamples") / samples : 0,
      mos:
        roundTripMs === null && bufferMs === null
          ? null
          : estimateMos((roundTripMs ?? 0) + (bufferMs ?? 0) + PACKET_MS, lossRatio),
      sentKbps: kbps(grown("bytesSent")),
      receivedKbps: kbps(grown("bytesReceived")),
      packetsReceived: now.packetsReceived,
      codec: now.codec,
      protocol: now.protocol,
    };
  }
}
