import { useState, type SubmitEvent } from "react";

import { adviceFor } from "../call/advice";
import { useVoiceAgent } from "./storeContext";

const ASKS_FOR_TOKEN = new Set(["token-missing", "token-invalid", "forbidden"]);

/** What went wrong and what to do about it; also what went wrong and was got round. */
export function Notice() {
  const error = useVoiceAgent((state) => state.error);
  const isRetrying = useVoiceAgent((state) => state.call.phase === "waiting");
  const transport = useVoiceAgent((state) => state.transport);
  const isConnected = useVoiceAgent((state) => state.connectionStatus === "connected");
  return (
    <div role="alert" className="notice-place">
      {error && (
        <section
          className="notice"
          data-tone={isRetrying ? "warning" : "error"}
          data-reason={error.reason}
        >
          <h2>{adviceFor(error).title}</h2>
          <p>{adviceFor(error).remedy}</p>
          <p className="fine">
            {error.detail}
            {error.status !== undefined && ` (status ${error.status})`}
          </p>
          {ASKS_FOR_TOKEN.has(error.reason) && <TokenForm />}
        </section>
      )}
      {!error && isConnected && transport?.isFallback && (
        <section className="notice" data-tone="warning" data-reason="fallback">
          <h2>The call goes by WebSocket</h2>
          <p>
            It does {transport.why}. You can talk all the same, with a little more delay. Where a
            firewall is in the way, another network may help.
          </p>
        </section>
      )}
    </div>
  );
}

function TokenForm() {
  const setToken = useVoiceAgent((state) => state.setToken);
  const start = useVoiceAgent((state) => state.startStreaming);
  const [text, setText] = useState("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    setToken(text.trim());
    start();
  };
  return (
    <form className="token" onSubmit={submit}>
      <label>
        Access token
        <input
          type="password"
          autoComplete="off"
          required
          value={text}
          onChange={(event) => {
            setText(event.target.value);
          }}
        />
      </label>
      <button type="submit" className="solid">
        Use this token
      </button>
    </form>
  );
}
