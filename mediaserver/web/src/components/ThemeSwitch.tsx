import type { Theme } from "../stores/preferences";
import { useVoiceAgent } from "./storeContext";

const NEXT: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };
const SHOWN: Readonly<Record<Theme, string>> = { system: "Auto", light: "Light", dark: "Dark" };

export function ThemeSwitch() {
  const theme = useVoiceAgent((state) => state.preferences.theme);
  const setTheme = useVoiceAgent((state) => state.setTheme);
  return (
    <button
      type="button"
      className="quiet"
      aria-label={`Colours: ${SHOWN[theme]}. Change to ${SHOWN[NEXT[theme]]}.`}
      onClick={() => {
        setTheme(NEXT[theme]);
      }}
    >
      <svg viewBox="0 0 20 20" width="16" height="16" aria-hidden="true">
        <circle cx="10" cy="10" r="7.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
        <path d="M10 2.5a7.5 7.5 0 0 1 0 15z" fill="currentColor" />
      </svg>
      {SHOWN[theme]}
    </button>
  );
}
