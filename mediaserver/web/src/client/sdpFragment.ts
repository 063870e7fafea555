/** SDP fragments (RFC 8840) for trickle ICE and ICE restart over WHIP. Pure. */

export const FRAGMENT_TYPE = "application/trickle-ice-sdpfrag";

export interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}

/** The first media section of an offer: what a fragment must name. */
export interface FragmentSection extends IceCredentials {
  readonly mediaLine: string;
  readonly mid: string;
}

const attribute = (sdp: string, name: string): string | null =>
  new RegExp(`^a=${name}:(.*)$`, "m").exec(sdp)?.[1]?.trim() ?? null;

/** What fragments of this offer say besides candidates. Throws where it is no offer. */
export function readSection(sdp: string): FragmentSection {
  const ufrag = attribute(sdp, "ice-ufrag");
  const pwd = attribute(sdp, "ice-pwd");
  const mid = attribute(sdp, "mid");
  const mediaLine = /^m=(.*)$/m.exec(sdp)?.[1]?.trim();
  if (ufrag === null || pwd === null || mid === null || !mediaLine)
    throw new Error("The description has no media section with ICE credentials.");
  return { ufrag, pwd, mid, mediaLine };
}

/** The body of a PATCH. `candidates` are attribute values (`candidate:…`). */
export function writeFragment(
  section: FragmentSection,
  candidates: readonly string[],
  isComplete: boolean,
): string {
  const lines = [
    `a=ice-ufrag:${section.ufrag}`,
    `a=ice-pwd:${section.pwd}`,
    `m=${section.mediaLine}`,
    `a=mid:${section.mid}`,
    ...candidates.map((candidate) => `a=${candidate}`),
  ];
  if (isComplete) lines.push("a=end-of-candidates");
  return lines.join("\r\n") + "\r\n";
}

/** The answer of before with the ICE session of a restart's response. Throws when it has none. */
export function applyFragment(answer: string, fragment: string): string {
  const ufrag = attribute(fragment, "ice-ufrag");
  const pwd = attribute(fragment, "ice-pwd");
  if (ufrag === null || pwd === null) throw new Error("The fragment has no ICE credentials.");
  const candidates = fragment.split(/\r?\n/).filter((line) => line.startsWith("a=candidate:"));
  const kept = answer
    .split(/\r?\n/)
    .filter((line) => line && !/^a=(candidate:|end-of-candidates)/.test(line))
    .map((line) =>
      line.startsWith("a=ice-ufrag:")
        ? `a=ice-ufrag:${ufrag}`
        : line.startsWith("a=ice-pwd:")
          ? `a=ice-pwd:${pwd}`
          : line,
    );
  const secondSection = kept.findIndex(
    (line, position) => line.startsWith("m=") && kept.slice(0, position).some(isMediaLine),
  );
  const end = secondSection < 0 ? kept.length : secondSection;
  kept.splice(end, 0, ...candidates, "a=end-of-candidates"); // to the section that is tagged
  return kept.join("\r\n") + "\r\n";
}

const isMediaLine = (line: string): boolean => line.startsWith("m=");
