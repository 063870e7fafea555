/**
 * The page's audio graph.
 *
 *   microphone ─ meter                     (what you say; not played)
 *   echo ─ fader ─ volume ─ meter ─ out    (what you hear)
 *
 * Levels arrive from the audio thread by messages; whoever draws reads `Scope` when it likes.
 */

import { SILENCE, type Level } from "./level";
import meterUrl from "./meterProcessor?worker&url";
import { measureLoop, type Path } from "./mouthToEar";
import { Trail } from "./trail";

const CROSSFADE_S = 0.03;
const VOLUME_RAMP_S = 0.015;
const HEARD = 0.004; // -48 dBFS: more than the noise of a silent line
export const TRAIL_COLUMNS = 600;

/** What a meter and a waveform show. */
export interface Scope {
  readonly trail: Trail;
  /** The newest level. */
  level: Level;
}

interface Deck {
  readonly source: MediaStreamAudioSourceNode;
  readonly fader: GainNode;
  readonly stream: MediaStream;
  /** Chromium feeds a remote stream into a graph only while an element plays it too. */
  readonly element: HTMLAudioElement;
}

export class Studio {
  readonly context: AudioContext;
  readonly said: Scope = { trail: new Trail(TRAIL_COLUMNS), level: SILENCE };
  readonly heard: Scope = { trail: new Trail(TRAIL_COLUMNS), level: SILENCE };
  /** Done once, when the echo is first heard; whoever waits for it sets it. */
  whenHeard: (() => void) | null = null;
  readonly #volume: GainNode;
  #deck: Deck | null = null;
  #microphone: MediaStreamAudioSourceNode | null = null;
  #saidMeter: AudioWorkletNode | null = null;
  #isAddingMeters = false;

  /** Made at a click, so that the browser lets it sound (autoplay rules). */
  constructor() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.#volume = this.context.createGain();
    this.#volume.connect(this.context.destination);
  }

  /** Has the meters' code kept by the browser, so that it is there at the first click. */
  static async fetchMeters(): Promise<void> {
    await fetch(meterUrl);
  }

  /** Puts the meters in; where their code cannot be had, sound flows without them. */
  async #addMeters(): Promise<void> {
    if (this.#saidMeter || this.#isAddingMeters) return;
    this.#isAddingMeters = true;
    try {
      await this.context.audioWorklet.addModule(meterUrl);
    } catch {
      return; // asked again at the next session
    } finally {
      this.#isAddingMeters = false;
    }
    const heardMeter = this.#meter(this.heard);
    this.#volume.disconnect();
    this.#volume.connect(heardMeter).connect(this.context.destination);
    this.#saidMeter = this.#meter(this.said);
    this.#microphone?.connect(this.#saidMeter);
  }

  #meter(scope: Scope): AudioWorkletNode {
    const node = new AudioWorkletNode(this.context, "meter", { channelCount: 1 });
    node.port.onmessage = ({ data }: MessageEvent<Level>) => {
      scope.level = data;
      scope.trail.add(data);
      if (scope === this.heard && this.whenHeard && data.peak > HEARD) {
        this.whenHeard();
        this.whenHeard = null;
      }
    };
    return node;
  }

  /** Lets sound flow and be measured; asked at every start, until it does. */
  async prepare(): Promise<void> {
    void this.#addMeters();
    if (this.context.state !== "running") await this.context.resume();
  }

  listenTo(microphone: MediaStream | null): void {
    this.#microphone?.disconnect();
    this.#microphone = microphone && this.context.createMediaStreamSource(microphone);
    if (this.#saidMeter) this.#microphone?.connect(this.#saidMeter);
    if (!microphone) this.said.level = SILENCE;
  }

  /** Plays this echo instead of the one before, over a short crossfade: no gap, no click. */
  play(echo: MediaStream | null): void {
    void this.#addMeters();
    const before = this.#deck;
    this.#deck = echo && this.#load(echo);
    if (before) this.#unload(before);
    if (!echo) this.heard.level = SILENCE;
  }

  #load(stream: MediaStream): Deck {
    const now = this.context.currentTime;
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    element.play().catch(() => undefined); // muted elements may always play; a stopped one rejects
    const source = this.context.createMediaStreamSource(stream);
    const fader = this.context.createGain();
    fader.gain.setValueAtTime(0, now);
    fader.gain.linearRampToValueAtTime(1, now + CROSSFADE_S);
    source.connect(fader).connect(this.#volume);
    return { source, fader, stream, element };
  }

  #unload({ source, fader, element }: Deck): void {
    const now = this.context.currentTime;
    fader.gain.setValueAtTime(1, now);
    fader.gain.linearRampToValueAtTime(0, now + CROSSFADE_S);
    setTimeout(() => {
      source.disconnect();
      fader.disconnect();
      element.srcObject = null;
    }, 4000 * CROSSFADE_S);
  }

  /** From 0 to 1, as the ear hears it: half of the slider is half as loud, not half the voltage. */
  setVolume(position: number, isMuted: boolean): void {
    const gain = isMuted ? 0 : position ** 2;
    this.#volume.gain.setTargetAtTime(gain, this.context.currentTime, VOLUME_RAMP_S);
  }

  /**
   * Milliseconds from mouth to ear, measured by a marker tone that goes where the microphone's
   * sound went, plus what the machine says of its microphone and its loudspeaker.
   */
  async measureMouthToEar(
    send: Path["send"],
    microphone: MediaStreamTrack,
  ): Promise<number | null> {
    if (!this.#deck) return null;
    const loopMs = await measureLoop({ context: this.context, echo: this.#deck.source, send });
    if (loopMs === null) return null;
    // Not among the standard's settings, but given by Chromium.
    const { latency = 0 } = microphone.getSettings() as { latency?: number };
    return loopMs + 1000 * (latency + this.context.baseLatency + this.context.outputLatency);
  }
}
