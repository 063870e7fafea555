import { describe, expect, it, vi } from "vitest";

import { CallFailed, type Failure, type FailureReason } from "../client/failure";
import type { SessionDecision } from "../client/sessionClient";
import { NOTHING_SAMPLED, TwinTransport } from "./transportTwin";
import { choose, chosenTransport, FALLBACK_AFTER_MS, type WebrtcWay } from "./transportChoice";
import type { SessionEvent, TransportSession } from "./transport";

const PAGE = new URL("https://host.example/echo/index.html");
const TRACK = {} as MediaStreamTrack; // only handed on

const decision = (change: Partial<SessionDecision> = {}): SessionDecision => ({
  transport: "webrtc",
  reason: "flag",
  sessionToken: "s1",
  urls: { whip: "https://other/whip?session=s1", websocket: "wss://other/v2/ws?session=s1" },
  iceServers: [{ urls: ["turn:other"] }],
  ...change,
});

/** A chosen transport, what it opened, and what it told. */
class World {
  readonly opened: { readonly to: string; readonly session: TwinTransport }[] = [];
  readonly ways: WebrtcWay[] = [];
  readonly asked: (readonly [string | null, string | null])[] = [];
  readonly told: SessionEvent[] = [];
  page = PAGE;
  canWebrtc = true;
  webrtcThrows: Error | null = null;
  answer: SessionDecision | null | Failure = decision();
  #transport: ReturnType<typeof chosenTransport> | null = null;

  async open(isContinuation = false): Promise<TransportSession> {
    this.#transport ??= chosenTransport({
      page: this.page,
      canWebrtc: () => this.canWebrtc,
      ask: (token, resume) => {
        this.asked.push([token, resume]);
        const { answer } = this;
        return answer !== null && "detail" in answer
          ? Promise.reject(new CallFailed(answer))
          : Promise.resolve(answer);
      },
      webrtc: (way) => {
        this.ways.push(way);
        if (this.webrtcThrows) throw this.webrtcThrows;
        return this.#twin(way.endpoint);
      },
      websocket: (endpoint) => this.#twin(endpoint),
    });
    const request = { track: TRACK, token: "t0ken", isContinuation };
    const session = this.#transport.open(request, (event) => this.told.push(event));
    await vi.waitFor(() => {
      if (this.told.length === 0) throw new Error("nothing was told yet");
    });
    return session;
  }

  #twin(to: string): TwinTransport {
    const session = new TwinTransport();
    this.opened.push({ to, session });
    return session;
  }

  get to(): string[] {
    return this.opened.map(({ to }) => to);
  }

  newest(): TwinTransport {
    const opened = this.opened.at(-1);
    if (!opened) throw new Error("nothing was opened");
    return opened.session;
  }

  lose(reason: FailureReason): void {
    this.newest().tell({ kind: "lost", failure: { reason, detail: "so" } });
  }

  get choices(): SessionEvent[] {
    return this.told.filter(({ kind }) => kind === "chosen");
  }
}

describe("the choice", () => {
  const can = { page: PAGE, canWebrtc: () => true };

  it("is WebRTC, beside the page, on a server that is older than the question", () => {
    const ways = choose(can, null, false);

    expect(ways.choice).toMatchObject({ transport: "webrtc", isFallback: false });
    expect(ways).toMatchObject({
      whip: "https://host.example/echo/whip",
      websocket: "https://host.example/echo/v2/ws",
      mayFallBack: true,
    });
  });

  it.each(["webrtc", "websocket"] as const)("is %s when the address asks for it", (asked) => {
    const page = new URL(`?transport=${asked}`, PAGE);
    const ways = choose({ page, canWebrtc: () => true }, null, true);

    expect(ways.choice).toEqual({
      transport: asked,
      why: "since the address of this page asks for it",
      isFallback: false,
    });
    expect(ways.mayFallBack).toBe(false);
  });

  it.each(["flag", "kill", "override", "no-flag", "registry-down", "resume", "new"])(
    "of the server for WebSocket by %s is followed, with a reason for people",
    (reason) => {
      const { choice } = choose(can, decision({ transport: "websocket", reason }), false);

      expect(choice).toMatchObject({ transport: "websocket", isFallback: false });
      expect(choice.why).toMatch(/^since .+[^.]$/);
    },
  );

  it("is a fallback where the server heard that this browser cannot do WebRTC", () => {
    const decided = decision({ transport: "websocket", reason: "capability" });

    expect(choose(can, decided, false).choice).toEqual({
      transport: "websocket",
      why: "since this browser cannot do WebRTC",
      isFallback: true,
    });
  });

  it("is the WebSocket where the browser has no WebRTC, whatever the server says", () => {
    const { choice } = choose({ page: PAGE, canWebrtc: () => false }, decision(), false);

    expect(choice).toMatchObject({ transport: "websocket", isFallback: true });
  });

  it("is the WebSocket after WebRTC could not connect", () => {
    expect(choose(can, decision(), true).choice).toEqual({
      transport: "websocket",
      why: "since WebRTC could not connect",
      isFallback: true,
    });
  });
});

describe("where the server sends a page", () => {
  const urls = { whip: "http://host.example/whip?s=1", websocket: "ws://host.example/v2/ws?s=1" };
  const ways = (page: string) =>
    choose({ page: new URL(page), canWebrtc: () => true }, decision({ urls }), false);

  it("on its own host is as encrypted as the page, which a proxy may hide from the server", () => {
    expect(ways("https://host.example/")).toMatchObject({
      whip: "https://host.example/whip?s=1",
      websocket: "wss://host.example/v2/ws?s=1",
    });
  });

  it.each(["http://host.example/", "https://another.example/"])(
    "from %s is where the server said",
    (page) => {
      expect(ways(page)).toMatchObject(urls);
    },
  );
});

describe("a session", () => {
  it("goes where the server said, by its servers, with a shorter patience", async () => {
    const world = new World();
    await world.open();

    expect(world.ways).toEqual([
      {
        endpoint: "https://other/whip?session=s1",
        iceServers: [{ urls: ["turn:other"] }],
        connectTimeoutMs: FALLBACK_AFTER_MS,
      },
    ]);
    expect(world.choices).toMatchObject([{ transport: "webrtc", isFallback: false }]);
  });

  it("asks nothing where the address decides", async () => {
    const world = new World();
    world.page = new URL("?transport=websocket", PAGE);
    await world.open();

    expect(world.asked).toEqual([]);
    expect(world.to).toEqual(["https://host.example/echo/v2/ws"]);
  });

  it("that continues a call names the one before; a new call does not", async () => {
    const world = new World();
    await world.open();
    await world.open(true);
    await vi.waitFor(() => {
      expect(world.asked).toHaveLength(2);
    });
    await world.open();

    expect(world.asked).toEqual([
      ["t0ken", null],
      ["t0ken", "s1"],
      ["t0ken", null],
    ]);
  });

  it("is decided anew when the server no longer knows the call before", async () => {
    const world = new World();
    await world.open();
    world.answer = { reason: "offer-refused", detail: "expired", status: 400 };
    await world.open(true);
    await vi.waitFor(() => {
      expect(world.told.at(-1)?.kind).toBe("lost");
    });

    expect(world.asked.slice(1)).toEqual([
      ["t0ken", "s1"],
      ["t0ken", null],
    ]);
  });

  it("is lost when the server decides nothing for it", async () => {
    const world = new World();
    world.answer = { reason: "full", detail: "full", retryAfterS: 3 };
    await world.open();

    expect(world.told).toEqual([{ kind: "lost", failure: world.answer }]);
  });

  it("that is closed while the server decides opens nothing", async () => {
    const world = new World();
    const opening = world.open();
    const closing = new World();
    await closing.open();
    await opening;
    const session = await world.open();
    const before = world.opened.length;
    await session.close();
    world.lose("media-failed");

    expect(world.opened).toHaveLength(before);
  });

  it("hands on what its transport does and is asked", async () => {
    const world = new World();
    const session = await world.open();
    const echo = {} as MediaStream; // only handed on
    world.newest().echo = echo;
    session.restart();
    await session.replaceTrack(TRACK);
    await session.close(true);

    expect(session.echo).toBe(echo);
    expect(await session.sample()).toBe(NOTHING_SAMPLED);
    expect(world.newest().did).toEqual(["restart", "replace track", "close leaving"]);
  });
});

describe("when WebRTC cannot connect", () => {
  it.each(["media-failed", "offer-refused", "bad-answer", "no-endpoint"] as const)(
    "for %s, the WebSocket follows within the session, by the same token, and says why",
    async (reason) => {
      const world = new World();
      await world.open();
      world.lose(reason);

      expect(world.to).toEqual(["https://other/whip?session=s1", "wss://other/v2/ws?session=s1"]);
      expect(world.told.map(({ kind }) => kind)).toEqual(["chosen", "note", "chosen"]);
      expect(world.choices.at(-1)).toMatchObject({ transport: "websocket", isFallback: true });
    },
  );

  it.each(["token-missing", "full", "rate-limited", "unreachable", "timed-out"] as const)(
    "for %s, there is no other way: the WebSocket would meet the same",
    async (reason) => {
      const world = new World();
      await world.open();
      world.lose(reason);

      expect(world.to).toHaveLength(1);
      expect(world.told.at(-1)).toMatchObject({ kind: "lost", failure: { reason } });
    },
  );

  it("since making a peer throws, the WebSocket follows", async () => {
    const world = new World();
    world.webrtcThrows = new Error("switched off");
    await world.open();

    expect(world.to).toEqual(["wss://other/v2/ws?session=s1"]);
    expect(world.choices.at(-1)).toMatchObject({ transport: "websocket", isFallback: true });
  });

  it("the sessions that follow do not try again", async () => {
    const world = new World();
    await world.open();
    world.lose("media-failed");
    await world.open(true);
    await vi.waitFor(() => {
      expect(world.to).toHaveLength(3);
    });

    expect(world.to.at(-1)).toBe("wss://other/v2/ws?session=s1");
  });

  it("though the address asks for it, there is no other way", async () => {
    const world = new World();
    world.page = new URL("?transport=webrtc", PAGE);
    await world.open();
    world.lose("media-failed");

    expect(world.to).toHaveLength(1);
    expect(world.told.at(-1)).toMatchObject({ kind: "lost" });
  });

  it("nor the WebSocket, the session is lost", async () => {
    const world = new World();
    await world.open();
    world.lose("media-failed");
    world.lose("media-failed");

    expect(world.to).toHaveLength(2);
    expect(world.told.at(-1)).toMatchObject({ kind: "lost" });
  });

  it("and the server has no WebSocket, WebRTC's own failure is told and tried again", async () => {
    const world = new World();
    world.answer = null;
    await world.open();
    world.lose("media-failed");
    world.lose("no-endpoint");
    const told = world.told.at(-1);
    await world.open(true);
    await vi.waitFor(() => {
      expect(world.to).toHaveLength(3);
    });

    expect(told).toMatchObject({ failure: { reason: "media-failed" } });
    expect(world.to.at(-1)).toBe("https://host.example/echo/whip");
  });

  it("any more, once it has, a new session is for the call to open", async () => {
    const world = new World();
    await world.open();
    world.newest().tell({ kind: "connected" });
    world.lose("media-failed");

    expect(world.to).toHaveLength(1);
    expect(world.told.at(-1)).toMatchObject({ kind: "lost" });
  });
});
