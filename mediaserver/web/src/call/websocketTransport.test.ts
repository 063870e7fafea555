import { describe, expect, it, vi } from "vitest";

import { l16, OPUS } from "../audio/voiceCodec";
import { browserV2Ports } from "../client/v2Client";
import type { SessionEvent } from "./transport";
import { formatAskedFor, websocketTransport } from "./websocketTransport";

const asked = (query: string) => formatAskedFor(new URL(`https://host.example/${query}`));

describe("the format that the address asks for", () => {
  it.each([
    ["?codec=opus", OPUS],
    ["?codec=l16", l16(48_000)],
    ["?codec=l16-16000", l16(16_000)],
  ])("by %s is that one", (query, format) => {
    expect(asked(query)).toEqual(format);
  });

  it.each(["", "?codec=", "?codec=mp3"])("by %j is the best that there is", (query) => {
    expect(asked(query)).toBeNull();
  });
});

describe("a session", () => {
  it("is lost with a reason where the browser has no audio graph, and may be closed", async () => {
    const told: SessionEvent[] = [];
    const memory = { resumeToken: null };
    const options = { endpoint: "https://host.example/v2/ws", format: OPUS, memory };
    const session = websocketTransport(browserV2Ports, options).open(
      { track: {} as MediaStreamTrack, token: null, isContinuation: false }, // only handed on
      (event) => told.push(event),
    );
    await vi.waitFor(() => {
      expect(told).toHaveLength(1);
    });
    await session.close();

    expect(told).toMatchObject([{ kind: "lost", failure: { reason: "media-failed" } }]);
    expect(session.echo).toBeNull();
    expect(await session.sample()).toBeNull();
  });
});
