import { describe, expect, it } from "vitest";

import { JitterBuffer, LEAST_MARGIN_MS, MOST_BUFFERED_MS, MOST_MARGIN_MS } from "./jitterBuffer";

const RATE_HZ = 8000;
const FRAME_MS = 20;
const BLOCK_MS = 2;
const BLOCK = (BLOCK_MS * RATE_HZ) / 1000;

/** A tone that goes on from frame to frame, so that cuts and gaps can be seen. */
class Line {
  readonly buffer = new JitterBuffer(RATE_HZ);
  readonly heard: number[] = [];
  #said = 0;

  say(frames = 1): void {
    for (let frame = 0; frame < frames; frame++) {
      const length = (FRAME_MS * RATE_HZ) / 1000;
      this.buffer.push(
        Float32Array.from({ length }, () => Math.sin((2 * Math.PI * 100 * this.#said++) / RATE_HZ)),
      );
    }
  }

  hear(ms: number): number[] {
    const begin = this.heard.length;
    for (let at = 0; at < ms; at += BLOCK_MS) {
      const block = new Float32Array(BLOCK);
      this.buffer.pull(block);
      this.heard.push(...block);
    }
    return this.heard.slice(begin);
  }

  /** Frames at an even pace. */
  flow(seconds: number): void {
    for (let at = 0; at < 1000 * seconds; at += FRAME_MS) {
      this.say();
      this.hear(FRAME_MS);
    }
  }

  get loudest(): number {
    return Math.max(...this.heard.slice(-RATE_HZ / 10).map(Math.abs));
  }

  /** The largest step between neighbours: a click is a large one. */
  get steepest(): number {
    return this.heard.reduce(
      (most, sample, at) => Math.max(most, Math.abs(sample - (this.heard[at - 1] ?? 0))),
      0,
    );
  }
}

const STEEPEST_OF_TONE = (2 * Math.PI * 100) / RATE_HZ;

describe("the jitter buffer", () => {
  it("is silent until a margin has come, then plays", () => {
    const line = new Line();
    line.say();
    const before = line.hear(10);
    line.say();
    line.hear(30);

    expect(new Set(before)).toEqual(new Set([0]));
    expect(line.buffer.isPlaying).toBe(true);
    expect(line.loudest).toBeGreaterThan(0.9);
  });

  it("holds less than 60 ms of an even stream, and never runs out", () => {
    const line = new Line();
    line.flow(10);

    expect(line.buffer.counts.underruns).toBe(0);
    expect(line.buffer.counts.bufferedMs).toBeLessThan(60);
    expect(line.buffer.counts.concealed).toBe(0);
  });

  it("counts that sound ran out once, and is silent until there is a margin again", () => {
    const line = new Line();
    line.flow(1);
    line.hear(200);
    line.say();
    const stillSilent = line.hear(10).at(-1);
    line.say(2);
    line.hear(40);

    expect(line.buffer.counts.underruns).toBe(1);
    expect(stillSilent).toBeCloseTo(0, 3);
    expect(line.buffer.counts.concealed).toBeGreaterThan(RATE_HZ * 0.15);
    expect(line.loudest).toBeGreaterThan(0.9);
  });

  it("keeps a larger margin after it ran out, up to a bound", () => {
    const line = new Line();
    for (let again = 0; again < 20; again++) {
      line.flow(0.3);
      line.hear(300);
    }
    line.say(3);
    line.hear(2);
    const isPlayingSoon = line.buffer.isPlaying;
    line.say(MOST_MARGIN_MS / FRAME_MS);
    line.hear(2);

    expect(isPlayingSoon).toBe(false);
    expect(line.buffer.isPlaying).toBe(true);
  });

  it("forgets its fright when all goes well for long", () => {
    const line = new Line();
    for (let again = 0; again < 5; again++) {
      line.flow(0.3);
      line.hear(300);
    }
    line.flow(120);

    expect(line.buffer.counts.bufferedMs).toBeLessThan(60);
  });

  it("gives back the delay of a burst within seconds, without a click", () => {
    const line = new Line();
    line.flow(1);
    line.say(5);
    line.flow(4);

    expect(line.buffer.counts.bufferedMs).toBeLessThan(60);
    expect(line.buffer.counts.dropped).toBeGreaterThan(0);
    expect(line.steepest).toBeLessThan(2 * STEEPEST_OF_TONE);
  });

  it("never holds more than its bound, however much comes", () => {
    const line = new Line();
    line.say(100);

    expect(line.buffer.counts.bufferedMs).toBeLessThanOrEqual(MOST_BUFFERED_MS);
    expect(line.buffer.counts.dropped).toBe(2 * RATE_HZ - (MOST_BUFFERED_MS * RATE_HZ) / 1000);
  });

  it("keeps the end of a frame that is longer than all that it holds", () => {
    const buffer = new JitterBuffer(RATE_HZ);
    buffer.push(Float32Array.from({ length: RATE_HZ }, (_, at) => at));
    buffer.push(new Float32Array(0));
    const output = new Float32Array((MOST_BUFFERED_MS * RATE_HZ) / 1000);
    buffer.pull(output);

    expect(output.at(-1)).toBe(RATE_HZ - 1);
  });

  it("fades out when sound ends and in when it comes back: no click", () => {
    const line = new Line();
    line.flow(0.5);
    line.hear(100);
    line.say(4);
    line.hear(40);

    expect(line.steepest).toBeLessThan(0.4);
  });

  it("plays nothing more of what waited when it is cleared, without a click", () => {
    const line = new Line();
    line.flow(1);
    const before = line.buffer.counts;
    line.buffer.clear();
    const after = line.hear(100);
    line.say(2);
    line.hear(30);

    expect(before.bufferedMs).toBeGreaterThan(0);
    expect(after.at(-1)).toBe(0);
    expect(line.buffer.counts.dropped - before.dropped).toBe((before.bufferedMs * RATE_HZ) / 1000);
    expect(line.buffer.counts.underruns).toBe(0);
    expect(line.buffer.isPlaying).toBe(true);
    expect(line.steepest).toBeLessThan(0.4);
  });

  it("plays no sound for an empty stream, and counts nothing", () => {
    const line = new Line();
    line.hear(100);

    expect(line.buffer.counts).toEqual({
      bufferedMs: 0,
      underruns: 0,
      played: 0,
      concealed: 0,
      dropped: 0,
    });
  });

  it("begins with its least margin and a frame", () => {
    const line = new Line();
    line.say(Math.ceil(LEAST_MARGIN_MS / FRAME_MS) + 1);
    line.hear(2);

    expect(line.buffer.isPlaying).toBe(true);
  });
});
