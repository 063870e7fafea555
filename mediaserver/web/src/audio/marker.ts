/** A quiet marker tone, and where it is in recorded sound: the way from mouth to ear. Pure. */

export const MARKER_S = 0.06;
const LOW_HZ = 1000;
const HIGH_HZ = 3000;
const AMPLITUDE = 0.06; // about -24 dBFS: plain to a matched filter, no fright to an ear
const DECIMATION = 4; // 12 kHz is enough for a tone below 3 kHz, and a sixteenth of the work
const LEAST_LIKENESS = 0.5;

/** A rising tone under a smooth hull: like no speech, and like itself at one moment only. */
export function makeMarker(rateHz: number): Float32Array<ArrayBuffer> {
  const length = Math.round(MARKER_S * rateHz);
  return Float32Array.from({ length }, (_, position) => {
    const timeS = position / rateHz;
    const phase = LOW_HZ * timeS + ((HIGH_HZ - LOW_HZ) * timeS * timeS) / (2 * MARKER_S);
    const hull = Math.sin((Math.PI * position) / length) ** 2;
    return AMPLITUDE * hull * Math.sin(2 * Math.PI * phase);
  });
}

/** Seconds into `sound` at which the marker begins; `null` where it is not in it. */
export function findMarker(sound: Float32Array, rateHz: number): number | null {
  const wanted = thin(makeMarker(rateHz));
  const heard = thin(sound);
  const wantedSize = Math.sqrt(wanted.reduce((sum, x) => sum + x * x, 0));
  let best = 0;
  let bestAt = -1;
  let energy = 0;
  for (let at = 0; at < heard.length; at++) {
    energy += (heard[at] ?? 0) ** 2 - (heard[at - wanted.length] ?? 0) ** 2;
    const start = at - wanted.length + 1;
    if (start < 0 || energy <= 1e-9) continue;
    let sum = 0;
    for (let i = 0; i < wanted.length; i++) sum += (wanted[i] ?? 0) * (heard[start + i] ?? 0);
    const likeness = Math.abs(sum) / (wantedSize * Math.sqrt(energy));
    // Loudness decides between places that are alike enough: rounding is like anything.
    if (likeness >= LEAST_LIKENESS && Math.abs(sum) > best) {
      best = Math.abs(sum);
      bestAt = start;
    }
  }
  return bestAt < 0 ? null : (bestAt * DECIMATION) / rateHz;
}

/** Every few samples, as their mean. */
function thin(sound: Float32Array): Float32Array {
  return Float32Array.from({ length: Math.floor(sound.length / DECIMATION) }, (_, position) => {
    let sum = 0;
    for (let i = 0; i < DECIMATION; i++) sum += sound[position * DECIMATION + i] ?? 0;
    return sum / DECIMATION;
  });
}
