import { verdictOf } from "../quality/mos";
import type { QualitySample } from "../quality/sample";
import { MouthToEar } from "./MouthToEar";
import { sparkline } from "./sparkline";
import { useVoiceAgent } from "./storeContext";

/** A call that has just begun has a picture too. */
const FEWEST_COLUMNS = 20;

interface Figure {
  readonly name: string;
  readonly of: (sample: QualitySample) => number | null;
  readonly shown: (value: number) => string;
  /** At least this much fits into the picture, so that small noise looks small. */
  readonly leastTop: number;
}

const FIGURES: readonly Figure[] = [
  {
    name: "Round trip",
    of: (sample) => sample.roundTripMs,
    shown: (ms) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`,
    leastTop: 20,
  },
  {
    name: "Jitter",
    of: (sample) => sample.jitterMs,
    shown: (ms) => `${ms.toFixed(1)} ms`,
    leastTop: 10,
  },
  {
    name: "Loss",
    of: (sample) => 100 * sample.lossRatio,
    shown: (percent) => `${percent.toFixed(1)} %`,
    leastTop: 5,
  },
  {
    name: "Jitter buffer",
    of: (sample) => sample.bufferMs,
    shown: (ms) => `${ms.toFixed(0)} ms`,
    leastTop: 60,
  },
];

/** How good the call is: the estimated MOS, and what it comes from, over the last minute. */
export function Quality() {
  const history = useVoiceAgent((state) => state.history);
  const hasSound = useVoiceAgent((state) => state.connectionStatus === "connected");
  const hasEnded = useVoiceAgent((state) => state.connectionStatus === "disconnected");
  const newest = hasSound || hasEnded ? history.at(-1) : undefined;
  return (
    <section className="card" aria-labelledby="quality-title">
      <h2 id="quality-title">Quality</h2>
      <Score mos={newest?.mos ?? null} history={history} />
      <div className="figures">
        {FIGURES.map((figure) => (
          <Trend key={figure.name} figure={figure} history={history} />
        ))}
      </div>
      <MouthToEar />
    </section>
  );
}

function Score({ mos, history }: { mos: number | null; history: readonly QualitySample[] }) {
  const verdict = mos === null ? null : verdictOf(mos);
  return (
    <div className="score" data-verdict={verdict ?? "none"}>
      <p className="score-number" data-figure="mos">
        {mos === null ? "–" : mos.toFixed(2)}
      </p>
      <p className="score-word">
        {verdict ?? "not measured"}
        <span className="fine">Estimated MOS, 1 to 4.5</span>
      </p>
      <Picture values={history.map((sample) => sample.mos)} bottom={1} leastTop={4.5} />
    </div>
  );
}

function Trend({ figure, history }: { figure: Figure; history: readonly QualitySample[] }) {
  const values = history.map(figure.of);
  const newest = values.at(-1) ?? null;
  return (
    <div className="trend">
      <p className="trend-name">{figure.name}</p>
      <p className="trend-value" data-figure={figure.name}>
        {newest === null ? "–" : figure.shown(newest)}
      </p>
      <Picture values={values} bottom={0} leastTop={figure.leastTop} />
    </div>
  );
}

interface PictureProperties {
  readonly values: readonly (number | null)[];
  readonly bottom: number;
  readonly leastTop: number;
}

function Picture({ values, bottom, leastTop }: PictureProperties) {
  const { line, area } = sparkline(values, {
    columns: Math.max(FEWEST_COLUMNS, values.length),
    bottom,
    leastTop,
  });
  return (
    <svg className="picture" viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">
      <path className="picture-area" d={area} />
      <path className="picture-line" d={line} />
    </svg>
  );
}
