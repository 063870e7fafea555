// A plain echo call over WHIP (RFC 9725), and its numbers. The full front end is another page.

const WHIP = "/whip";
const show = (id, text) => { document.getElementById(id).textContent = text; };
const button = document.getElementById("toggle");
let call = null;

show("endpoint", new URL(WHIP, location.href).href);

function setState(state, text) {
  const line = document.getElementById("state");
  line.dataset.state = state;
  line.textContent = text;
  button.dataset.on = String(call !== null);
  button.textContent = call === null ? "Start" : "Stop";
}

function setError(text) {
  const line = document.getElementById("error");
  line.hidden = !text;
  line.textContent = text ?? "";
}

function explainMicrophone(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The browser may not use the microphone. Allow it in the address bar and press Start again.";
    case "NotFoundError":
      return "No microphone was found. Plug one in and press Start again.";
    case "NotReadableError":
      return "Another program holds the microphone. Close it and press Start again.";
    default:
      return `The microphone could not be opened (${error.name}).`;
  }
}

async function explainRefusal(response) {
  let detail = "";
  try { detail = (await response.json()).detail ?? ""; } catch { /* no problem body */ }
  const wait = response.headers.get("Retry-After");
  return `The server refused the call (${response.status}). ${detail}${wait ? ` Try again in ${wait} s.` : ""}`;
}

function watchLevel(context, stream, id) {
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const meter = document.getElementById(id);
  return () => {
    analyser.getFloatTimeDomainData(samples);
    const rms = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
    const decibels = 20 * Math.log10(rms + 1e-6);
    meter.value = Math.min(1, Math.max(0, (decibels + 60) / 60));
  };
}

class Call {
  constructor() {
    this.peer = new RTCPeerConnection();
    this.startedMs = performance.now();
    this.levels = [];
    this.context = new AudioContext();
    this.location = null;
  }

  async start() {
    this.microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
    this.levels.push(watchLevel(this.context, this.microphone, "level-in"));
    this.peer.addTransceiver(this.microphone.getAudioTracks()[0], {
      direction: "sendrecv", streams: [this.microphone],
    });
    this.peer.ontrack = ({ track }) => this.play(new MediaStream([track]));
    this.peer.onconnectionstatechange = () => this.stateChanged();
    await this.peer.setLocalDescription(await this.peer.createOffer());
    const response = await fetch(WHIP, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: this.peer.localDescription.sdp,
    });
    if (response.status !== 201) throw new Error(await explainRefusal(response));
    this.location = new URL(response.headers.get("Location"), response.url).href;
    await this.peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    this.timer = setInterval(() => this.report(), 500);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  play(stream) {
    document.getElementById("echo").srcObject = stream;
    this.levels.push(watchLevel(this.context, stream, "level-out"));
  }

  stateChanged() {
    const state = this.peer.connectionState;
    if (state === "connected") {
      this.connectedMs ??= performance.now();
      setState("connected", "Connected: you hear yourself");
    } else if (state === "disconnected") {
      setState("connecting", "The connection is interrupted …");
    } else if (state === "failed") {
      setError("The media connection failed. A firewall may block UDP; press Start to try again.");
      stop("error", "Failed");
    } else if (state === "closed") {
      stop("idle", "The server ended the call");
    }
  }

  draw() {
    for (const level of this.levels) level();
    this.frame = requestAnimationFrame(() => this.draw());
  }

  async report() {
    const stats = [...(await this.peer.getStats()).values()];
    const find = (type) => stats.find((entry) => entry.type === type);
    const inbound = find("inbound-rtp");
    const remote = find("remote-inbound-rtp");
    const pair = stats.find((entry) => entry.type === "candidate-pair" && entry.nominated);
    const ms = (seconds) => (seconds === undefined ? "–" : `${(seconds * 1000).toFixed(1)} ms`);
    if (inbound) {
      const codec = stats.find((entry) => entry.id === inbound.codecId);
      const expected = inbound.packetsReceived + inbound.packetsLost;
      show("jitter", ms(inbound.jitter));
      show("lost", expected ? `${((100 * inbound.packetsLost) / expected).toFixed(1)} %` : "–");
      show("concealed", `${inbound.concealmentEvents ?? 0}×`);
      show("buffer", ms(inbound.jitterBufferDelay / inbound.jitterBufferEmittedCount || undefined));
      show("packets", String(inbound.packetsReceived));
      show("codec", codec ? codec.mimeType.replace("audio/", "") : "–");
    }
    show("round-trip", ms(remote?.roundTripTime ?? pair?.currentRoundTripTime));
    if (this.connectedMs) {
      show("setup", `${Math.round(this.connectedMs - this.startedMs)} ms`);
      show("duration", `${Math.round((performance.now() - this.connectedMs) / 1000)} s`);
    }
  }

  end() {
    clearInterval(this.timer);
    cancelAnimationFrame(this.frame);
    this.peer.onconnectionstatechange = null;
    this.microphone?.getTracks().forEach((track) => track.stop());
    this.context.close();
    const close = () => this.peer.close();
    if (this.location) fetch(this.location, { method: "DELETE", keepalive: true }).then(close, close);
    else close();
    for (const id of ["level-in", "level-out"]) document.getElementById(id).value = 0;
  }
}

function stop(state = "idle", text = "Not connected") {
  call?.end();
  call = null;
  setState(state, text);
}

async function start() {
  setError(null);
  call = new Call();
  const mine = call;
  setState("connecting", "Connecting …");
  try {
    await mine.start();
  } catch (error) {
    if (call !== mine) return;
    setError(error instanceof DOMException ? explainMicrophone(error) : error.message);
    stop("error", "Not connected");
  }
}

button.addEventListener("click", () => (call === null ? start() : stop()));
addEventListener("pagehide", () => stop());
