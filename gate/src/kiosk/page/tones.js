// Sounds, made here: no file is loaded, and none tells more than the screen's colour does.

const root = document.documentElement;

/** How often somebody whose card still lies in the tray is reminded, and how many times. */
const REMIND_EVERY_MS = 3_500;
const REMIND_MAX = 5;

/** When the reminder follows the sound of a welcome, in seconds: at once, once that has been heard. */
const AFTER_WELCOME = 0.95;

/** Notes as pitch in Hz, begin and length in seconds. */
const TONES = {
  none: [],
  rising: [[523.25, 0, 0.16], [659.25, 0.15, 0.16], [783.99, 0.3, 0.16], [1046.5, 0.45, 0.45]],
  level: [[587.33, 0, 0.2], [587.33, 0.32, 0.2]],
  two_low: [[293.66, 0, 0.32], [220, 0.38, 0.5]],
  take_card: [[987.77, 0, 0.1], [987.77, 0.18, 0.1]],
};

const LOUDNESS = 0.5;
const ATTACK_SECONDS = 0.015;

const audio = new AudioContext({ latencyHint: "interactive" });
const loudness = new GainNode(audio, { gain: LOUDNESS });
loudness.connect(audio.destination);

let standing = null;
let reminder = 0;

function note([pitch, begin, length], from) {
  const start = from + begin;
  const oscillator = new OscillatorNode(audio, { type: "triangle", frequency: pitch });
  const envelope = new GainNode(audio, { gain: 0 });
  envelope.gain.setValueAtTime(0, start);
  envelope.gain.linearRampToValueAtTime(1, start + ATTACK_SECONDS);
  envelope.gain.exponentialRampToValueAtTime(0.001, start + length);
  oscillator.connect(envelope).connect(loudness);
  oscillator.start(start);
  oscillator.stop(start + length);
}

function play(tone, after = 0) {
  // A browser that wants a touch first stays silent: a sound that comes too late says something wrong.
  if (audio.state === "running") {
    TONES[tone].forEach((each) => note(each, audio.currentTime + after));
  } else {
    audio.resume().catch(() => {});
  }
}

function remind(times) {
  if (times < REMIND_MAX) {
    reminder = setTimeout(() => {
      play("take_card");
      remind(times + 1);
    }, REMIND_EVERY_MS);
  }
}

function silence() {
  clearTimeout(reminder);
  root.dataset.tone = "none";
}

document.addEventListener("lane:frame", ({ detail: { frame } }) => {
  if (frame.number === standing) {
    return;
  }
  standing = frame.number;
  silence();
  const { tone } = frame.look;
  root.dataset.tone = tone;
  play(tone);
  if (frame.screen === "welcome" && frame.take_card) {
    play("take_card", AFTER_WELCOME);
    remind(0);
  }
});

document.addEventListener("lane:lost", () => {
  standing = null;
  silence();
});

for (const touch of ["pointerdown", "keydown"]) {
  addEventListener(touch, () => audio.resume().catch(() => {}));
}
