import { useEffect } from "react";

import type { Processing } from "../audio/capture";
import { LevelMeter } from "./LevelMeter";
import { useVoiceAgent } from "./storeContext";

const SWITCHES: readonly (readonly [keyof Processing, string])[] = [
  ["echoCancellation", "Echo cancellation"],
  ["noiseSuppression", "Noise suppression"],
  ["autoGainControl", "Automatic gain"],
];

/** Microphone and loudspeaker: levels, volume, mute, device, processing. */
export function Sound() {
  return (
    <section className="card" aria-labelledby="sound-title">
      <h2 id="sound-title">Sound</h2>
      <div className="meters">
        <LevelMeter label="You" which="said" />
        <LevelMeter label="Echo" which="heard" />
      </div>
      <div className="row">
        <MicrophoneSwitch />
        <EchoSwitch />
      </div>
      <Volume />
      <MicrophoneChoice />
      <ProcessingSwitches />
    </section>
  );
}

function MicrophoneSwitch() {
  const isStreaming = useVoiceAgent((state) => state.isStreaming);
  const isInCall = useVoiceAgent((state) => !["idle", "failed"].includes(state.call.phase));
  const start = useVoiceAgent((state) => state.startStreaming);
  const stop = useVoiceAgent((state) => state.stopStreaming);
  return (
    <button
      type="button"
      className="toggle"
      disabled={!isInCall}
      aria-pressed={isInCall && !isStreaming}
      onClick={isStreaming ? stop : start}
    >
      Mute microphone
    </button>
  );
}

function EchoSwitch() {
  const isMuted = useVoiceAgent((state) => state.isMuted);
  const setMuted = useVoiceAgent((state) => state.setMuted);
  return (
    <button
      type="button"
      className="toggle"
      aria-pressed={isMuted}
      onClick={() => {
        setMuted(!isMuted);
      }}
    >
      Mute echo
    </button>
  );
}

function Volume() {
  const volume = useVoiceAgent((state) => state.preferences.volume);
  const setVolume = useVoiceAgent((state) => state.setVolume);
  return (
    <label className="slider">
      <span>Volume</span>
      <input
        type="range"
        min="0"
        max="100"
        value={Math.round(100 * volume)}
        onChange={(event) => {
          setVolume(Number(event.target.value) / 100);
        }}
      />
      <span className="slider-value" aria-hidden="true">
        {Math.round(100 * volume)} %
      </span>
    </label>
  );
}

function MicrophoneChoice() {
  const microphones = useVoiceAgent((state) => state.microphones);
  const deviceId = useVoiceAgent((state) => state.preferences.deviceId);
  const choose = useVoiceAgent((state) => state.chooseMicrophone);
  const refresh = useVoiceAgent((state) => state.refreshMicrophones);
  useEffect(() => {
    void refresh();
    const devices = navigator.mediaDevices as MediaDevices | undefined; // none on http: pages
    const changed = (): void => void refresh();
    devices?.addEventListener("devicechange", changed);
    return () => {
      devices?.removeEventListener("devicechange", changed);
    };
  }, [refresh]);
  return (
    <label className="field">
      <span>Microphone</span>
      <select
        value={deviceId ?? ""}
        onChange={(event) => {
          choose(event.target.value || null);
        }}
      >
        <option value="">As the browser prefers</option>
        {microphones.map((device) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label}
          </option>
        ))}
      </select>
    </label>
  );
}

function ProcessingSwitches() {
  const preferences = useVoiceAgent((state) => state.preferences);
  const setProcessing = useVoiceAgent((state) => state.setProcessing);
  return (
    <fieldset className="switches">
      <legend>What the browser does to your voice</legend>
      {SWITCHES.map(([name, label]) => (
        <label key={name} className="switch">
          <input
            type="checkbox"
            role="switch"
            checked={preferences[name]}
            onChange={(event) => {
              setProcessing(name, event.target.checked);
            }}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
