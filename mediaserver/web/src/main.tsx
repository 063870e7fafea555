/** The page: puts the store, the engine and the components together. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./components/App";
import { browserEngine, type BrowserEngine } from "./stores/engine";
import { loadPreferences } from "./stores/preferences";
import { createVoiceAgentStore } from "./stores/voiceAgentStore";
import "./style/page.css";

const root = document.getElementById("page");
if (!root) throw new Error("The page has no place for its content.");

let engine: BrowserEngine | null = null;
const store = createVoiceAgentStore(loadPreferences(), (api, watcher) => {
  engine = browserEngine(api, watcher);
  return engine;
});

createRoot(root).render(
  <StrictMode>
    <App store={store} scopes={() => engine?.scopes() ?? null} />
  </StrictMode>,
);
