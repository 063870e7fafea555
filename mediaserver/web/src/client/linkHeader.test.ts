import { describe, expect, it } from "vitest";

import { EVENTS_RELATION, eventsTarget, iceServers, readLinks } from "./linkHeader.js";

describe("a Link header", () => {
  it("gives every link with its parameters", () => {
    const links = readLinks(
      '<stun:stun.example:3478>; rel="ice-server", ' +
        '<turn:turn.example?transport=udp>; rel="ice-server"; username="17:me"; ' +
        'credential="a\\"b,c;d"; credential-type="password"',
    );

    expect(iceServers(links)).toEqual([
      { urls: "stun:stun.example:3478" },
      { urls: "turn:turn.example?transport=udp", username: "17:me", credential: 'a"b,c;d' },
    ]);
  });

  it("names the event stream", () => {
    const header = `<https://host/events/1>; rel="${EVENTS_RELATION}"; events="state,reconnect"`;

    expect(eventsTarget(readLinks(header))).toBe("https://host/events/1");
  });

  it("may have parameters without quotes or value, in any case, with any space", () => {
    expect(readLinks("<a>;REL=ice-server ; flag,<b> ; rel=x")).toEqual([
      { target: "a", relation: "ice-server", parameters: { rel: "ice-server", flag: "" } },
      { target: "b", relation: "x", parameters: { rel: "x" } },
    ]);
  });

  it("counts the first of two parameters of one name, as RFC 8288 says", () => {
    expect(readLinks('<a>; rel="one"; rel="two"')[0]?.relation).toBe("one");
  });

  it.each([null, "", "nonsense", "<a", "; rel=x", "<a> <b>, ,"])(
    "is read without harm: %s",
    (text) => {
      expect(readLinks(text).every((link) => link.target.length < 3)).toBe(true);
    },
  );

  it("takes nothing for an ICE server that is no STUN or TURN address", () => {
    expect(iceServers(readLinks('<https://evil.example>; rel="ice-server"'))).toEqual([]);
  });
});
