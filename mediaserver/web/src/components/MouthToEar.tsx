import { useVoiceAgent } from "./storeContext";

/** The delay that people hear, measured on request. */
export function MouthToEar() {
  const measured = useVoiceAgent((state) => state.mouthToEar);
  const isLive = useVoiceAgent((state) => state.call.phase === "live");
  const measure = useVoiceAgent((state) => state.measureMouthToEar);
  return (
    <div className="mouth-to-ear">
      <p>
        <span className="trend-name">Mouth to ear</span>
        <span className="trend-value" data-figure="mouth-to-ear" aria-live="polite">
          {measured.kind === "measured" && `${Math.round(measured.ms)} ms`}
          {measured.kind === "none" && "–"}
          {measured.kind === "measuring" && "listening …"}
          {measured.kind === "not-found" && "not found"}
        </span>
      </p>
      <button
        type="button"
        className="toggle"
        disabled={!isLive || measured.kind === "measuring"}
        onClick={() => void measure()}
      >
        Measure
      </button>
      <p className="fine">Sends a quiet tone for a second and listens for it.</p>
    </div>
  );
}
