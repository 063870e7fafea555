import { headlineOf } from "../call/description";
import { useVoiceAgent } from "./storeContext";

/** Connection and streaming, as one line that screen readers are told of. */
export function StatusBadge() {
  const status = useVoiceAgent((state) => state.connectionStatus);
  const call = useVoiceAgent((state) => state.call);
  const isStreaming = useVoiceAgent((state) => state.isStreaming);
  const streaming =
    status === "connected" ? (isStreaming ? "microphone on" : "microphone off") : "";
  return (
    <p className="badge" role="status" data-status={status} data-phase={call.phase}>
      <span className="dot" aria-hidden="true" />
      {headlineOf(call)}
      {streaming && <span className="badge-more"> · {streaming}</span>}
    </p>
  );
}
