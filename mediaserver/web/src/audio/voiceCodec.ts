/**
 * Sound to frames of the wire and back: Opus by the browser's own codecs (WebCodecs), or plain
 * samples (L16) where it has none.
 */

import type { AudioFormat } from "../client/v2Messages";

export const FRAME_MS = 20;
const OPUS_BITRATE = 32_000;
/** Frames that may wait in the browser's codec; more means that it does not keep up. */
const MAX_QUEUED_FRAMES = 10;

export const OPUS: AudioFormat = { encoding: "audio/opus", sampleRate: 48_000, channels: 1 };
export const l16 = (sampleRate: 16_000 | 48_000): AudioFormat => ({
  encoding: "audio/x-l16",
  sampleRate,
  channels: 1,
});

/** One direction. What is put in comes out by the callback that it was made with. */
export interface Codec<In> {
  put(input: In): void;
  close(): void;
}

export interface VoiceCodec {
  readonly encoder: (
    give: (payload: Uint8Array<ArrayBuffer>) => void,
  ) => Codec<Float32Array<ArrayBuffer>>;
  readonly decoder: (
    give: (sound: Float32Array<ArrayBuffer>) => void,
  ) => Codec<Uint8Array<ArrayBuffer>>;
}

const ENCODER_CONFIG = {
  codec: "opus",
  sampleRate: OPUS.sampleRate,
  numberOfChannels: 1,
  bitrate: OPUS_BITRATE,
  opus: { application: "voip", frameDuration: 1000 * FRAME_MS, useinbandfec: true },
} as AudioEncoderConfig; // `application` is newer than the types

/** Opus where this browser encodes and decodes it, else L16 at 16 kHz. */
export async function bestFormat(): Promise<AudioFormat> {
  if (typeof AudioEncoder === "undefined" || typeof AudioDecoder === "undefined")
    return l16(16_000);
  try {
    const decoderConfig = { codec: "opus", sampleRate: OPUS.sampleRate, numberOfChannels: 1 };
    const [encodes, decodes] = await Promise.all([
      AudioEncoder.isConfigSupported(ENCODER_CONFIG),
      AudioDecoder.isConfigSupported(decoderConfig),
    ]);
    return encodes.supported && decodes.supported ? OPUS : l16(16_000);
  } catch {
    return l16(16_000); // a browser that does not even know the question
  }
}

/** `failed` is told once, when the browser's codec gives up. */
export function codecOf(format: AudioFormat, failed: (detail: string) => void): VoiceCodec {
  return format.encoding === "audio/opus" ? opusCodec(failed) : L16_CODEC;
}

const L16_CODEC: VoiceCodec = {
  encoder: (give) => ({
    put: (sound) => {
      give(toL16(sound));
    },
    close: () => undefined,
  }),
  decoder: (give) => ({
    put: (payload) => {
      give(fromL16(payload));
    },
    close: () => undefined,
  }),
};

/** 16 bits, little-endian; what is too loud is clipped. */
export function toL16(sound: Float32Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(2 * sound.length));
  sound.forEach((sample, at) => {
    const clipped = Math.max(-1, Math.min(1, sample));
    view.setInt16(2 * at, Math.round(32_767 * clipped), true);
  });
  return new Uint8Array(view.buffer);
}

/** The samples; half a sample at the end is left out. */
export function fromL16(payload: Uint8Array): Float32Array<ArrayBuffer> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return Float32Array.from(
    { length: payload.byteLength >> 1 },
    (_, at) => view.getInt16(2 * at, true) / 32_767,
  );
}

function opusCodec(failed: (detail: string) => void): VoiceCodec {
  const error = ({ message }: DOMException): void => {
    failed(message);
  };
  return {
    encoder: (give) => {
      const encoder = new AudioEncoder({
        error,
        output: (chunk) => {
          const payload = new Uint8Array(chunk.byteLength);
          chunk.copyTo(payload);
          give(payload);
        },
      });
      encoder.configure(ENCODER_CONFIG);
      let taken = 0;
      return {
        put: (sound) => {
          const timestamp = (1_000_000 * taken) / OPUS.sampleRate; // microseconds
          taken += sound.length;
          if (encoder.state !== "configured" || encoder.encodeQueueSize > MAX_QUEUED_FRAMES) return;
          const data = new AudioData({
            format: "f32-planar",
            sampleRate: OPUS.sampleRate,
            numberOfFrames: sound.length,
            numberOfChannels: 1,
            timestamp,
            data: sound,
          });
          encoder.encode(data);
          data.close();
        },
        close: () => {
          if (encoder.state !== "closed") encoder.close();
        },
      };
    },
    decoder: (give) => {
      const decoder = new AudioDecoder({
        error,
        output: (data) => {
          const sound = new Float32Array(data.numberOfFrames);
          data.copyTo(sound, { planeIndex: 0, format: "f32-planar" });
          data.close();
          give(sound);
        },
      });
      decoder.configure({ codec: "opus", sampleRate: OPUS.sampleRate, numberOfChannels: 1 });
      let timestamp = 0;
      return {
        put: (payload) => {
          timestamp += 1000 * FRAME_MS;
          if (decoder.state !== "configured" || decoder.decodeQueueSize > MAX_QUEUED_FRAMES) return;
          decoder.decode(new EncodedAudioChunk({ type: "key", timestamp, data: payload }));
        },
        close: () => {
          if (decoder.state !== "closed") decoder.close();
        },
      };
    },
  };
}
