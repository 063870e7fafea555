/** The estimated mean opinion score, by the E-model (ITU-T G.107) with Opus's impairments. Pure. */

const BASE_RATING = 93.2; // G.107's default for a clean narrow-band path
const LOSS_ROBUSTNESS = 20; // Bpl of Opus with in-band FEC, between G.113's codecs and its own

/** From 1 (bad) to 4.5 (best). Delay is one way from mouth to ear, loss from 0 to 1. */
export function estimateMos(delayMs: number, lossRatio: number): number {
  const late = Math.max(0, delayMs - 177.3);
  const delayImpairment = 0.024 * delayMs + 0.11 * late;
  const lossPercent = 100 * Math.min(1, Math.max(0, lossRatio));
  const lossImpairment = (95 * lossPercent) / (lossPercent + LOSS_ROBUSTNESS);
  return ratingToMos(BASE_RATING - delayImpairment - lossImpairment);
}

/** G.107 Annex B. */
export function ratingToMos(rating: number): number {
  if (rating <= 0) return 1;
  if (rating >= 100) return 4.5;
  const mos = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6;
  return Math.max(1, mos);
}

export type Verdict = "excellent" | "good" | "fair" | "poor" | "bad";

/** The score in a word, by the bounds of G.107 Annex B's user satisfaction. */
export function verdictOf(mos: number): Verdict {
  if (mos >= 4.34) return "excellent";
  if (mos >= 4.03) return "good";
  if (mos >= 3.6) return "fair";
  if (mos >= 3.1) return "poor";
  return "bad";
}
