/** Who this browser is to the server's rollout: a random name, the same at each visit. */

const KEY = "voicemedia.client";
const FORM = /^[0-9a-f]{32}$/;

export interface Keeper {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Makes one where none was kept. A browser that keeps nothing gets another at each visit. */
export function clientId(keeper: () => Keeper, draw: () => Uint8Array): string {
  try {
    const kept = keeper().getItem(KEY) ?? "";
    if (FORM.test(kept)) return kept;
  } catch {
    return hex(draw());
  }
  const made = hex(draw());
  try {
    keeper().setItem(KEY, made);
  } catch {
    // It holds until the page closes.
  }
  return made;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
