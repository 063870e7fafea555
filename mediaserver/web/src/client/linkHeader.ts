/** `Link` header fields (RFC 8288) as WHIP servers send them. Pure. */

export const EVENTS_RELATION = "https://voicemedia.dev/rel/session-events";

export interface Link {
  readonly target: string;
  readonly relation: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const TARGET = /\s*<([^>]*)>/y;
const PARAMETER = /\s*;\s*([!#$%&'*+.^_`|~\w-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;]*)))?/y;
const SEPARATOR = /\s*,?/y;

/** All links of a header; what cannot be read ends the list. */
export function readLinks(header: string | null): Link[] {
  const text = header ?? "";
  const links: Link[] = [];
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const found = pattern.exec(text);
    if (found) position = pattern.lastIndex;
    return found;
  };
  while (position < text.length) {
    const target = take(TARGET);
    if (!target) break;
    const parameters: Record<string, string> = {};
    for (let found = take(PARAMETER); found; found = take(PARAMETER)) {
      const name = (found[1] ?? "").toLowerCase();
      parameters[name] ??= found[2]?.replace(/\\(.)/g, "$1") ?? found[3] ?? "";
    }
    links.push({ target: target[1] ?? "", relation: parameters["rel"] ?? "", parameters });
    take(SEPARATOR);
  }
  return links;
}

/** The STUN and TURN servers among them (RFC 9725 section 4.6). */
export function iceServers(links: readonly Link[]): RTCIceServer[] {
  return links
    .filter((link) => link.relation === "ice-server" && /^(stun|turn)s?:/.test(link.target))
    .map(({ target, parameters }) => {
      const { username, credential } = parameters;
      return username !== undefined && credential !== undefined
        ? { urls: target, username, credential }
        : { urls: target };
    });
}

/** Where the server tells this session to move, if it does. */
export function eventsTarget(links: readonly Link[]): string | null {
  return links.find((link) => link.relation === EVENTS_RELATION)?.target ?? null;
}
