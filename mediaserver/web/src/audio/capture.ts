/** The microphone: which one, with what the browser does to its sound, and why there is none. */

import { CallFailed, type Failure } from "../client/failure";

/** What the browser does to the sound before it is sent. */
export interface Processing {
  readonly echoCancellation: boolean;
  readonly noiseSuppression: boolean;
  readonly autoGainControl: boolean;
}

export interface CaptureSettings extends Processing {
  /** `null` takes the one that the browser prefers. */
  readonly deviceId: string | null;
}

export interface Microphone {
  readonly track: MediaStreamTrack;
  readonly stream: MediaStream;
  readonly label: string;
  onUnplugged(act: () => void): void;
  stop(): void;
}

/** Asks the browser for a microphone. Throws `CallFailed` with what can be done. */
export async function captureMicrophone(settings: CaptureSettings): Promise<Microphone> {
  // Absent on pages that are not https: and not of this machine, whatever the types say.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices)
    throw new CallFailed({
      reason: "insecure-page",
      detail: "Browsers give the microphone to https: pages and to localhost only.",
    });
  let stream: MediaStream;
  try {
    stream = await devices.getUserMedia({ audio: constraintsOf(settings) });
  } catch (thrown) {
    throw new CallFailed(explainDenial(thrown));
  }
  const track = stream.getAudioTracks()[0];
  if (!track)
    throw new CallFailed({ reason: "microphone-missing", detail: "No microphone was given." });
  return {
    track,
    stream,
    label: track.label,
    onUnplugged: (act) => {
      track.addEventListener("ended", act);
    },
    stop: () => {
      track.stop();
    },
  };
}

export function constraintsOf({ deviceId, ...processing }: CaptureSettings): MediaTrackConstraints {
  const device = deviceId === null ? {} : { deviceId: { exact: deviceId } };
  return { ...processing, ...device, channelCount: { ideal: 1 } };
}

/** Why the browser gave no microphone (W3C mediacapture-main section 10.3). */
export function explainDenial(thrown: unknown): Failure {
  const name = thrown instanceof DOMException ? thrown.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return { reason: "microphone-denied", detail: "The browser may not use the microphone." };
    case "NotFoundError":
    case "OverconstrainedError":
      return { reason: "microphone-missing", detail: "No such microphone was found." };
    case "NotReadableError":
    case "AbortError":
      return { reason: "microphone-busy", detail: "The microphone cannot be read just now." };
    default:
      return { reason: "microphone-missing", detail: "The microphone could not be opened." };
  }
}

export interface InputDevice {
  readonly deviceId: string;
  readonly label: string;
}

/** The microphones of this machine; without names until one was allowed. */
export async function listMicrophones(): Promise<InputDevice[]> {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  const found = (await devices?.enumerateDevices()) ?? [];
  return found
    .filter((device) => device.kind === "audioinput" && device.deviceId !== "default")
    .map(({ deviceId, label }, position) => ({
      deviceId,
      label: label || `Microphone ${position + 1}`,
    }))
    .filter((device) => device.deviceId);
}
