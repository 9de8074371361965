// Listens to the lane, and says on this page what it hears: `lane:frame` with a frame, or `lane:lost`.
//
// A lane that is silent is a lane that is closed: whoever stands here must not wait for it. The page comes back by
// itself as soon as the lane speaks again.

/** How long to wait before the lane is called again. Loopback costs nothing, and a holder waits. */
const CALL_AGAIN_MS = 1_000;

/** Signs of life that may be missed. */
const MISSED_MAX = 3;

/** How often that is looked at. */
const LOOK_EVERY_MS = 500;

const silenceMax = MISSED_MAX * Number(document.documentElement.dataset.alive) + LOOK_EVERY_MS;

let source = null;
let heardAt = performance.now();

function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

function lose() {
  source?.close();
  source = null;
  tell("lane:lost");
  setTimeout(call, CALL_AGAIN_MS);
}

function call() {
  heardAt = performance.now();
  source = new EventSource("/events");
  source.addEventListener("screen", hear);
  source.addEventListener("alive", () => { heardAt = performance.now(); });
  source.addEventListener("error", lose, { once: true });
}

function hear(event) {
  heardAt = performance.now();
  let frame = null;
  try {
    frame = JSON.parse(event.data);
  } catch {
    // What cannot be read cannot be shown.
  }
  if (frame === null) {
    tell("lane:lost");
  } else {
    tell("lane:frame", { frame, receivedAt: event.timeStamp });
  }
}

setInterval(() => {
  if (source !== null && performance.now() - heardAt > silenceMax) {
    lose();
  }
}, LOOK_EVERY_MS);

call();
