import { useEffect } from "react";

import type { VoiceAgentStore } from "../stores/voiceAgentStore";
import { CallLog } from "./CallLog";
import { Details } from "./Details";
import { Notice } from "./Notice";
import { Quality } from "./Quality";
import { Sound } from "./Sound";
import { Stage } from "./Stage";
import { ScopesContext, StoreContext, useVoiceAgent, type ReadScopes } from "./storeContext";
import { StatusBadge } from "./StatusBadge";
import { ThemeSwitch } from "./ThemeSwitch";

export function App({ store, scopes }: { store: VoiceAgentStore; scopes: ReadScopes }) {
  return (
    <StoreContext value={store}>
      <ScopesContext value={scopes}>
        <Page />
      </ScopesContext>
    </StoreContext>
  );
}

function Page() {
  const theme = useVoiceAgent((state) => state.preferences.theme);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
  }, [theme]);
  return (
    <>
      <header className="top">
        <a className="brand" href="./" aria-label="voicemedia, this page anew">
          <Logo />
          <span>voicemedia</span>
        </a>
        <StatusBadge />
        <ThemeSwitch />
      </header>
      <main>
        <h1 className="unseen">Echo call</h1>
        <Stage />
        <Notice />
        <div className="columns">
          <Sound />
          <Quality />
        </div>
        <div className="columns">
          <CallLog />
          <Details />
        </div>
      </main>
      <footer className="bottom">
        <nav aria-label="For operators">
          <a href="health">health</a>
          <a href="stats">stats</a>
          <a href="metrics">metrics</a>
          <a href="plain">plain page</a>
        </nav>
        <span>
          WHIP clients publish to <code>{new URL("whip", document.baseURI).href}</code>
        </span>
      </footer>
    </>
  );
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
      <rect width="32" height="32" rx="9" className="logo-ground" />
      <path d="M7 13v6M12 9v14" className="logo-you" />
      <path d="M17.5 11v10M22 7.5v17M26.5 14v4" className="logo-echo" />
    </svg>
  );
}
