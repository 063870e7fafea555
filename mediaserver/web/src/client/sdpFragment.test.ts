import { describe, expect, it } from "vitest";

import { applyFragment, readSection, writeFragment } from "./sdpFragment.js";

export const OFFER = [
  "v=0",
  "o=- 1 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 0",
  "c=IN IP4 0.0.0.0",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:0123456789abcdefghijkl",
  "a=mid:0",
  "a=sendrecv",
  "",
].join("\r\n");
const ANSWER = OFFER.replace("abcd", "srv1").replace(
  "a=sendrecv",
  "a=candidate:1 1 udp 9 192.0.2.1 5000 typ host\r\na=end-of-candidates",
);

describe("an SDP fragment", () => {
  it("names the section and its ICE session, then the candidates", () => {
    const text = writeFragment(
      readSection(OFFER),
      ["candidate:1 1 udp 7 x.local 9 typ host"],
      true,
    );

    expect(text.split("\r\n")).toEqual([
      "a=ice-ufrag:abcd",
      "a=ice-pwd:0123456789abcdefghijkl",
      "m=audio 9 UDP/TLS/RTP/SAVPF 111 0",
      "a=mid:0",
      "a=candidate:1 1 udp 7 x.local 9 typ host",
      "a=end-of-candidates",
      "",
    ]);
  });

  it("cannot be made of what is no offer", () => {
    expect(() => readSection("v=0\r\n")).toThrow();
  });

  it("replaces the answer's ICE session and nothing else", () => {
    const fragment =
      "a=ice-lite\r\na=ice-ufrag:new1\r\na=ice-pwd:zzzzzzzzzzzzzzzzzzzzzz\r\n" +
      "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" +
      "a=candidate:2 1 udp 9 192.0.2.2 6000 typ host\r\na=end-of-candidates\r\n";

    const answer = applyFragment(ANSWER, fragment);

    expect(answer).toContain("a=ice-ufrag:new1\r\na=ice-pwd:zzzzzzzzzzzzzzzzzzzzzz\r\n");
    expect(answer).toContain("a=candidate:2 1 udp");
    expect(answer).not.toContain("a=candidate:1 1");
    expect(answer).not.toContain("srv1");
    expect(answer.split("\r\n").filter((line) => line === "a=end-of-candidates")).toHaveLength(1);
    expect(answer).toContain("m=audio 9 UDP/TLS/RTP/SAVPF 111 0");
  });

  it("without credentials restarts nothing", () => {
    expect(() => applyFragment(ANSWER, "a=mid:0\r\n")).toThrow();
  });
});
