import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { buildPacket, parsePacket } from "./rtpPacket.js";
import { ENDPOINT, OPUS, started, V2World } from "./socketTwin.js";
import { problem } from "./twins.js";
import {
  INTERRUPTED_AFTER_MS,
  LOST_AFTER_MS,
  MAX_BUFFERED_MS,
  PING_MS,
  PROBE_TIMEOUT_MS,
  START_TIMEOUT_MS,
  STATS_MS,
} from "./v2Client.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const FRAME = Uint8Array.of(1, 2, 3);
const UNITS = 960;

/** Time passes for the timers and for the client's clock. */
async function pass(world: V2World, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 50) {
    world.nowMs += Math.min(50, ms - at);
    await vi.advanceTimersByTimeAsync(Math.min(50, ms - at));
  }
}

const packet = (sequence: number, timestamp = 0, payloadType = 111): Uint8Array =>
  buildPacket({ payloadType, sequence, timestamp, ssrc: 9 }, FRAME);

const lost = (world: V2World): unknown =>
  world.told.find((event) => event.kind === "lost")?.failure;

describe("a session's start", () => {
  it("goes to the endpoint as a WebSocket, in the dialect of packets", () => {
    const { socket } = new V2World();

    expect(socket.url).toBe("wss://host.example/v2/ws");
    expect(socket.protocols).toEqual(["vm.v2.rtp"]);
    expect(socket.binaryType).toBe("arraybuffer");
  });

  it("keeps the endpoint's query, and plain http: becomes ws:", () => {
    const { socket } = new V2World({ endpoint: "http://host.example/v2/ws?session=abc" });

    expect(socket.url).toBe("ws://host.example/v2/ws?session=abc");
  });

  it("says who speaks and what, and nothing before the socket is open", () => {
    const { socket } = new V2World();
    const before = socket.sent.length;
    socket.accept();

    expect(before).toBe(0);
    expect(socket.said("connected")).toHaveLength(1);
    expect(socket.said("start")).toEqual([{ event: "start", start: { mediaFormat: OPUS } }]);
  });

  it("brings the token and the name of the session that it follows", () => {
    const { socket } = new V2World({ token: "t0ken", resumeToken: "old" });
    socket.accept();

    expect(socket.said("start")[0]?.["start"]).toEqual({
      mediaFormat: OPUS,
      customParameters: { token: "t0ken" },
      resumeToken: "old",
    });
  });

  it("is told as answered and connected when the server has begun", () => {
    const world = new V2World();
    world.socket.accept();
    world.nowMs += 12;
    world.socket.say(started({ resumeToken: "next" }));

    expect(world.told).toEqual([
      { kind: "answered", id: "abcdef", tookMs: 12 },
      { kind: "connected" },
    ]);
    expect(world.session.resumeToken).toBe("next");
  });

  it("is told once, also by a server that says it twice", () => {
    const world = new V2World().start();
    world.socket.say(started());

    expect(world.kinds).toEqual(["answered", "connected"]);
  });

  it("without a payload type is no start in the dialect of packets", () => {
    const world = new V2World().start({ payloadType: undefined });

    expect(lost(world)).toMatchObject({ reason: "bad-answer" });
  });

  it("that is not answered in time is given up", async () => {
    const world = new V2World();
    await pass(world, START_TIMEOUT_MS);

    expect(lost(world)).toMatchObject({ reason: "timed-out" });
    expect(world.socket.closedWith).toBe(1000);
  });

  it("that the browser itself refuses is told like any other loss", async () => {
    const world = new V2World({}, new Error("blocked"));
    await pass(world, 0);
    await vi.advanceTimersByTimeAsync(0);

    expect(lost(world)).toMatchObject({ detail: "blocked" });
  });
});

describe("a refused start", () => {
  it("is asked for by a plain request, which tells what browsers hide", async () => {
    const world = new V2World({ token: "t0ken" });
    world.answer = problem(503, "full up", { "Retry-After": "3" })();
    world.socket.hangUp(1006);
    await pass(world, 1);

    expect(world.asked[0]?.url).toBe(ENDPOINT);
    expect(world.asked[0]?.headers.get("Authorization")).toBe("Bearer t0ken");
    expect(lost(world)).toEqual({
      reason: "full",
      detail: "full up",
      status: 503,
      retryAfterS: 3,
    });
  });

  it("by the token that only the start could bring is told as the plain request tells it", async () => {
    const world = new V2World({ token: "t0ken" });
    world.answer = problem(401, "no", { "WWW-Authenticate": 'Bearer error="invalid_token"' })();
    world.socket.accept();
    world.socket.say({ event: "error", code: "refused", message: "no" });
    world.socket.hangUp(1008, "no");
    await pass(world, 1);

    expect(lost(world)).toMatchObject({ reason: "token-invalid", status: 401 });
  });

  it("that only WebSockets meet is put down to what stands between", async () => {
    const world = new V2World();
    world.socket.hangUp(1006);
    await pass(world, 1);

    expect(lost(world)).toMatchObject({ reason: "media-failed" });
  });

  it("by a server that is not there is unreachable", async () => {
    const world = new V2World();
    world.answer = new TypeError("Failed to fetch");
    world.socket.hangUp(1006);
    await pass(world, 1);

    expect(lost(world)).toMatchObject({ reason: "unreachable" });
  });

  it("for its format tells the server's own words and asks nothing", async () => {
    const world = new V2World();
    world.socket.accept();
    world.socket.say({ event: "error", code: "unsupported_format", message: "no such form" });
    world.socket.hangUp(1003, "x");
    await pass(world, 1);

    expect(world.asked).toEqual([]);
    expect(lost(world)).toEqual({ reason: "offer-refused", detail: "no such form" });
  });
});

describe("audio", () => {
  it("goes out as RTP, in sequence, timed by its length", () => {
    const world = new V2World().start();
    const went = [world.session.send(FRAME, UNITS), world.session.send(FRAME, UNITS)];
    const sent = world.socket.packets.map((bytes) => parsePacket(bytes.slice().buffer));

    expect(went).toEqual([true, true]);
    expect(sent).toMatchObject([
      { payloadType: 111, sequence: 0x8000, timestamp: 2 ** 31, ssrc: 2 ** 31 },
      { payloadType: 111, sequence: 0x8001, timestamp: 2 ** 31 + UNITS, ssrc: 2 ** 31 },
    ]);
    expect(sent[0]?.payload).toEqual(FRAME);
  });

  it("goes out in base64 where the dialect is JSON, its time in milliseconds", () => {
    const world = new V2World({ dialect: "vm.v2.json" }).start({ payloadType: undefined });
    world.session.send(FRAME, UNITS);
    world.session.send(FRAME, UNITS);

    expect(world.socket.said("media").map(({ media }) => media)).toEqual([
      { chunk: 1, timestamp: 0, payload: "AQID" },
      { chunk: 2, timestamp: 20, payload: "AQID" },
    ]);
  });

  it("does not go out before the server has begun, and is not counted", () => {
    const world = new V2World();
    world.socket.accept();

    expect(world.session.send(FRAME, UNITS)).toBe(false);
    expect(world.session.counts()).toMatchObject({ framesSent: 0, framesDropped: 0 });
  });

  it("does not go out while the connection closes", () => {
    const world = new V2World().start();
    world.socket.readyState = 2;

    expect(world.session.send(FRAME, UNITS)).toBe(false);
    expect(world.socket.packets).toEqual([]);
  });

  it("is dropped and counted when too much waits, and its number is missing afterwards", () => {
    const world = new V2World().start();
    world.session.send(FRAME, UNITS);
    world.socket.bufferedAmount = (MAX_BUFFERED_MS / 20) * (12 + FRAME.length) + 1;
    const went = world.session.send(FRAME, UNITS);
    world.socket.bufferedAmount = 0;
    world.session.send(FRAME, UNITS);
    const numbers = world.socket.packets.map(
      (bytes) => parsePacket(bytes.slice().buffer)?.sequence,
    );

    expect(went).toBe(false);
    expect(numbers).toEqual([0x8000, 0x8002]);
    expect(world.session.counts()).toMatchObject({ framesSent: 2, framesDropped: 1 });
  });

  it("comes in as RTP, loss and jitter counted", () => {
    const world = new V2World().start();
    world.socket.play(packet(65_535, 0));
    world.nowMs += 36;
    world.socket.play(packet(1, 2 * UNITS));

    expect(world.heard.map(({ sequence }) => sequence)).toEqual([65_535, 65_537]);
    expect(world.heard[0]?.payload).toEqual(FRAME);
    expect(world.session.counts()).toMatchObject({
      framesReceived: 2,
      framesLost: 1,
      bytesReceived: 6,
    });
    expect(world.session.counts().jitterS).toBeCloseTo(0.004 / 16, 6);
  });

  it.each([
    ["is too short", Uint8Array.of(0x80)],
    ["has another payload type", packet(1, 0, 96)],
  ])("that %s is passed over", (_what, bytes) => {
    const world = new V2World().start();
    world.socket.play(bytes);

    expect(world.heard).toEqual([]);
  });

  it("comes in as JSON, and what is no base64 is passed over", () => {
    const world = new V2World({ dialect: "vm.v2.json" }).start();
    world.socket.say({ event: "media", media: { payload: "AQID", chunk: "7", timestamp: "20" } });
    world.socket.say({ event: "media", media: { payload: "…", chunk: 8 } });
    world.socket.say({ event: "media", media: {} });

    expect(world.heard).toEqual([{ payload: FRAME, sequence: 7 }]);
  });

  it("without numbers is counted for", () => {
    const world = new V2World({ dialect: "vm.v2.json" }).start();
    world.socket.say({ event: "media", media: { payload: "AQID" } });
    world.socket.say({ event: "media", media: { payload: "AQID" } });

    expect(world.heard.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });
});

describe("words of the server's", () => {
  it("that ping are answered with their time and ours", () => {
    const world = new V2World().start();
    world.socket.say({ event: "ping", t: 77 });

    expect(world.socket.said("pong")).toEqual([{ event: "pong", t: 77, s: 1000 }]);
  });

  it("that mark are given back when what came before has been played", async () => {
    const world = new V2World().start();
    world.socket.say({ event: "mark", mark: { name: "m1" } });
    const before = world.socket.said("mark").length;
    await pass(world, 40);

    expect(before).toBe(0);
    expect(world.socket.said("mark")).toEqual([{ event: "mark", mark: { name: "m1" } }]);
  });

  it("that clear empty what waits to be played and bring its marks back at once", async () => {
    const world = new V2World().start();
    world.socket.say({ event: "mark", mark: { name: "m1" } });
    world.socket.say({ event: "clear", streamSid: "MZ1" });
    const atOnce = world.socket.said("mark");
    await pass(world, 1000);

    expect(world.clears).toBe(1);
    expect(atOnce).toEqual([{ event: "mark", mark: { name: "m1" } }]);
    expect(world.socket.said("mark")).toEqual(atOnce);
  });

  it("that mark what comes behind a clear are given back when it has been played", async () => {
    const world = new V2World().start();
    world.socket.say({ event: "clear", streamSid: "MZ1" });
    world.socket.say({ event: "mark", mark: { name: "m2" } });
    const before = world.socket.said("mark").length;
    await pass(world, 40);

    expect(before).toBe(0);
    expect(world.socket.said("mark")).toHaveLength(1);
  });

  it("that answer our ping give the round trip; others do not", async () => {
    const world = new V2World().start();
    world.nowMs += 30;
    world.socket.say({ event: "pong", t: 5 });
    const before = world.session.counts().roundTripS;
    world.socket.say({ event: "pong", t: world.socket.said("ping")[0]?.["t"], s: 1 });

    expect(before).toBeNull();
    expect(world.session.counts().roundTripS).toBeCloseTo(0.03, 6);
    await pass(world, PING_MS);
    expect(world.socket.said("ping")).toHaveLength(2);
  });

  it("that ask to move are told with the token of the next session", async () => {
    const world = new V2World().start({ resumeToken: "first" });
    world.socket.say({ event: "reconnect", reason: "draining", withinMs: 500 });
    await pass(world, 1);
    world.socket.say({ event: "reconnect", reason: "draining", resumeToken: "second" });
    await pass(world, 1);

    expect(world.told.slice(2)).toEqual([
      { kind: "move-asked", detail: "draining", resumeToken: "first" },
      { kind: "move-asked", detail: "draining", resumeToken: "second" },
    ]);
  });

  it.each([
    ["in a while", 300, 300],
    ["in a moment that clocks see differently", 3_600_000, 2_500],
    ["in the past", -5_000, 0],
  ])("that ask to move %s are told then", async (_when, afterMs, expectedMs) => {
    const world = new V2World().start();
    const after = new Date(Date.now() + afterMs).toISOString();
    world.socket.say({ event: "reconnect", reason: "draining", withinMs: 5_000, after });
    await pass(world, expectedMs - 50);
    const before = world.kinds.includes("move-asked");
    world.socket.say({ event: "ping", t: 1 });
    await pass(world, 100);

    expect(before).toBe(false);
    expect(world.kinds).toContain("move-asked");
  });

  it("that resuming failed are a note: the call goes on", () => {
    const world = new V2World().start();
    world.socket.say({ event: "error", code: "resume_failed", message: "expired" });

    expect(world.kinds.at(-1)).toBe("note");
  });

  it.each(["no json", "null", "7", '{"event":"later"}', '{"event":"ping"}', '{"event":"pong"}'])(
    "that say %s are passed over",
    (text) => {
      const world = new V2World().start();
      const before = world.socket.sent.length;
      world.socket.say(text);

      expect(world.kinds).toEqual(["answered", "connected"]);
      expect(world.socket.sent).toHaveLength(before);
    },
  );
});

describe("reports", () => {
  it("go to the server every few seconds, with what is known", async () => {
    const world = new V2World().start();
    for (let at = 0; at < STATS_MS; at += 1000) {
      world.socket.play(packet(1 + at / 500, at * 48));
      await pass(world, 1000);
    }

    expect(world.socket.said("stats")).toHaveLength(1);
    expect(world.socket.said("stats")[0]).toMatchObject({ lost: 4, bufferedMs: 40, underruns: 2 });
    expect(world.socket.said("stats")[0]).toHaveProperty("jitterMs");
    expect(world.socket.said("stats")[0]).not.toHaveProperty("rttMs");
  });

  it("hold the round trip once it was measured", async () => {
    const world = new V2World().start();
    world.socket.say({ event: "pong", t: world.socket.said("ping")[0]?.["t"] });
    for (let at = 0; at < STATS_MS; at += 1000) {
      world.socket.play(packet(at / 1000));
      await pass(world, 1000);
    }

    expect(world.socket.said("stats")[0]).toHaveProperty("rttMs");
  });
});

describe("silence", () => {
  it("of a while is an interruption, and sound its end", async () => {
    const world = new V2World().start();
    await pass(world, INTERRUPTED_AFTER_MS + 500);
    world.socket.play(packet(1));

    expect(world.kinds.slice(2)).toEqual(["interrupted", "recovered"]);
  });

  it("that goes on is a loss that another session may mend", async () => {
    const world = new V2World().start();
    await pass(world, LOST_AFTER_MS + 500);

    expect(lost(world)).toMatchObject({ reason: "unreachable" });
    expect(world.socket.closedWith).toBe(1000);
  });

  it("of the audio alone is none: words show that the server is there", async () => {
    const world = new V2World().start();
    for (let at = 0; at < LOST_AFTER_MS; at += 2000) {
      await pass(world, 2000);
      world.socket.say({ event: "ping", t: at });
    }

    expect(world.kinds).toEqual(["answered", "connected"]);
  });

  it("after the network changed is a loss at once", async () => {
    const world = new V2World().start();
    world.nowMs += 10;
    world.session.probe();
    await pass(world, PROBE_TIMEOUT_MS);

    expect(lost(world)).toMatchObject({ reason: "unreachable" });
  });

  it("that is broken after the network changed proves that it still works", async () => {
    const world = new V2World().start();
    world.nowMs += 10;
    world.session.probe();
    await pass(world, 100);
    world.socket.play(packet(1));
    await pass(world, PROBE_TIMEOUT_MS);

    expect(lost(world)).toBeUndefined();
  });
});

describe("a closed connection", () => {
  it.each([
    [1000, "deleted", "gone"],
    [1001, "stopped", "gone"],
    [1012, "drained", "gone"],
    [1008, "idle", "ended"],
    [1008, "max-duration", "ended"],
    [1008, "out of turn", "offer-refused"],
    [1002, "what?", "offer-refused"],
    [1003, "what?", "offer-refused"],
    [1007, "what?", "offer-refused"],
    [1009, "what?", "offer-refused"],
    [1011, "oh", "server-failed"],
    [1013, "full", "full"],
    [1006, "", "unreachable"],
    [1005, "", "unreachable"],
  ])("by %i with “%s” is a loss: %s", (code, reason, expected) => {
    const world = new V2World().start();
    world.socket.hangUp(code, reason);

    expect(lost(world)).toMatchObject({ reason: expected });
  });

  it("is told in the server's own words where it said some", () => {
    const world = new V2World().start();
    world.socket.say({ event: "error", code: "invalid_payload", message: "no Opus packet" });
    world.socket.hangUp(1007, "short");

    expect(lost(world)).toEqual({ reason: "offer-refused", detail: "no Opus packet" });
  });

  it("whose successor is heard is no loss", () => {
    const world = new V2World().start();
    world.socket.say({ event: "reconnect", reason: "draining" });
    world.socket.hangUp(1000, "moved");

    expect(lost(world)).toBeUndefined();
  });

  it("as moved, that was never asked to move, is a loss", () => {
    const world = new V2World().start();
    world.socket.hangUp(1000, "moved");

    expect(lost(world)).toMatchObject({ reason: "gone" });
  });

  it("tells nothing more", async () => {
    const world = new V2World().start();
    world.socket.hangUp(1006);
    const told = world.told.length;
    world.socket.play(packet(1));
    world.socket.say({ event: "reconnect", reason: "late" });
    world.socket.hangUp(1006);
    await pass(world, 60_000);

    expect(world.told).toHaveLength(told);
    expect(world.heard).toEqual([]);
  });
});

describe("a session that is closed here", () => {
  it("says stop, and tells nothing", async () => {
    const world = new V2World().start();
    world.session.close();
    world.socket.hangUp(1000, "stopped");
    await pass(world, 60_000);

    expect(world.socket.said("stop")).toHaveLength(1);
    expect(world.socket.closedWith).toBe(1000);
    expect(world.kinds).toEqual(["answered", "connected"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("before it began says nothing", () => {
    const world = new V2World();
    world.session.close();

    expect(world.socket.sent).toEqual([]);
    expect(world.socket.closedWith).toBe(1000);
  });

  it("sends no more audio", () => {
    const world = new V2World().start();
    world.session.close();

    expect(world.session.send(FRAME, UNITS)).toBe(false);
  });
});
