// The pad: four hidden digits, or how many people, by touch or by a keypad.
//
// The digits lie in four bytes that are wiped when they were sent, when the screen goes, when nobody types any more and
// when the page goes. They are never text, never in the document, and never named by a sound.

const element = (id) => document.getElementById(id);
const slots = element("digits").children;
const keys = Array.from(element("pad").querySelectorAll("button"));

/** How long half a PIN may stand: the lane waits no longer itself. */
const FORGOTTEN_MS = 20_000;

const ZERO = "0".charCodeAt(0);

const pin = new Uint8Array(slots.length);

/** What is asked: nothing, `pin` or `party`; by which screen; and whether it was answered. */
const asked = { what: null, screen: 0, most: 0, sent: false };

let filled = 0;
let count = 0;
let forgotten = 0;

function wipe() {
  pin.fill(0);
  filled = 0;
  count = 0;
  clearTimeout(forgotten);
  show();
}

function complete() {
  return asked.what === "pin" ? filled === pin.length : count >= 1 && count <= asked.most;
}

function show() {
  Array.from(slots).forEach((slot, index) => slot.classList.toggle("on", index < filled));
  element("digits").setAttribute("aria-valuenow", String(filled));
  element("count").querySelector("output").textContent = count === 0 ? "" : String(count);
  for (const key of keys) {
    key.disabled = asked.sent || !takes(key.dataset.key);
  }
}

/** Whether a key means something now. */
function takes(key) {
  switch (key) {
    case "cancel": return true;
    case "delete": return asked.what === "pin" ? filled > 0 : count > 0;
    case "enter": return complete();
    default: return asked.what === "pin" ? filled < pin.length : next(Number(key)) <= asked.most && next(Number(key)) > 0;
  }
}

/** The number of people once this digit is typed: one digit replaces, where there is only one. */
function next(digit) {
  return asked.most > 9 && count * 10 + digit <= asked.most ? count * 10 + digit : digit;
}

function press(key) {
  if (asked.what === null || asked.sent || !takes(key)) {
    return;
  }
  if (key === "cancel") {
    answer("/cancel", [`{"screen":${asked.screen}}`]);
  } else if (key === "enter") {
    const party = [`{"screen":${asked.screen},"count":${count}}`];
    const digits = [`{"screen":${asked.screen},"pin":"`, pin, '"}'];
    answer(...(asked.what === "pin" ? ["/pin", digits] : ["/party", party]));
  } else if (key === "delete") {
    erase();
  } else {
    type(Number(key));
  }
}

function type(digit) {
  if (asked.what === "pin") {
    pin[filled] = ZERO + digit;
    filled += 1;
  } else {
    count = next(digit);
  }
  clearTimeout(forgotten);
  forgotten = setTimeout(wipe, FORGOTTEN_MS);
  show();
}

function erase() {
  if (asked.what === "pin") {
    filled -= 1;
    pin[filled] = 0;
  } else {
    count = Math.floor(count / 10);
  }
  show();
}

/** Sends bytes that are wiped as soon as the browser has its copy, and takes the pad away until the lane has answered. */
async function answer(path, parts) {
  const encoder = new TextEncoder();
  const pieces = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  const body = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  pieces.reduce((at, piece) => (body.set(piece, at), at + piece.length), 0);
  const { screen } = asked;
  const sending = fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body, cache: "no-store" });
  body.fill(0);
  asked.sent = true;
  wipe();
  const taken = await sending.then((response) => response.ok, () => false);
  // Nobody took it: the same screen may be answered again. Another one has its own pad by now.
  if (!taken && asked.screen === screen) {
    asked.sent = false;
    show();
  }
}

function ask(what, screen, most) {
  Object.assign(asked, { what, screen, most, sent: false });
  element("pad").hidden = what === null;
  element("filled").hidden = what === null;
  element("digits").hidden = what !== "pin";
  element("count").hidden = what !== "party";
  wipe();
}

/** The key of the pad that a key of a keyboard means; a keypad without Num Lock is read by its place. */
function meant({ key, code }) {
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(code)?.[1] ?? (/^[0-9]$/.test(key) ? key : undefined);
  const others = { Enter: "enter", Escape: "cancel", Backspace: "delete", Delete: "delete" };
  const places = { NumpadEnter: "enter", NumpadDecimal: "delete", NumpadSubtract: "cancel" };
  return digit ?? places[code] ?? others[key];
}

document.addEventListener("keydown", (event) => {
  const key = meant(event);
  // Whoever walks through the page with Tab presses the button that is focused.
  const walks = event.key === "Enter" && event.target instanceof HTMLButtonElement;
  if (asked.what === null || key === undefined || walks || event.ctrlKey || event.altKey || event.metaKey) {
    return;
  }
  event.preventDefault();
  if (!event.repeat) {
    press(key);
  }
});

for (const key of keys) {
  // A touch leaves no focus behind, or Enter on a keypad would press the last digit again.
  key.addEventListener("mousedown", (event) => event.preventDefault());
  key.addEventListener("click", () => press(key.dataset.key));
}

let standing = null;

document.addEventListener("lane:frame", ({ detail: { frame } }) => {
  if (frame.number === standing) {
    return;
  }
  standing = frame.number;
  const what = { ask_pin: "pin", ask_party: "party" }[frame.screen] ?? null;
  ask(what, frame.number, frame.most ?? 0);
});

document.addEventListener("lane:lost", () => {
  standing = null;
  ask(null, 0, 0);
});

addEventListener("pagehide", wipe);
document.addEventListener("visibilitychange", wipe);
