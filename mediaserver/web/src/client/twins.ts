/** Small working things in place of a browser's and a server's, for tests of the client. */

import type { WhipPorts } from "./whipClient.js";

export const OFFER_SDP = [
  "v=0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:0123456789abcdefghijkl",
  "a=mid:0",
  "",
].join("\r\n");
export const ANSWER_SDP = OFFER_SDP.replace("abcd", "serv");
export const RESTART_FRAGMENT =
  "a=ice-ufrag:new1\r\na=ice-pwd:zzzzzzzzzzzzzzzzzzzzzz\r\nm=audio 9 X 0\r\na=mid:0\r\n";
export const SESSION_URL = "https://host.example/whip/sessions/secret";

/** As much of a peer as the client sees; a test moves it by `become` and `gather`. */
export class TwinPeer {
  connectionState: RTCPeerConnectionState = "new";
  currentRemoteDescription: { sdp: string } | null = null;
  readonly calls: string[] = [];
  configuration: RTCConfiguration;
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: ((event: { candidate: { candidate: string } | null }) => void) | null = null;
  readonly echo = Object.assign(new EventTarget(), { muted: true });
  #offers = 0;

  constructor(configuration: RTCConfiguration) {
    this.configuration = configuration;
  }

  addTransceiver(_track: unknown, init: { direction: string }): unknown {
    this.calls.push(`transceiver ${init.direction}`);
    const replaceTrack = (): Promise<void> => {
      this.calls.push("replace track");
      return Promise.resolve();
    };
    return { sender: { replaceTrack }, receiver: { track: this.echo, jitterBufferTarget: null } };
  }

  createOffer(options?: { iceRestart?: boolean }): Promise<{ type: string; sdp: string }> {
    this.#offers++;
    const sdp = options?.iceRestart ? OFFER_SDP.replace("abcd", `abc${this.#offers}`) : OFFER_SDP;
    return Promise.resolve({ type: "offer", sdp });
  }

  setLocalDescription(): Promise<void> {
    this.calls.push("local");
    return Promise.resolve();
  }

  setRemoteDescription(description: { sdp: string }): Promise<void> {
    this.calls.push("remote");
    this.currentRemoteDescription = description;
    return Promise.resolve();
  }

  getConfiguration(): RTCConfiguration {
    return this.configuration;
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.calls.push("configuration");
    this.configuration = configuration;
  }

  close(): void {
    this.connectionState = "closed";
    this.calls.push("close");
  }

  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  gather(candidate: string | null): void {
    this.onicecandidate?.({ candidate: candidate === null ? null : { candidate } });
  }
}

/** An event stream whose events a test sends. */
export class TwinEvents extends EventTarget {
  isClosed = false;

  close(): void {
    this.isClosed = true;
  }

  send(kind: string, detail: string): void {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify({ detail }) }));
  }
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
  readonly init: RequestInit;
}
type Answer = Response | Error;

/** A server that answers by method, each answer once and the last one for ever. */
export class TwinServer {
  readonly asked: Asked[] = [];
  readonly peers: TwinPeer[] = [];
  readonly events: TwinEvents[] = [];
  readonly eventUrls: string[] = [];
  readonly #answers: Record<string, (() => Answer)[]>;

  constructor(answers: Record<string, (() => Answer)[]> = {}) {
    this.#answers = { POST: [created()], PATCH: [status(204)], DELETE: [status(200)], ...answers };
  }

  get ports(): WhipPorts {
    return {
      fetch: (url, init) => this.#fetch(url as string, init ?? {}),
      createPeer: (configuration) => {
        const peer = new TwinPeer(configuration);
        this.peers.push(peer);
        return peer as unknown as RTCPeerConnection; // all of it that the client uses
      },
      openEvents: (url) => {
        const events = new TwinEvents();
        this.eventUrls.push(url);
        this.events.push(events);
        return events as unknown as EventSource; // all of it that the client uses
      },
    };
  }

  of(method: string): Asked[] {
    return this.asked.filter((asked) => asked.method === method);
  }

  #fetch(url: string, init: RequestInit): Promise<Response> {
    const method = init.method ?? "GET";
    const headers = new Headers(init.headers);
    const body = typeof init.body === "string" ? init.body : "";
    this.asked.push({ method, url, headers, body, init });
    const answers = this.#answers[method] ?? [status(204)];
    const make = answers.length > 1 ? answers.shift() : answers[0];
    const answer = make?.() ?? new Error(`nothing answers ${method}`);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }
}

export const status =
  (code: number, headers: Record<string, string> = {}, body: string | null = null) =>
  (): Response =>
    new Response(body, { status: code, headers });

export const problem = (code: number, detail: string, headers: Record<string, string> = {}) =>
  status(
    code,
    { "Content-Type": "application/problem+json", ...headers },
    JSON.stringify({ title: "Title", status: code, detail }),
  );

export const created = (headers: Record<string, string> = {}, body = ANSWER_SDP) =>
  status(
    201,
    {
      Location: "/whip/sessions/secret",
      ETag: '"one"',
      "Content-Type": "application/sdp",
      ...headers,
    },
    body,
  );

export const unreachable = (): Error => new TypeError("Failed to fetch");
