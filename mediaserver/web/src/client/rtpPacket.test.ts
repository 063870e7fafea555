import { describe, expect, it } from "vitest";

import { buildPacket, parsePacket } from "./rtpPacket.js";

const bytes = (hex: string): ArrayBuffer =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16)).buffer;

describe("an RTP packet", () => {
  it("is built as RFC 3550 draws it, its fields wrapped", () => {
    const fields = { payloadType: 111, sequence: 0x1_0002, timestamp: 2 ** 32 + 3, ssrc: 4 };
    const packet = buildPacket(fields, Uint8Array.of(0xaa, 0xbb));

    expect(packet.buffer).toEqual(bytes("806f0002" + "00000003" + "00000004" + "aabb"));
  });

  it("is read as it was built", () => {
    const fields = { payloadType: 96, sequence: 65_535, timestamp: 2 ** 32 - 1, ssrc: 2 ** 31 };
    const { payload, ...read } = parsePacket(
      buildPacket(fields, Uint8Array.of(1, 2, 3)).buffer,
    ) ?? { payload: null };

    expect(read).toEqual(fields);
    expect(payload).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("is read past contributing sources, an extension and padding", () => {
    const head = "b16f0001" + "00000002" + "00000003" + "00000009" + "bede0001" + "10ff0000";
    const packet = parsePacket(bytes(head + "aabb" + "0002"));

    expect(packet?.payload).toEqual(Uint8Array.of(0xaa, 0xbb));
  });

  it.each([
    ["too short", "806f0001"],
    ["of another version", "406f0001" + "00000002" + "00000003"],
    ["with a cut extension", "906f0001" + "00000002" + "00000003" + "be"],
    ["with an extension longer than itself", "906f0001" + "0000000200000003" + "bede0009"],
    ["with more padding than there is", "a06f0001" + "00000002" + "00000003" + "aaff"],
  ])("that is %s is none", (_what, hex) => {
    expect(parsePacket(bytes(hex))).toBeNull();
  });
});
