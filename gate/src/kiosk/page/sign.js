// What stands around every screen: the time in Japan, and which language comes first.

const root = document.documentElement;
const clock = document.getElementById("clock");

/** How long a chosen language outlives its visitor: so long an idle lane keeps it. */
const KEPT_IDLE_MS = 20_000;

const MINUTE_MS = 60_000;

const time = new Intl.DateTimeFormat("ja-JP", { timeZone: "Asia/Tokyo", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

function tick() {
  const now = Date.now();
  clock.textContent = time.format(now);
  clock.dateTime = clock.textContent;
  setTimeout(tick, MINUTE_MS - (now % MINUTE_MS));
}

tick();

const usual = root.dataset.language;
let idle = true;
let back = 0;

function speak(language) {
  root.dataset.language = language;
  root.lang = language;
}

/** Once the lane has been idle for a while, the next visitor is met in the usual language. */
function forget() {
  clearTimeout(back);
  if (idle && root.dataset.language !== usual) {
    back = setTimeout(speak, KEPT_IDLE_MS, usual);
  }
}

const button = document.getElementById("switch");
button.addEventListener("mousedown", (event) => event.preventDefault());
button.addEventListener("click", () => {
  speak(root.dataset.language === "ja" ? "en" : "ja");
  forget();
});

document.addEventListener("lane:frame", ({ detail: { frame } }) => {
  const now = frame.screen === "idle";
  if (now !== idle) {
    idle = now;
    forget();
  }
});

document.addEventListener("lane:lost", () => {
  idle = true;
  forget();
});
