import { describe, expect, it } from "vitest";

import { clientId, type Keeper } from "./clientId";

const draw = (): Uint8Array => Uint8Array.from({ length: 16 }, (_, at) => at);
const DRAWN = "000102030405060708090a0b0c0d0e0f";

class Kept implements Keeper {
  readonly values = new Map<string, string>();

  getItem(key: string): string | null {
    return this.values.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.values.set(key, value);
  }
}

describe("the client's id", () => {
  it("is drawn once and the same ever after", () => {
    const kept = new Kept();
    const first = clientId(() => kept, draw);
    const second = clientId(
      () => kept,
      () => new Uint8Array(16),
    );

    expect([first, second]).toEqual([DRAWN, DRAWN]);
  });

  it("is drawn anew where what was kept is none", () => {
    const kept = new Kept();
    kept.setItem("voicemedia.client", "somebody@example.org");

    expect(clientId(() => kept, draw)).toBe(DRAWN);
  });

  it("is drawn where the browser keeps nothing", () => {
    const keeper = (): Keeper => {
      throw new DOMException("no", "SecurityError");
    };

    expect(clientId(keeper, draw)).toBe(DRAWN);
  });
});
