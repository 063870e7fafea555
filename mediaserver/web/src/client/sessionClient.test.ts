import { describe, expect, it } from "vitest";

import type { CallFailed } from "./failure.js";
import { askForSession, readDecision, type SessionRequest } from "./sessionClient.js";
import { problem, status, TwinServer } from "./twins.js";

const REQUEST: SessionRequest = {
  endpoint: "https://host.example/v2/session",
  clientId: "c1",
  capabilities: { webrtc: true, websocket: true },
};
const ANSWER = {
  transport: "websocket",
  variant: "websocket",
  reason: "flag",
  revision: 7,
  session_token: "eyJ",
  expires_in_s: 3600,
  urls: { whip: "http://host/whip?session=eyJ", websocket: "ws://host/v2/ws?session=eyJ" },
  ice_servers: [{ urls: ["turn:host"], username: "u", credential: "c" }],
};
const decided = (change: Readonly<Record<string, unknown>> = {}) =>
  status(200, { "Content-Type": "application/json" }, JSON.stringify({ ...ANSWER, ...change }));

describe("the question", () => {
  it("says who asks and what the browser can", async () => {
    const server = new TwinServer({ POST: [decided()] });
    await askForSession(server.ports, { ...REQUEST, token: "t0ken", resume: "old" });
    const asked = server.of("POST")[0];

    expect(asked?.url).toBe(REQUEST.endpoint);
    expect(asked?.headers.get("Content-Type")).toBe("application/json");
    expect(asked?.headers.get("Authorization")).toBe("Bearer t0ken");
    expect(JSON.parse(asked?.body ?? "")).toEqual({
      client_id: "c1",
      capabilities: { webrtc: true, websocket: true },
      resume: "old",
    });
  });

  it("names no token and no call before where there is none", async () => {
    const server = new TwinServer({ POST: [decided()] });
    await askForSession(server.ports, REQUEST);
    const asked = server.of("POST")[0];

    expect(asked?.headers.has("Authorization")).toBe(false);
    expect(JSON.parse(asked?.body ?? "")).not.toHaveProperty("resume");
  });
});

describe("the answer", () => {
  it("is the decision, where to go, and by which servers", async () => {
    const server = new TwinServer({ POST: [decided()] });

    expect(await askForSession(server.ports, REQUEST)).toEqual({
      transport: "websocket",
      reason: "flag",
      sessionToken: "eyJ",
      urls: ANSWER.urls,
      iceServers: ANSWER.ice_servers,
    });
  });

  it.each([404, 405])("of an older server (%i) is none", async (code) => {
    const server = new TwinServer({ POST: [problem(code, "what?")] });

    expect(await askForSession(server.ports, REQUEST)).toBeNull();
  });

  it.each([
    [400, "offer-refused"],
    [401, "token-missing"],
    [403, "forbidden"],
    [429, "rate-limited"],
    [503, "full"],
    [500, "server-failed"],
  ])("of %i is a failure: %s", async (code, reason) => {
    const server = new TwinServer({ POST: [problem(code, "no", { "Retry-After": "2" })] });
    const failure = await askForSession(server.ports, REQUEST).catch(
      (thrown: unknown) => (thrown as CallFailed).failure,
    );

    expect(failure).toEqual({ reason, detail: "no", status: code, retryAfterS: 2 });
  });

  it("that cannot be read is a failure", async () => {
    const server = new TwinServer({ POST: [decided({ transport: "pigeon" })] });

    await expect(askForSession(server.ports, REQUEST)).rejects.toMatchObject({
      failure: { reason: "bad-answer" },
    });
  });

  it.each(["", "null", "7", "{}", '{"transport":"webrtc"}', '{"transport":"webrtc","urls":{}}'])(
    "%j is no decision",
    (text) => {
      expect(readDecision(text)).toBeNull();
    },
  );

  it("needs no more than a transport and where to go", () => {
    const { urls } = ANSWER;

    expect(readDecision(JSON.stringify({ transport: "webrtc", urls }))).toEqual({
      transport: "webrtc",
      reason: "",
      sessionToken: "",
      urls,
      iceServers: [],
    });
  });
});
