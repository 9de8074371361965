// Draws a frame: texts as text, pictures by showing the one that it names.
//
// How long a frame took from its arrival to the painted screen stands in `data-paint-ms` and as the measure
// `lane:paint`, for whoever measures a lane.

const root = document.documentElement;
const element = (id) => document.getElementById(id);

/** Places that are named one by one; a school class is told how many more. */
const PLACES_MAX = 12;

/** Letters of a sentence that may be drawn larger. */
const SHORT_MAX = 20;

/** Letters that fit on a line of an upright screen: a longer phrase may also break before one of its endings. */
const PHRASE_MAX = 9;
const ENDINGS = /(?=でした|います|カード)/;

/** What the page says when the lane says nothing: as it was served. */
const silence = {
  screen: "closed",
  look: { ground: "fault", picture: "fault", tone: "none" },
  sentence: { ja: text("sentence", "ja"), en: text("sentence", "en") },
  hint: null,
};

let shown = null;

function half(id, language) {
  return element(id).querySelector(`:scope > [lang="${language}"]`);
}

function text(id, language) {
  return half(id, language).textContent;
}

/** What is said in one breath: up to a full stop. */
function sentences(text) {
  return text.split(/(?<=。)|(?<=\.) /).filter(Boolean);
}

/** What stays on one line: up to a space, but a number stays with what it counts. */
function phrases(sentence) {
  const parts = sentence.replace(/([0-9]) (?=[回人])/g, "$1\u00a0").split(/( )|(?<=、)|(?=（)/).filter(Boolean);
  return parts.flatMap((part) => (part.length > PHRASE_MAX ? part.split(ENDINGS) : [part]));
}

function span(kind, ...content) {
  const made = document.createElement("span");
  made.className = kind;
  // Words that the browser shows for the first time: it says when they were before somebody's eyes.
  made.elementTiming = kind;
  made.append(...content);
  return made;
}

function lines(text, language) {
  const pieces = (sentence) => phrases(sentence).map((part) => (part === " " ? part : span("phrase", part)));
  const made = sentences(text).map((sentence) => span("line", ...pieces(sentence)));
  return language === "en" ? made.flatMap((line) => [line, " "]) : made;
}

function say(id, both) {
  element(id).hidden = both === null;
  for (const language of ["ja", "en"]) {
    half(id, language).replaceChildren(...(both === null ? [] : lines(both[language], language)));
  }
}

function sign({ entrance, lane, event, rehearsal }) {
  element("entrance").textContent = entrance;
  element("lane").textContent = lane;
  element("event").textContent = event;
  say("rehearsal", rehearsal);
}

/** How small the names of places have to be, by their letters. */
function crowd(letters) {
  return [["few", 14], ["some", 40], ["many", 100]].find(([, most]) => letters <= most)?.[0] ?? "throng";
}

function places(frame) {
  const seats = frame.screen === "welcome" ? frame.seats.filter((seat) => seat !== "") : [];
  element("places").hidden = frame.screen !== "welcome";
  element("zone").textContent = frame.zone ?? "";
  const named = seats.slice(0, PLACES_MAX);
  if (seats.length > named.length) {
    named.push(`+${seats.length - named.length}`);
  }
  const list = element("seats");
  list.querySelectorAll("dd").forEach((seat) => seat.remove());
  list.hidden = named.length === 0;
  list.append(...named.map((seat) => Object.assign(document.createElement("dd"), { elementTiming: "seat", textContent: seat })));
  element("places").dataset.many = crowd(named.join("").length);
}

function draw(frame) {
  root.dataset.screen = frame.screen;
  root.dataset.ground = frame.look.ground;
  root.dataset.length = frame.sentence.ja.length <= SHORT_MAX ? "short" : "long";
  for (const picture of element("picture").querySelectorAll("[data-picture]")) {
    picture.toggleAttribute("hidden", picture.dataset.picture !== frame.look.picture);
  }
  say("sentence", frame.sentence);
  say("hint", frame.hint);
  places(frame);
  element("code").hidden = frame.code === undefined;
  element("code").textContent = frame.code ?? "";
}

/** The time from a frame's arrival to the first paint that shows it: the second frame of the browser begins after it. */
function measure(frame, receivedAt) {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const end = performance.now();
    performance.clearMeasures("lane:paint");
    performance.measure("lane:paint", { start: receivedAt, end, detail: { number: frame.number, screen: frame.screen } });
    root.dataset.paintMs = (end - receivedAt).toFixed(1);
    root.dataset.painted = frame.number;
  }));
}

document.addEventListener("lane:frame", ({ detail: { frame, receivedAt } }) => {
  sign(frame.sign);
  // The same screen again only says something else around it.
  if (frame.number !== shown) {
    shown = frame.number;
    draw(frame);
    measure(frame, receivedAt);
  }
});

document.addEventListener("lane:lost", () => {
  shown = null;
  draw(silence);
});
