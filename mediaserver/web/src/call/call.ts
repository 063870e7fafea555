/**
 * A call: feeds the table what happens and does what it answers. Decides nothing itself.
 */

import { failureOf, type Failure } from "../client/failure";
import type { Microphone } from "../audio/capture";
import {
  NOT_BEGUN,
  step,
  type CallAction,
  type CallLife,
  type CallSignal,
  type CallState,
  type SessionNumber,
} from "./lifecycle";
import type { Choice } from "./transportChoice";
import type { SessionEvent, Transport, TransportSession } from "./transport";

/** What a call needs: the real ones in a browser, small ones in tests. */
export interface CallPorts {
  readonly transport: () => Transport;
  readonly token: () => string | null;
  readonly capture: () => Promise<Microphone>;
  /** Plays this echo from now on, instead of the one before; `null` plays nothing. */
  readonly play: (echo: MediaStream | null) => void;
  readonly nowMs: () => number;
  readonly random: () => number;
}

export interface CallWatcher {
  readonly changed: (state: CallState, sessionId: string | null) => void;
  readonly captured: (microphone: Microphone | null) => void;
  /** Which transport the newest session takes. */
  readonly chosen: (choice: Choice) => void;
  readonly note: (text: string, failure?: Failure) => void;
}

export class Call {
  readonly #ports: CallPorts;
  readonly #watcher: CallWatcher;
  readonly #sessions = new Map<SessionNumber, TransportSession>();
  readonly #ids = new Map<SessionNumber, string>();
  #life: CallLife = NOT_BEGUN;
  #microphone: Microphone | null = null;
  #captures = 0;
  #opened = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isSending = true;

  constructor(ports: CallPorts, watcher: CallWatcher) {
    this.#ports = ports;
    this.#watcher = watcher;
  }

  get state(): CallState {
    return this.#life.state;
  }

  /** Starts or stops the call, or tells it that the network changed. */
  take(signal: CallSignal): void {
    const before = this.#life;
    const { life, actions } = step(before, signal, {
      nowMs: this.#ports.nowMs(),
      random: this.#ports.random(),
    });
    this.#life = life;
    for (const action of actions) this.#do(action);
    if (life !== before) this.#watcher.changed(life.state, this.#currentId());
  }

  /** Whether the microphone's sound goes out; silence does otherwise. */
  setSending(isSending: boolean): void {
    this.#isSending = isSending;
    if (this.#microphone) this.#microphone.track.enabled = isSending;
  }

  /** Speaks with another microphone from now on, without a new session. */
  async changeMicrophone(): Promise<void> {
    if (this.#microphone === null) return;
    const order = ++this.#captures;
    try {
      const microphone = await this.#ports.capture();
      if (order !== this.#captures) {
        microphone.stop();
        return;
      }
      this.#hold(microphone);
      for (const session of this.#sessions.values()) await session.replaceTrack(microphone.track);
    } catch (thrown) {
      this.#watcher.note("The other microphone cannot be had.", failureOf(thrown));
    }
  }

  /** Sends this track for a while, or the microphone's own again (`null`). */
  async sendInstead(track: MediaStreamTrack | null): Promise<void> {
    const wanted = track ?? this.#microphone?.track ?? null;
    for (const session of this.#sessions.values()) await session.replaceTrack(wanted);
  }

  get microphone(): Microphone | null {
    return this.#microphone;
  }

  /** The session that plays now, if one does. */
  get session(): TransportSession | null {
    const { state } = this.#life;
    return ("session" in state && this.#sessions.get(state.session)) || null;
  }

  /** Ends everything at once: the page is being left. */
  leave(): void {
    for (const session of this.#sessions.values()) void session.close(true);
    this.#sessions.clear();
    this.take({ kind: "stop-asked" });
  }

  #do(action: CallAction): void {
    switch (action.kind) {
      case "capture":
        this.#opened = 0;
        void this.#capture();
        break;
      case "release":
        this.#captures++;
        this.#microphone?.stop();
        this.#microphone = null;
        this.#ports.play(null);
        this.#watcher.captured(null);
        break;
      case "open":
        this.#open(action.session);
        break;
      case "play":
        this.#ports.play(this.#sessions.get(action.session)?.echo ?? null);
        break;
      case "restart":
        this.#sessions.get(action.session)?.restart();
        break;
      case "close":
        void this.#sessions.get(action.session)?.close();
        this.#forget(action.session);
        break;
      case "wait":
        this.#retry = setTimeout(() => {
          this.take({ kind: "retry-due" });
        }, action.delayMs);
        break;
      case "stop-waiting":
        clearTimeout(this.#retry);
        break;
    }
  }

  async #capture(): Promise<void> {
    const order = ++this.#captures;
    try {
      const microphone = await this.#ports.capture();
      if (order !== this.#captures) {
        microphone.stop(); // stopped while the browser asked
        return;
      }
      this.#hold(microphone);
      this.take({ kind: "captured" });
    } catch (thrown) {
      if (order === this.#captures)
        this.take({ kind: "capture-failed", failure: failureOf(thrown) });
    }
  }

  #hold(microphone: Microphone): void {
    this.#microphone?.stop();
    this.#microphone = microphone;
    microphone.track.enabled = this.#isSending;
    microphone.onUnplugged(() => {
      if (this.#microphone !== microphone) return;
      this.take({
        kind: "capture-failed",
        failure: { reason: "microphone-unplugged", detail: "The microphone was taken away." },
      });
    });
    this.#watcher.captured(microphone);
  }

  #open(number: SessionNumber): void {
    if (!this.#microphone) throw new Error("A session is opened with a microphone only.");
    const request = {
      track: this.#microphone.track,
      token: this.#ports.token(),
      isContinuation: this.#opened++ > 0,
    };
    const session = this.#ports.transport().open(request, (event) => {
      this.#heard(number, event);
    });
    this.#sessions.set(number, session);
  }

  #heard(session: SessionNumber, event: SessionEvent): void {
    if (!this.#sessions.has(session)) return;
    switch (event.kind) {
      case "chosen":
        this.#watcher.chosen(event);
        break;
      case "answered":
        this.#ids.set(session, event.id);
        this.#watcher.note(`The server answered in ${Math.round(event.tookMs)} ms.`);
        break;
      case "note":
        this.#watcher.note(event.text);
        break;
      case "lost":
        this.#forget(session);
        this.take({ kind: "lost", session, failure: event.failure });
        break;
      case "connected":
      case "audible":
      case "interrupted":
      case "recovered":
      case "move-asked":
        this.take({ kind: event.kind, session });
        break;
    }
  }

  #forget(session: SessionNumber): void {
    this.#sessions.delete(session);
    this.#ids.delete(session);
  }

  #currentId(): string | null {
    const { state } = this.#life;
    return ("session" in state && this.#ids.get(state.session)) || null;
  }
}
