import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { EVENTS_RELATION } from "./linkHeader.js";
import {
  created,
  problem,
  RESTART_FRAGMENT,
  SESSION_URL,
  status,
  TwinServer,
  unreachable,
  type TwinPeer,
} from "./twins.js";
import {
  AUDIBLE_AFTER_MS,
  AUDIBLE_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  openWhipSession,
  RESTART_AFTER_MS,
  RESTART_TIMEOUT_MS,
  type WhipEvent,
  type WhipRequest,
  type WhipSession,
} from "./whipClient.js";

const ENDPOINT = "https://host.example/whip";
const EVENTS = `</whip/events/e1>; rel="${EVENTS_RELATION}"`;

interface Opened {
  readonly session: WhipSession;
  readonly told: WhipEvent[];
  readonly peer: TwinPeer;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("MediaStream", EventTarget); // Node has none; it is only handed on
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

async function open(server: TwinServer, request: Partial<WhipRequest> = {}): Promise<Opened> {
  const told: WhipEvent[] = [];
  const track = {} as MediaStreamTrack; // only handed on
  const session = openWhipSession(server.ports, { endpoint: ENDPOINT, track, ...request }, (e) =>
    told.push(e),
  );
  await settle();
  const peer = server.peers[0];
  if (!peer) throw new Error("no peer was made");
  return { session, told, peer };
}

async function openConnected(server: TwinServer): Promise<Opened> {
  const opened = await open(server);
  opened.peer.become("connected");
  await settle();
  return opened;
}

const failureIn = (told: readonly WhipEvent[]) =>
  told.flatMap((event) => (event.kind === "lost" ? [event.failure] : []));
const kinds = (told: readonly WhipEvent[]) => told.map(({ kind }) => kind);

describe("opening a session", () => {
  it("posts the offer as SDP, and takes the answer", async () => {
    const server = new TwinServer();
    const { told, peer } = await open(server);

    const [post] = server.of("POST");
    expect(post?.url).toBe(ENDPOINT);
    expect(post?.headers.get("Content-Type")).toBe("application/sdp");
    expect(post?.headers.has("Authorization")).toBe(false);
    expect(post?.body).toMatch(/^v=0/);
    expect(peer.calls).toEqual(["transceiver sendrecv", "local", "remote"]);
    expect(told).toMatchObject([{ kind: "answered", id: "secret" }]);
  });

  it("is connected when the peer is, and says so once", async () => {
    const { told, peer } = await openConnected(new TwinServer());
    peer.become("connected");

    expect(kinds(told)).toEqual(["answered", "connected"]);
  });

  it("is audible a little after the first packet of the echo, and says so once", async () => {
    const { told, peer } = await openConnected(new TwinServer());
    peer.echo.dispatchEvent(new Event("unmute"));
    await settle(AUDIBLE_AFTER_MS - 1);
    const before = kinds(told);
    await settle(AUDIBLE_TIMEOUT_MS);

    expect(before).not.toContain("audible");
    expect(kinds(told)).toEqual(["answered", "connected", "audible"]);
  });

  it("counts as audible in any case when no echo comes", async () => {
    const { told } = await openConnected(new TwinServer());
    await settle(AUDIBLE_TIMEOUT_MS);

    expect(kinds(told).at(-1)).toBe("audible");
  });

  it("shows its token with every request", async () => {
    const server = new TwinServer();
    const { session, peer } = await open(server, { token: "t0ken" });
    peer.gather("candidate:1 1 udp 1 a 1 typ host");
    await settle();
    await session.close();

    expect(server.asked.map(({ method }) => method)).toEqual(["POST", "PATCH", "DELETE"]);
    for (const { headers } of server.asked)
      expect(headers.get("Authorization")).toBe("Bearer t0ken");
  });

  it("knows the ICE servers that the answer names before it gathers", async () => {
    const link = '<turn:turn.example>; rel="ice-server"; username="u"; credential="c"';
    const { peer } = await open(new TwinServer({ POST: [created({ Link: link })] }));

    expect(peer.calls.indexOf("configuration")).toBeLessThan(peer.calls.indexOf("local"));
    expect(peer.configuration.iceServers).toEqual([
      { urls: "turn:turn.example", username: "u", credential: "c" },
    ]);
  });

  it.each([307, 308])("goes where %d says, with the whole offer", async (code) => {
    const server = new TwinServer({
      POST: [status(code, { Location: "https://other.example/whip" }), created()],
    });
    const { told } = await open(server);

    expect(server.of("POST").map(({ url }) => url)).toEqual([
      ENDPOINT,
      "https://other.example/whip",
    ]);
    expect(server.of("POST")[1]?.body).toBe(server.of("POST")[0]?.body);
    expect(kinds(told)).toEqual(["answered"]);
  });

  it("does not run in circles", async () => {
    const { told } = await open(new TwinServer({ POST: [status(307, { Location: "/whip" })] }));

    expect(failureIn(told)).toMatchObject([{ reason: "server-failed" }]);
  });

  it.each([
    [400, "offer-refused"],
    [401, "token-missing"],
    [403, "forbidden"],
    [404, "no-endpoint"],
    [405, "no-endpoint"],
    [406, "offer-refused"],
    [408, "timed-out"],
    [410, "no-endpoint"],
    [413, "offer-refused"],
    [415, "offer-refused"],
    [418, "server-failed"],
    [422, "offer-refused"],
    [429, "rate-limited"],
    [500, "server-failed"],
    [502, "server-failed"],
    [503, "full"],
    [504, "server-failed"],
  ] as const)(
    "that is refused with %d fails as %s, in the server's words",
    async (code, reason) => {
      const { told, peer } = await open(new TwinServer({ POST: [problem(code, "Because.")] }));

      expect(told).toEqual([
        { kind: "lost", failure: { reason, detail: "Because.", status: code } },
      ]);
      expect(peer.calls.at(-1)).toBe("close");
    },
  );

  it("tells a token that is not valid from one that is missing", async () => {
    const challenge = 'Bearer realm="voicemedia", error="invalid_token"';
    const server = new TwinServer({
      POST: [problem(401, "No.", { "WWW-Authenticate": challenge })],
    });

    expect(failureIn((await open(server)).told)).toMatchObject([{ reason: "token-invalid" }]);
  });

  it.each([
    ["7", 7],
    ["Wed, 21 Oct 2026 07:28:09 GMT", 9],
    ["Wed, 21 Oct 2026 07:27:00 GMT", 0],
  ])("knows from Retry-After %s when to come again", async (header, seconds) => {
    vi.setSystemTime(new Date("2026-10-21T07:28:00Z"));
    const { told } = await open(
      new TwinServer({ POST: [problem(503, "Full.", { "Retry-After": header })] }),
    );

    expect(failureIn(told)).toMatchObject([{ reason: "full", retryAfterS: seconds }]);
  });

  it("without problem details says the status", async () => {
    const { told } = await open(new TwinServer({ POST: [status(502, {}, "<html>")] }));

    expect(failureIn(told)).toMatchObject([{ detail: "The server answered 502." }]);
  });

  it("fails when nobody is there", async () => {
    const { told } = await open(new TwinServer({ POST: [unreachable] }));

    expect(failureIn(told)).toMatchObject([{ reason: "unreachable" }]);
  });

  it("fails when no answer comes in time", async () => {
    const late = (): Error => new DOMException("signal timed out", "TimeoutError");
    const { told } = await open(new TwinServer({ POST: [late] }));

    expect(failureIn(told)).toMatchObject([{ reason: "timed-out" }]);
  });

  it("fails on a 201 that names no session", async () => {
    const server = new TwinServer({ POST: [status(201, {}, "v=0")] });

    expect(failureIn((await open(server)).told)).toMatchObject([{ reason: "bad-answer" }]);
  });

  it("fails on an answer that is no description, and frees what the server made", async () => {
    const server = new TwinServer({ POST: [created({}, "<html>")] });
    const { told } = await open(server);

    expect(failureIn(told)).toMatchObject([{ reason: "bad-answer" }]);
    expect(server.of("DELETE").map(({ url }) => url)).toEqual([SESSION_URL]);
  });

  it("fails when no media comes through in time", async () => {
    const { told } = await open(new TwinServer());
    await settle(CONNECT_TIMEOUT_MS);

    expect(failureIn(told)).toMatchObject([{ reason: "media-failed" }]);
  });

  it("that is given up frees what the server made meanwhile", async () => {
    const server = new TwinServer();
    const track = {} as MediaStreamTrack;
    const session = openWhipSession(server.ports, { endpoint: ENDPOINT, track }, () => undefined);
    await Promise.resolve(); // the offer is on its way
    await session.close();
    await settle();

    expect(server.of("DELETE").map(({ url }) => url)).toEqual([SESSION_URL]);
  });
});

describe("trickling", () => {
  it("sends what was gathered, under the entity-tag of the ICE session", async () => {
    const server = new TwinServer();
    const { peer } = await open(server);
    peer.gather("candidate:1 1 udp 1 x.local 9 typ host");
    peer.gather(null);
    await settle();

    const patches = server.of("PATCH");
    expect(patches[0]?.url).toBe(SESSION_URL);
    expect(patches[0]?.headers.get("If-Match")).toBe('"one"');
    expect(patches[0]?.headers.get("Content-Type")).toBe("application/trickle-ice-sdpfrag");
    const body = patches.map((patch) => patch.body).join("");
    expect(body).toContain("a=candidate:1 1 udp 1 x.local 9 typ host\r\n");
    expect(body).toContain("a=end-of-candidates");
  });

  it.each([405, 422, 501])(
    "stops where the server answers %d, and the call goes on",
    async (code) => {
      const server = new TwinServer({ PATCH: [status(code)] });
      const { peer, told } = await open(server);
      peer.gather("candidate:1 1 udp 1 a 1 typ host");
      await settle();
      peer.gather("candidate:2 1 udp 1 a 1 typ host");
      await settle();

      expect(server.of("PATCH")).toHaveLength(1);
      expect(kinds(told)).toEqual(["answered", "note"]);
    },
  );

  it("goes on after 412: another ICE session has begun", async () => {
    const server = new TwinServer({ PATCH: [status(412), status(204)] });
    const { peer, told } = await open(server);
    peer.gather("candidate:1 1 udp 1 a 1 typ host");
    await settle();
    peer.gather(null);
    await settle();

    expect(server.of("PATCH")).toHaveLength(2);
    expect(kinds(told)).toEqual(["answered"]);
  });

  it("learns from 404 that the session is gone", async () => {
    const { peer, told } = await open(new TwinServer({ PATCH: [status(404)] }));
    peer.gather(null);
    await settle();

    expect(failureIn(told)).toMatchObject([{ reason: "gone" }]);
  });

  it("that cannot be sent harms nothing", async () => {
    const { peer, told } = await open(new TwinServer({ PATCH: [unreachable] }));
    peer.gather(null);
    await settle();

    expect(kinds(told)).toEqual(["answered", "note"]);
  });
});

describe("an ICE restart", () => {
  const restarting = (): TwinServer =>
    new TwinServer({ PATCH: [status(200, { ETag: '"two"' }, RESTART_FRAGMENT), status(204)] });

  it("begins when media was gone for a moment, and takes the server's new ICE session", async () => {
    const server = restarting();
    const { peer, told } = await openConnected(server);
    peer.become("disconnected");
    await settle(RESTART_AFTER_MS);

    const [patch] = server.of("PATCH");
    expect(patch?.headers.get("If-Match")).toBe("*");
    expect(patch?.body).toContain("a=ice-ufrag:abc2");
    expect(peer.currentRemoteDescription?.sdp).toContain("a=ice-ufrag:new1");
    expect(kinds(told).slice(2)).toEqual(["interrupted", "audible", "note"]);
  });

  it("does not begin when media comes back by itself", async () => {
    const server = restarting();
    const { peer, told } = await openConnected(server);
    peer.become("disconnected");
    await settle(RESTART_AFTER_MS - 100);
    peer.become("connected");
    await settle(RESTART_AFTER_MS);

    expect(server.of("PATCH")).toEqual([]);
    expect(kinds(told)).toContain("recovered");
  });

  it("trickles under the new entity-tag afterwards", async () => {
    const server = restarting();
    const { session, peer } = await openConnected(server);
    session.restart();
    await settle();
    peer.gather("candidate:9 1 udp 1 a 1 typ host");
    await settle();

    expect(server.of("PATCH")[1]?.headers.get("If-Match")).toBe('"two"');
    expect(server.of("PATCH")[1]?.body).toContain("a=ice-ufrag:abc2");
  });

  it.each([412, 422, 428, 500])("that is refused with %d loses the session", async (code) => {
    const { session, told } = await openConnected(new TwinServer({ PATCH: [status(code)] }));
    session.restart();
    await settle();

    expect(failureIn(told)).toMatchObject([{ reason: "media-failed" }]);
  });

  it("learns from 404 that the session is gone", async () => {
    const { session, told } = await openConnected(new TwinServer({ PATCH: [status(404)] }));
    session.restart();
    await settle();

    expect(failureIn(told)).toMatchObject([{ reason: "gone" }]);
  });

  it("that brings nothing back loses the session", async () => {
    const { peer, told } = await openConnected(restarting());
    peer.become("failed");
    await settle(RESTART_TIMEOUT_MS);

    expect(failureIn(told)).toMatchObject([{ reason: "media-failed" }]);
  });

  it("is not begun twice at a time", async () => {
    const server = restarting();
    const { session } = await openConnected(server);
    session.restart();
    session.restart();
    await settle();

    expect(server.of("PATCH")).toHaveLength(1);
  });
});

describe("the server's event stream", () => {
  const withEvents = (answers = {}): TwinServer =>
    new TwinServer({ POST: [created({ Link: EVENTS })], ...answers });

  it("is read where the answer says", async () => {
    const server = withEvents();
    await open(server);

    expect(server.eventUrls).toEqual(["https://host.example/whip/events/e1"]);
  });

  it("asks the call to move", async () => {
    const server = withEvents();
    const { told } = await openConnected(server);
    server.events[0]?.send("reconnect", "draining");

    expect(told.at(-1)).toEqual({ kind: "move-asked", detail: "draining" });
  });

  it.each([
    ["idle", "ended"],
    ["max-duration", "ended"],
    ["drained", "gone"],
    ["stopped", "gone"],
    ["consent-expired", "gone"],
  ])("tells the end by %s, which is: %s", async (detail, reason) => {
    const server = withEvents();
    const { told } = await openConnected(server);
    server.events[0]?.send("closed", detail);

    expect(failureIn(told)).toMatchObject([{ reason }]);
    expect(server.events[0]?.isClosed).toBe(true);
  });

  it("that breaks makes the client ask whether the session lives", async () => {
    const server = withEvents({ GET: [unreachable, status(404)] });
    const { told } = await openConnected(server);
    server.events[0]?.dispatchEvent(new Event("error"));
    await settle(500);
    const asked = server.of("GET").length;
    await settle(1000);

    expect(asked).toBe(1);
    expect(failureIn(told)).toMatchObject([{ reason: "gone" }]);
  });

  it("that breaks alone harms nothing", async () => {
    const server = withEvents({ GET: [status(204)] });
    const { told } = await openConnected(server);
    server.events[0]?.dispatchEvent(new Event("error"));
    await settle(60_000);

    expect(server.of("GET")).toHaveLength(1);
    expect(failureIn(told)).toEqual([]);
  });
});

describe("ending a session", () => {
  it("deletes it there before it closes here", async () => {
    const server = new TwinServer();
    const { session, peer } = await openConnected(server);
    await session.close();

    expect(server.of("DELETE").map(({ url }) => url)).toEqual([SESSION_URL]);
    expect(peer.calls.at(-1)).toBe("close");
  });

  it("asks the browser to finish the request when the page is left", async () => {
    const server = new TwinServer();
    const { session } = await openConnected(server);
    void session.close(true);

    expect(server.of("DELETE")[0]?.init.keepalive).toBe(true);
  });

  it("twice deletes once, and tells nothing", async () => {
    const server = new TwinServer();
    const { session, told } = await openConnected(server);
    const before = told.length;
    await session.close();
    await session.close();

    expect(server.of("DELETE")).toHaveLength(1);
    expect(told).toHaveLength(before);
  });

  it.each([404, 500])("does not mind %d", async (code) => {
    const { session } = await openConnected(new TwinServer({ DELETE: [status(code)] }));

    await expect(session.close()).resolves.toBeUndefined();
  });

  it("does not mind that nobody is there", async () => {
    const { session } = await openConnected(new TwinServer({ DELETE: [unreachable] }));

    await expect(session.close()).resolves.toBeUndefined();
  });

  it("of the other end loses the session", async () => {
    const { peer, told } = await openConnected(new TwinServer());
    peer.become("closed");

    expect(failureIn(told)).toMatchObject([{ reason: "media-failed" }]);
  });
});
