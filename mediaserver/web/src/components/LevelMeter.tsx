import { useContext, useEffect, useRef } from "react";

import { fall, FLOOR_DB, meterPosition, SILENCE, toDecibels, type Level } from "../audio/level";
import { ScopesContext, type Scopes } from "./storeContext";

const SAY_EACH_MS = 100;

interface Properties {
  readonly label: string;
  readonly which: keyof Scopes;
}

/** Peak as a line, root mean square as a bar, over 60 decibels. Moves without React's help. */
export function LevelMeter({ label, which }: Properties) {
  const readScopes = useContext(ScopesContext);
  const meter = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = meter.current;
    if (!element) return;
    let frame = 0;
    let beforeMs = performance.now();
    let saidMs = 0;
    let shown = SILENCE;
    let loudest = 0;
    const draw = (nowMs: number): void => {
      frame = requestAnimationFrame(draw);
      const heard = newest(readScopes(), which, nowMs - beforeMs);
      const seconds = (nowMs - beforeMs) / 1000;
      beforeMs = nowMs;
      shown = {
        peak: fall(shown.peak, heard.peak, seconds, 12),
        rms: fall(shown.rms, heard.rms, seconds),
      };
      loudest = Math.max(loudest, heard.rms);
      element.style.setProperty("--rms", meterPosition(shown.rms).toFixed(3));
      element.style.setProperty("--peak", meterPosition(shown.peak).toFixed(3));
      if (nowMs - saidMs < SAY_EACH_MS) return;
      saidMs = nowMs;
      const decibels = Math.max(FLOOR_DB, toDecibels(loudest));
      loudest = 0;
      element.setAttribute("aria-valuenow", decibels.toFixed(1));
      element.setAttribute(
        "aria-valuetext",
        decibels <= FLOOR_DB ? "silent" : `${decibels.toFixed(0)} decibels`,
      );
    };
    frame = requestAnimationFrame(draw);
    return () => {
      cancelAnimationFrame(frame);
    };
  }, [readScopes, which]);

  return (
    <div className="meter-row">
      <span aria-hidden="true">{label}</span>
      <div
        ref={meter}
        className={`meter meter-${which}`}
        role="meter"
        aria-label={`${label} level`}
        aria-valuemin={FLOOR_DB}
        aria-valuemax={0}
        aria-valuenow={FLOOR_DB}
      >
        <span className="meter-rms" />
        <span className="meter-peak" />
      </div>
    </div>
  );
}

/** The loudest of what came since the last frame. */
function newest(scopes: Scopes | null, which: keyof Scopes, sinceMs: number): Level {
  const scope = scopes?.[which];
  if (!scope || scope.level === SILENCE) return SILENCE;
  let { peak, rms } = SILENCE;
  for (let ago = 0; ago < Math.max(1, Math.min(20, sinceMs / 10)); ago++) {
    const level = scope.trail.at(ago);
    peak = Math.max(peak, level.peak);
    rms = Math.max(rms, level.rms);
  }
  return { peak, rms };
}
