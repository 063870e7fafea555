import { useEffect, useState } from "react";

import { useVoiceAgent } from "./storeContext";
import { Waveform } from "./Waveform";

/** The sound of the last seconds, and the one button that matters. */
export function Stage() {
  const status = useVoiceAgent((state) => state.connectionStatus);
  const phase = useVoiceAgent((state) => state.call.phase);
  const start = useVoiceAgent((state) => state.startStreaming);
  const stop = useVoiceAgent((state) => state.disconnect);
  const isOff = phase === "idle" || phase === "failed";
  return (
    <section className="stage" aria-label="Call" data-status={status}>
      <Waveform />
      <div className="call-button">
        <button type="button" className="round" data-on={!isOff} onClick={isOff ? start : stop}>
          {isOff ? <StartSign /> : <StopSign />}
          {isOff ? "Start" : "Stop"}
        </button>
      </div>
      <p className="stage-line">
        {isOff ? (
          "Press Start and speak: you hear yourself as the server sends you back. Best with headphones."
        ) : (
          <Duration />
        )}
      </p>
    </section>
  );
}

function Duration() {
  const call = useVoiceAgent((state) => state.call);
  const sinceMs = "sinceMs" in call ? call.sinceMs : null;
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNowMs(Date.now());
    }, 250);
    return () => {
      clearInterval(timer);
    };
  }, []);
  if (call.phase === "waiting") {
    const seconds = Math.max(0, Math.ceil((call.retryAtMs - nowMs) / 1000));
    return <>{seconds > 0 ? `Trying again in ${seconds} s` : "Trying again"}</>;
  }
  if (sinceMs === null)
    return <>{call.phase === "capturing" ? "Allow the microphone in your browser" : "Calling …"}</>;
  const seconds = Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
  return (
    <time className="clock" dateTime={`PT${seconds}S`}>
      {Math.floor(seconds / 60)}:{String(seconds % 60).padStart(2, "0")}
    </time>
  );
}

function StartSign() {
  return (
    <svg viewBox="0 0 24 24" width="26" height="26" aria-hidden="true" className="sign">
      <rect x="9" y="2.5" width="6" height="12" rx="3" />
      <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3.5" />
    </svg>
  );
}

function StopSign() {
  return (
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <rect x="5" y="5" width="14" height="14" rx="3" fill="currentColor" />
    </svg>
  );
}
