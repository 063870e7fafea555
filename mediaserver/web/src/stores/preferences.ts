/** What people chose, kept by the browser between visits. Tokens are never among it. */

import type { CaptureSettings } from "../audio/capture";

export type Theme = "system" | "light" | "dark";

export interface Preferences extends CaptureSettings {
  readonly volume: number;
  readonly theme: Theme;
}

const KEY = "voicemedia.preferences";
export const DEFAULTS: Preferences = {
  deviceId: null,
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  volume: 0.8,
  theme: "system",
};

/** What was kept; defaults for what is missing, or is not what it should be. */
export function readPreferences(text: string | null): Preferences {
  let kept: Partial<Record<keyof Preferences, unknown>>;
  try {
    kept = (JSON.parse(text ?? "{}") ?? {}) as typeof kept;
  } catch {
    return DEFAULTS;
  }
  const flag = (name: "echoCancellation" | "noiseSuppression" | "autoGainControl"): boolean =>
    typeof kept[name] === "boolean" ? kept[name] : DEFAULTS[name];
  const { volume, theme, deviceId } = kept;
  return {
    deviceId: typeof deviceId === "string" ? deviceId : null,
    echoCancellation: flag("echoCancellation"),
    noiseSuppression: flag("noiseSuppression"),
    autoGainControl: flag("autoGainControl"),
    volume: typeof volume === "number" && volume >= 0 && volume <= 1 ? volume : DEFAULTS.volume,
    theme: theme === "light" || theme === "dark" ? theme : "system",
  };
}

export function loadPreferences(): Preferences {
  try {
    return readPreferences(localStorage.getItem(KEY));
  } catch {
    return DEFAULTS; // a browser that keeps nothing
  }
}

export function keepPreferences(preferences: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // A browser that keeps nothing: they hold until the page closes.
  }
}
