import { useEffect, useRef, useState } from "react";

import { timeOf, toText } from "../call/callLog";
import { useVoiceAgent } from "./storeContext";

/** What happened, newest at the end, and a way to hand it to somebody. */
export function CallLog() {
  const log = useVoiceAgent((state) => state.log);
  const [copied, setCopied] = useState<typeof log | null>(null);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    const element = list.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, [log]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(toText(log));
      setCopied(log);
    } catch {
      if (list.current) getSelection()?.selectAllChildren(list.current); // to be copied by hand
    }
  };
  return (
    <section className="card log" aria-labelledby="log-title">
      <div className="card-top">
        <h2 id="log-title">Call log</h2>
        <button
          type="button"
          className="toggle"
          disabled={log.length === 0}
          onClick={() => void copy()}
        >
          {copied === log ? "Copied" : "Copy"}
        </button>
      </div>
      {log.length === 0 ? (
        <p className="fine">Nothing has happened yet.</p>
      ) : (
        <ol ref={list} tabIndex={0} aria-label="Lines of the call log">
          {log.map((line) => (
            <li key={line.number} data-tone={line.tone}>
              <time dateTime={line.at.toISOString()}>{timeOf(line.at)}</time>
              <span>{line.text}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
