import type { Scope } from "../audio/studio";
import type { VoiceAgentStore } from "../stores/voiceAgentStore";
import { headlineOf } from "../call/description";

export interface Scopes {
  readonly said: Scope;
  readonly heard: Scope;
}

export function App({ store }: { store: VoiceAgentStore; scopes: () => Scopes | null }) {
  const { connectionStatus, startStreaming, disconnect, call } = store();
  const isOff = connectionStatus === "disconnected" || connectionStatus === "error";
  return (
    <main>
      <button onClick={isOff ? startStreaming : disconnect}>{isOff ? "Start" : "Stop"}</button>
      <p data-status={connectionStatus}>{headlineOf(call)}</p>
    </main>
  );
}
