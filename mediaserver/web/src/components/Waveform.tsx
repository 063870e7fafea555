import { useContext, useEffect, useRef } from "react";

import { meterPosition } from "../audio/level";
import { ScopesContext } from "./storeContext";
import { drawTrails, type Paints } from "./trailDrawing";

/** What you say above the line, what comes back below it, newest at the right. */
export function Waveform() {
  const readScopes = useContext(ScopesContext);
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    const element = canvas.current;
    const pen = element?.getContext("2d");
    if (!element || !pen) return;
    let frame = 0;
    let drawn = "";
    const draw = (): void => {
      frame = requestAnimationFrame(draw);
      const scopes = readScopes();
      const width = Math.round(element.clientWidth * devicePixelRatio);
      const height = Math.round(element.clientHeight * devicePixelRatio);
      const paints = paintsOf(element);
      const key = [
        scopes?.said.trail.written,
        scopes?.heard.trail.written,
        width,
        height,
        paints.said,
        paints.heard,
      ].join();
      if (key === drawn) return; // nothing new to see
      drawn = key;
      if (element.width !== width) element.width = width;
      if (element.height !== height) element.height = height;
      drawTrails(pen, { width, height, scale: devicePixelRatio }, paints, {
        said: (ago) => meterPosition(scopes?.said.trail.at(ago).peak ?? 0),
        heard: (ago) => meterPosition(scopes?.heard.trail.at(ago).peak ?? 0),
      });
    };
    frame = requestAnimationFrame(draw);
    return () => {
      cancelAnimationFrame(frame);
    };
  }, [readScopes]);

  return (
    <div className="waveform">
      <canvas
        ref={canvas}
        role="img"
        aria-label="Loudness of the last seconds: what you say above, what comes back below"
      />
      <span className="legend legend-you">You</span>
      <span className="legend legend-echo">Echo</span>
    </div>
  );
}

/** Colours by the style sheet: a canvas has no other way to them. */
function paintsOf(element: HTMLElement): Paints {
  const style = getComputedStyle(element);
  return { said: style.color, heard: style.outlineColor, line: style.caretColor };
}
