/**
 * How long sound takes from the mouth to the ear: a marker tone is sent instead of the
 * microphone for about a second, and looked for in the echo, both on one clock.
 */

import { findMarker, makeMarker } from "./marker";
import recorderUrl from "./recorderProcessor?worker&url";

const LEAD_S = 0.3; // for the sender and the jitter buffer to get used to the other track
const RECORD_S = 1.4;

export interface Path {
  readonly context: AudioContext;
  /** The echo as it comes in, before any volume. */
  readonly echo: AudioNode;
  /** Sends this track instead of the microphone; `null` the microphone again. */
  readonly send: (track: MediaStreamTrack | null) => Promise<void>;
}

/** Milliseconds from the graph's sending end to its hearing end; `null` if nothing came back. */
export async function measureLoop({ context, echo, send }: Path): Promise<number | null> {
  await context.audioWorklet.addModule(recorderUrl);
  const rateHz = context.sampleRate;
  const marker = makeMarker(rateHz);
  const buffer = context.createBuffer(1, marker.length, rateHz);
  buffer.copyToChannel(marker, 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  const outgoing = context.createMediaStreamDestination();
  const recorder = new AudioWorkletNode(context, "recorder", {
    numberOfInputs: 2,
    numberOfOutputs: 0,
    channelCount: 1,
    channelCountMode: "explicit",
  });
  const track = outgoing.stream.getAudioTracks()[0];
  if (!track) return null;
  try {
    await send(track);
    source.connect(outgoing);
    source.connect(recorder, 0, 0);
    echo.connect(recorder, 0, 1);
    source.start(context.currentTime + LEAD_S);
    const [sent, heard] = await record(recorder, Math.round(RECORD_S * rateHz));
    const sentS = findMarker(sent, rateHz);
    const heardS = findMarker(heard, rateHz);
    return sentS === null || heardS === null ? null : 1000 * (heardS - sentS);
  } finally {
    echo.disconnect(recorder);
    source.disconnect();
    recorder.port.close();
    await send(null);
    track.stop();
  }
}

function record(
  recorder: AudioWorkletNode,
  samples: number,
): Promise<[Float32Array, Float32Array]> {
  const sent = new Float32Array(samples);
  const heard = new Float32Array(samples);
  let at = 0;
  return new Promise((done) => {
    recorder.port.onmessage = ({ data: [first, second] }: MessageEvent<Float32Array[]>) => {
      if (!first || !second || at + first.length > samples) {
        done([sent, heard]);
        return;
      }
      sent.set(first, at);
      heard.set(second, at);
      at += first.length;
    };
  });
}
