import { describe, expect, it } from "vitest";

import { readReport, Sampler, type Counters } from "./sample";

const REPORT = [
  {
    type: "inbound-rtp",
    timestamp: 5000,
    packetsReceived: 90,
    packetsLost: 10,
    bytesReceived: 9000,
    totalSamplesReceived: 96_000,
    concealedSamples: 960,
    jitterBufferDelay: 4.5,
    jitterBufferEmittedCount: 90,
    jitter: 0.002,
    codecId: "c",
  },
  { type: "outbound-rtp", bytesSent: 10_000 },
  { type: "candidate-pair", nominated: false, currentRoundTripTime: 9 },
  { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.03, localCandidateId: "l" },
  { id: "l", type: "local-candidate", protocol: "udp" },
  { id: "c", type: "codec", mimeType: "audio/opus" },
];

const counters = (change: Partial<Counters> = {}): Counters => {
  const read = readReport(REPORT);
  if (!read) throw new Error("the report was not read");
  return { ...read, ...change };
};

describe("a report", () => {
  it("gives the counters, the path in use and the codec", () => {
    expect(counters()).toMatchObject({
      packetsReceived: 90,
      packetsLost: 10,
      bytesSent: 10_000,
      roundTripS: 0.03,
      protocol: "udp",
      codec: "opus",
    });
  });

  it("prefers the round trip that RTCP measured", () => {
    const rtcp = { type: "remote-inbound-rtp", roundTripTime: 0.05 };

    expect(readReport([...REPORT, rtcp])?.roundTripS).toBe(0.05);
  });

  it("says nothing before anything was received", () => {
    expect(readReport([{ type: "outbound-rtp" }])).toBeNull();
  });
});

describe("a sample", () => {
  it("is of the time since the one before, not since the beginning", () => {
    const sampler = new Sampler();
    sampler.take(counters());
    const sample = sampler.take(
      counters({ atMs: 6000, packetsReceived: 140, bytesReceived: 13_000, bytesSent: 14_000 }),
    );

    expect(sample.lossRatio).toBe(0);
    expect(sample.receivedKbps).toBeCloseTo(32, 6);
    expect(sample.sentKbps).toBeCloseTo(32, 6);
  });

  it("has loss and concealment as shares, and times in milliseconds", () => {
    const sample = new Sampler().take(counters());

    expect(sample).toMatchObject({
      lossRatio: 0.1,
      concealedRatio: 0.01,
      roundTripMs: 30,
      jitterMs: 2,
      bufferMs: 50,
    });
  });

  it("has a worse score for a worse path", () => {
    const bad = new Sampler().take(counters());
    const good = new Sampler().take(counters({ packetsLost: 0 }));

    expect(bad.mos ?? 9).toBeLessThan(good.mos ?? 0);
  });

  it("does not mind counters that go back, as after another session", () => {
    const sampler = new Sampler();
    sampler.take(counters());
    const sample = sampler.take(counters({ packetsReceived: 3, packetsLost: 0, atMs: 6000 }));

    expect(sample.lossRatio).toBe(0);
    expect(sample.packetsReceived).toBe(3);
  });
});
