import { tellChoice } from "../call/description";
import { useVoiceAgent } from "./storeContext";

const SHOWN_ID_CHARACTERS = 6; // the whole id is the right to end the session

/** What the call runs on, and why. */
export function Details() {
  const transport = useVoiceAgent((state) => state.transport);
  const sessionId = useVoiceAgent((state) => state.sessionId);
  const sample = useVoiceAgent((state) => state.history.at(-1));
  const rows: readonly (readonly [string, string | null | undefined])[] = [
    ["Transport", transport && tellChoice(transport)],
    ["Session", sessionId && `${sessionId.slice(0, SHOWN_ID_CHARACTERS)}…`],
    ["Codec", sample?.codec],
    ["Media goes over", sample?.protocol?.toUpperCase()],
    ["Sent", sample && `${sample.sentKbps.toFixed(0)} kbit/s`],
    [
      "Received",
      sample && `${sample.receivedKbps.toFixed(0)} kbit/s, ${sample.packetsReceived} packets`,
    ],
    ["Concealed", sample && `${(100 * sample.concealedRatio).toFixed(1)} %`],
  ];
  return (
    <section className="card" aria-labelledby="details-title">
      <h2 id="details-title">Details</h2>
      <dl className="details">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? "–"}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
