/**
 * A WHIP client (RFC 9725): one session from its offer to its end, and what becomes of it.
 *
 * It speaks HTTP by the `fetch` and makes peers by the factory that it is given; it owns no
 * policy: whether to try again, or to move, is for who opened the session.
 */

import { CallFailed, failureOf, failureOfResponse, type Failure } from "./failure.js";
import { eventsTarget, iceServers, readLinks } from "./linkHeader.js";
import { applyFragment, FRAGMENT_TYPE, readSection, writeFragment } from "./sdpFragment.js";

/** What the client needs of the browser; tests give their own. */
export interface WhipPorts {
  readonly fetch: typeof fetch;
  readonly createPeer: (configuration: RTCConfiguration) => RTCPeerConnection;
  readonly openEvents: (url: string) => EventSource;
}

export const browserPorts: WhipPorts = {
  fetch: (...request) => fetch(...request),
  createPeer: (configuration) => new RTCPeerConnection(configuration),
  openEvents: (url) => new EventSource(url),
};

export interface WhipRequest {
  /** Where offers are posted; relative ones count from the page. */
  readonly endpoint: string;
  readonly track: MediaStreamTrack;
  readonly token?: string | null;
  readonly configuration?: RTCConfiguration;
  /** Until media must have come through, from the answer. */
  readonly connectTimeoutMs?: number;
}

/** What a session tells while it lives. After `lost` it tells nothing more. */
export type WhipEvent =
  | { readonly kind: "answered"; readonly id: string; readonly tookMs: number }
  | { readonly kind: "connected" }
  /** The echo has begun to come, or will not: what played before may end. Once. */
  | { readonly kind: "audible" }
  | { readonly kind: "interrupted" }
  | { readonly kind: "recovered" }
  | { readonly kind: "move-asked"; readonly detail: string }
  | { readonly kind: "lost"; readonly failure: Failure }
  | { readonly kind: "note"; readonly text: string };

export interface WhipSession {
  /** The peer, for statistics. */
  readonly peer: RTCPeerConnection;
  /** What comes back. Silent until the session is connected. */
  readonly echo: MediaStream;
  /** Restarts ICE, for instance because the network changed. */
  restart(): void;
  /** Sends another track instead. */
  replaceTrack(track: MediaStreamTrack | null): Promise<void>;
  /** Ends it here and there. `isLeaving`: the page closes, nobody waits for the answer. */
  close(isLeaving?: boolean): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;
export const CONNECT_TIMEOUT_MS = 12_000;
export const RESTART_AFTER_MS = 1_500;
export const RESTART_TIMEOUT_MS = 6_000;
/** From the echo's first packet until the jitter buffer surely sounds, on a busy machine too. */
export const AUDIBLE_AFTER_MS = 400;
/** An endpoint that echoes nothing is not waited for. */
export const AUDIBLE_TIMEOUT_MS = 1_500;
const PROBE_MS = 500;
const MAX_PROBE_MS = 5_000;
const MAX_REDIRECTS = 5;
const END_BY_REASON: Readonly<Record<string, string>> = {
  idle: "No sound came for too long, so the server ended the call.",
  "max-duration": "The call reached the longest time that the server allows.",
};

/** Begins a session at once; how it goes is told to `tell`. */
export function openWhipSession(
  ports: WhipPorts,
  request: WhipRequest,
  tell: (event: WhipEvent) => void,
): WhipSession {
  const session = new Session(ports, request, tell);
  void session.open();
  return session;
}

class Session implements WhipSession {
  readonly peer: RTCPeerConnection;
  readonly echo: MediaStream;
  readonly #ports: WhipPorts;
  readonly #request: WhipRequest;
  readonly #tell: (event: WhipEvent) => void;
  readonly #sender: RTCRtpSender;
  readonly #echoTrack: MediaStreamTrack;
  readonly #ending = new AbortController();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #location: string | null = null;
  #entityTag: string | null = null;
  #events: EventSource | null = null;
  #offer = "";
  #waitingCandidates: string[] = [];
  #isGatheringDone = false;
  #trickles = true;
  #patching: Promise<void> = Promise.resolve();
  #isConnected = false;
  #isInterrupted = false;
  #isRestarting = false;
  #isProbing = false;

  constructor(ports: WhipPorts, request: WhipRequest, tell: (event: WhipEvent) => void) {
    this.#ports = ports;
    this.#request = request;
    this.#tell = tell;
    this.peer = ports.createPeer({ bundlePolicy: "max-bundle", ...request.configuration });
    const transceiver = this.peer.addTransceiver(request.track, {
      direction: "sendrecv",
      streams: [new MediaStream([request.track])],
    });
    this.#sender = transceiver.sender;
    this.#echoTrack = transceiver.receiver.track;
    this.echo = new MediaStream([this.#echoTrack]);
    transceiver.receiver.jitterBufferTarget = 0; // as little as the network allows
    this.peer.onconnectionstatechange = () => {
      this.#peerChanged();
    };
    this.peer.onicecandidate = ({ candidate }) => {
      this.#gathered(candidate);
    };
  }

  // -- opening ------------------------------------------------------------------------------

  async open(): Promise<void> {
    try {
      const startedMs = performance.now();
      const offer = await this.peer.createOffer();
      this.#offer = offer.sdp ?? "";
      const response = await this.#post(this.#offer);
      const links = readLinks(response.headers.get("Link"));
      const answer = await this.#readAnswer(response);
      if (this.#ending.signal.aborted) {
        await this.#delete(false);
        return;
      }
      this.#tell({
        kind: "answered",
        id: this.#location?.split("/").pop() ?? "",
        tookMs: performance.now() - startedMs,
      });
      // Gathering begins with setLocalDescription, so the servers come first (section 4.6).
      const servers = iceServers(links);
      if (servers.length > 0)
        this.peer.setConfiguration({ ...this.peer.getConfiguration(), iceServers: servers });
      await this.peer.setLocalDescription(offer);
      await this.peer.setRemoteDescription({ type: "answer", sdp: answer });
      this.#listen(eventsTarget(links), response.url);
      this.#after("connect", this.#request.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, () => {
        if (!this.#isConnected)
          this.#lose({
            reason: "media-failed",
            detail: "No media came through. A firewall may block UDP and TCP to the media port.",
          });
      });
    } catch (thrown) {
      this.#lose(failureOf(thrown));
    }
  }

  /** The `201`. Follows redirects of a `fetch` that leaves them to us. Throws `CallFailed`. */
  async #post(offer: string): Promise<Response> {
    let url = this.#request.endpoint;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      // Not given up when the session is: what the server makes must be freed, by its Location.
      const response = await this.#ports.fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/sdp", ...this.#authorization() },
        body: offer,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      if (response.status === 201) return response;
      const target = response.headers.get("Location");
      if (![307, 308].includes(response.status) || target === null)
        throw new CallFailed(await failureOfResponse(response, Date.now()));
      url = resolve(target, response.url || url);
    }
    throw new CallFailed({ reason: "server-failed", detail: "The server redirects in circles." });
  }

  async #readAnswer(response: Response): Promise<string> {
    const location = response.headers.get("Location");
    if (!location)
      throw new CallFailed({ reason: "bad-answer", detail: "The answer names no session." });
    this.#location = resolve(location, response.url || this.#request.endpoint);
    this.#entityTag = response.headers.get("ETag");
    const answer = await response.text();
    if (!answer.startsWith("v=0"))
      throw new CallFailed({ reason: "bad-answer", detail: "The answer is no description." });
    return answer;
  }

  #authorization(): Record<string, string> {
    const { token } = this.#request;
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  /** A request with a deadline, given up when the session ends. */
  #send(url: string, init: RequestInit): Promise<Response> {
    const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
    return this.#ports.fetch(url, { ...init, signal });
  }

  // -- trickling ----------------------------------------------------------------------------

  #gathered(candidate: RTCIceCandidate | null): void {
    if (candidate?.candidate) this.#waitingCandidates.push(candidate.candidate);
    else this.#isGatheringDone = true;
    this.#patching = this.#patching.then(() => this.#trickle());
  }

  /** Sends the candidates that wait, all in one. A server that wants none is asked no more. */
  async #trickle(): Promise<void> {
    const isNothingNew = this.#waitingCandidates.length === 0 && !this.#isGatheringDone;
    if (!this.#trickles || isNothingNew || this.#location === null || this.#isRestarting) return;
    const candidates = this.#waitingCandidates.splice(0);
    const body = writeFragment(readSection(this.#offer), candidates, this.#isGatheringDone);
    this.#isGatheringDone = false;
    try {
      const response = await this.#patch(body, this.#entityTag ?? "*");
      if (response.status === 404) this.#lose(gone());
      else if (response.status !== 204 && response.status !== 412) {
        this.#trickles = false;
        this.#note(`The server takes no candidates (${response.status}); the call goes on.`);
      }
    } catch {
      if (!this.#isOver()) this.#note("Candidates could not be sent; the call goes on.");
    }
  }

  #patch(body: string, ifMatch: string): Promise<Response> {
    return this.#send(this.#location ?? "", {
      method: "PATCH",
      headers: {
        "Content-Type": FRAGMENT_TYPE,
        "If-Match": ifMatch,
        ...this.#authorization(),
      },
      body,
    });
  }

  // -- staying ------------------------------------------------------------------------------

  #peerChanged(): void {
    if (this.#isOver()) return;
    switch (this.peer.connectionState) {
      case "connected":
        this.#cancel("connect");
        this.#cancel("restart");
        if (!this.#isConnected) {
          this.#tell({ kind: "connected" });
          this.#awaitEcho();
        } else if (this.#isInterrupted) this.#tell({ kind: "recovered" });
        this.#isConnected = true;
        this.#isInterrupted = false;
        break;
      case "disconnected":
        this.#interrupted();
        this.#after("restart", RESTART_AFTER_MS, () => {
          this.restart();
        });
        break;
      case "failed":
        if (this.#isConnected) {
          this.#interrupted();
          this.restart();
        } else
          this.#lose({ reason: "media-failed", detail: "The media connection could not be made." });
        break;
      case "closed":
        this.#lose({ reason: "media-failed", detail: "The other end closed the connection." });
        break;
      case "new":
      case "connecting":
        break;
    }
  }

  #awaitEcho(): void {
    const soon = (delayMs: number): void => {
      this.#after("audible", delayMs, () => {
        this.#tell({ kind: "audible" });
      });
    };
    if (!this.#echoTrack.muted) {
      soon(AUDIBLE_AFTER_MS);
      return;
    }
    soon(AUDIBLE_TIMEOUT_MS);
    const unmuted = (): void => {
      soon(AUDIBLE_AFTER_MS);
    };
    this.#echoTrack.addEventListener("unmute", unmuted, {
      once: true,
      signal: this.#ending.signal,
    });
  }

  #interrupted(): void {
    if (!this.#isConnected || this.#isInterrupted) return;
    this.#isInterrupted = true;
    this.#tell({ kind: "interrupted" });
  }

  restart(): void {
    if (this.#isOver() || this.#isRestarting || this.#location === null) return;
    this.#isRestarting = true;
    this.#note("Looking for a new way through the network (ICE restart).");
    this.#after("restart-deadline", RESTART_TIMEOUT_MS, () => {
      if (this.peer.connectionState !== "connected")
        this.#lose({ reason: "media-failed", detail: "The way through the network was lost." });
    });
    void this.#restart().finally(() => {
      this.#isRestarting = false;
      void this.#trickle();
    });
  }

  async #restart(): Promise<void> {
    try {
      const answer = this.peer.currentRemoteDescription?.sdp ?? "";
      const offer = await this.peer.createOffer({ iceRestart: true });
      this.#offer = offer.sdp ?? "";
      this.#waitingCandidates = [];
      await this.peer.setLocalDescription(offer);
      const body = writeFragment(readSection(this.#offer), [], false);
      const response = await this.#patch(body, "*");
      if (response.status === 404) throw new CallFailed(gone());
      if (response.status !== 200)
        throw new CallFailed(await failureOfResponse(response, Date.now()));
      this.#entityTag = response.headers.get("ETag") ?? this.#entityTag;
      const sdp = applyFragment(answer, await response.text());
      await this.peer.setRemoteDescription({ type: "answer", sdp });
    } catch (thrown) {
      const failure = failureOf(thrown);
      const reason = failure.reason === "gone" ? "gone" : "media-failed";
      this.#lose({ ...failure, reason }); // in any case a new session may do
    }
  }

  // -- the server's events ------------------------------------------------------------------

  #listen(target: string | null, base: string): void {
    if (target === null || this.#isOver()) return;
    const events = this.#ports.openEvents(resolve(target, base || this.#request.endpoint));
    this.#events = events;
    events.addEventListener("reconnect", (event) => {
      if (!this.#isOver()) this.#tell({ kind: "move-asked", detail: readDetail(event) });
    });
    events.addEventListener("closed", (event) => {
      const detail = readDetail(event);
      const why = END_BY_REASON[detail];
      if (why) this.#lose({ reason: "ended", detail: why });
      else this.#lose({ reason: "gone", detail: "The server ended the session." });
    });
    events.addEventListener("error", () => {
      if (!this.#isProbing && !this.#isOver()) this.#probe(PROBE_MS);
    });
  }

  /** Whether the session still lives, asked until the server says so: its event stream broke. */
  #probe(waitMs: number): void {
    this.#isProbing = true;
    this.#after("probe", waitMs, () => {
      void this.#ask().then((status) => {
        if (status === 404) this.#lose(gone());
        else if (status === null) this.#probe(Math.min(2 * waitMs, MAX_PROBE_MS));
        else this.#isProbing = false;
      });
    });
  }

  async #ask(): Promise<number | null> {
    try {
      const init = { method: "GET", headers: this.#authorization() };
      return (await this.#send(this.#location ?? "", init)).status;
    } catch {
      return null; // nobody there just now, which is what is asked
    }
  }

  // -- ending -------------------------------------------------------------------------------

  async replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    await this.#sender.replaceTrack(track);
  }

  async close(isLeaving = false): Promise<void> {
    this.#release();
    const deleted = this.#delete(isLeaving);
    if (isLeaving) return; // the peer ends with the page, and the request goes first
    await deleted; // closed by then, a peer's farewell is no loss to the server
    this.peer.close();
  }

  async #delete(isLeaving: boolean): Promise<void> {
    if (this.#location === null) return;
    const location = this.#location;
    this.#location = null;
    try {
      await this.#ports.fetch(location, {
        method: "DELETE",
        headers: this.#authorization(),
        keepalive: true,
        ...(isLeaving ? {} : { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) }),
      });
    } catch {
      // The server frees the session by itself when no media comes.
    }
  }

  #lose(failure: Failure): void {
    if (this.#isOver()) return;
    this.#release();
    this.peer.close();
    void this.#delete(false);
    this.#tell({ kind: "lost", failure });
  }

  #release(): void {
    this.#ending.abort();
    this.#events?.close();
    this.peer.onconnectionstatechange = null;
    this.peer.onicecandidate = null;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #isOver(): boolean {
    return this.#ending.signal.aborted;
  }

  #note(text: string): void {
    this.#tell({ kind: "note", text });
  }

  #after(name: string, delayMs: number, act: () => void): void {
    this.#cancel(name);
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      act();
    }, delayMs);
    this.#timers.set(name, timer);
  }

  #cancel(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

function gone(): Failure {
  return { reason: "gone", detail: "The server no longer knows the session." };
}

function resolve(target: string, base: string): string {
  const page = typeof document === "undefined" ? undefined : document.baseURI;
  return new URL(target, new URL(base, page)).href;
}

function readDetail(event: MessageEvent<unknown>): string {
  try {
    const { detail } = JSON.parse(String(event.data)) as { detail?: unknown };
    return typeof detail === "string" ? detail : "";
  } catch {
    return ""; // an event without detail is the same event
  }
}
