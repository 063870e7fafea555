import { createContext, useContext } from "react";

import type { Scope } from "../audio/studio";
import type { VoiceAgentState, VoiceAgentStore } from "../stores/voiceAgentStore";

/** The sound that is drawn: read many times a second, so it is no part of the store. */
export interface Scopes {
  readonly said: Scope;
  readonly heard: Scope;
}
export type ReadScopes = () => Scopes | null;

export const StoreContext = createContext<VoiceAgentStore | null>(null);
export const ScopesContext = createContext<ReadScopes>(() => null);

/** A part of the store; the component is drawn anew when that part changes. */
export function useVoiceAgent<T>(select: (state: VoiceAgentState) => T): T {
  const useStore = useContext(StoreContext);
  if (!useStore) throw new Error("This component stands outside of the store's context.");
  return useStore(select);
}
