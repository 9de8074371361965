// The pages of buyers and holders, /r and /t: takes the code from the link, sends it once, and keeps the page true.
//
// The code is in one variable and nowhere else: no attribute, no storage, no address. The server makes every page; what
// is done here is to put the middle of a newer one in place of the old, so that nothing is lost by it.

/** How long to wait before asking again where there is no stream, in milliseconds. */
const ASK_AGAIN = 5000;
/** How long a button says that it has done its work, in milliseconds. */
const DONE_SHOWN = 4000;
/** How long the server keeps an open page, in milliseconds. */
const LIVES = 3600000;
/** How long a program may take to come up for a link, in milliseconds. */
const OPENS_WITHIN = 4000;

const home = location.pathname;
/** Where a link of the other kind belongs. */
const OTHER = { "/r": "/t", "/t": "/r" };
let code = "";
/** The link that was shown last, opened or refused, so that the answer can be had in the other language too. */
let tried = "";
/** When it was opened, and whether the server could not be reached since. */
let opened = 0;
let gone = false;
let stream = null;
let again = 0;
let waiting = null;

const page = () => document.getElementById("page");

/** Asks for a page. It arrives parsed, so no text is ever made into elements here. */
function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    request.responseType = "document";
    request.setRequestHeader("Accept", "text/html");
    if (body) request.setRequestHeader("Content-Type", "application/json");
    request.addEventListener("load", () => (request.response?.getElementById("page") ? resolve(request.response) : reject()));
    for (const end of ["error", "timeout", "abort"]) request.addEventListener(end, reject);
    request.send(body ? JSON.stringify(body) : null);
  });
}

/** Puts what differs in a newer page into this one. `led` says that the person asked for it, so the focus goes there. */
function show(newer, led) {
  const held = document.activeElement?.id;
  const heldHere = page().contains(document.activeElement);
  if (newer.documentElement.lang !== document.documentElement.lang) {
    document.documentElement.lang = newer.documentElement.lang;
    for (const part of [".skip", ".strip", "#unreachable"]) replace(part, newer);
  }
  document.title = newer.title;
  document.querySelector(".rehearsal")?.remove();
  const rehearsal = newer.querySelector(".rehearsal");
  if (rehearsal) document.querySelector(".strip").before(document.adoptNode(rehearsal));
  const before = said();
  const unfolded = [...page().querySelectorAll("details[open][id]")].map((part) => part.id);
  replace("#page", newer);
  for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
  if ("mark" in page().dataset) gone = false;
  arm();
  if (said() !== before) document.getElementById("said").textContent = led ? "" : said();
  if (led || heldHere) focus((!led && held && document.getElementById(held)) || page().querySelector("h1"));
  listen();
}

function replace(part, newer) {
  const fresh = newer.querySelector(part);
  if (fresh) document.querySelector(part)?.replaceWith(document.adoptNode(fresh));
}

function focus(element) {
  if (element?.tagName === "H1") element.tabIndex = -1;
  element?.focus({ preventScroll: element.tagName !== "H1" });
}

/** The sentences of this page that are worth saying aloud. */
function said() {
  const texts = "[data-said]:is(p), [data-said] :is(h1, h2, p)";
  const parts = [...page().querySelectorAll(texts)].map((part) => part.innerText.replace(/\s+/g, " ").trim());
  return parts.filter(Boolean).join(" ");
}

/** Shows what can be used: some things need the code, which is gone once the page was loaded again. */
function arm() {
  for (const part of document.querySelectorAll("[data-needs]")) {
    const has = { code: code !== "", "no-code": code === "", script: true };
    part.hidden = !has[part.dataset.needs];
  }
}

function reached(yes) {
  document.getElementById("unreachable").hidden = yes;
  gone ||= !yes;
}

/** Takes the code out of the address, so that it stays in no history and reaches no server but in one body. */
function take() {
  const found = decodeURIComponent(location.hash.slice(1)).trim();
  if (location.hash) history.replaceState(null, "", home);
  return found;
}

async function open(found, search = "") {
  tried = found;
  try {
    const newer = await ask("POST", `${home}/open${search}`, { code: found });
    const { mark, elsewhere } = newer.getElementById("page").dataset;
    // Kept while something on the page needs it: the card helper's button, or the way to the page it belongs to.
    code = mark !== undefined || elsewhere !== undefined ? found : "";
    opened = Date.now();
    reached(true);
    show(newer, true);
  } catch {
    // The link was not looked at: keep it, and try once more when asked.
    reached(false);
    clearTimeout(again);
    again = setTimeout(() => open(found, search), ASK_AGAIN);
  }
}

/** Asks for the page again, in another language where `search` says so. */
async function refresh(search = "") {
  // A question that the person is being asked is not taken away.
  if (document.querySelector("dialog[open]")) {
    waiting = search;
    return;
  }
  const query = new URLSearchParams(search);
  const shown = page().dataset.mark;
  if (shown) query.set("page", shown);
  try {
    const newer = await ask("GET", `${home}?${query}`);
    const { mark, stamp } = newer.getElementById("page").dataset;
    // A server that was started anew has forgotten its pages; the link is still here, and opens this one once more.
    if (stamp === "excuse-page-over" && gone && code && Date.now() - opened < LIVES) {
      gone = false;
      await open(code, search);
      return;
    }
    if (mark === undefined) code = tried = "";
    show(newer, false);
    reached(true);
  } catch {
    reached(false);
    clearTimeout(again);
    again = setTimeout(() => refresh(search), ASK_AGAIN);
  }
}

/** Listens for stamps while the page has a session; asks every few seconds where no stream can be had. */
function listen() {
  const mark = page().dataset.mark;
  if (stream?.mark === mark && stream?.source.readyState !== EventSource.CLOSED) return;
  stream?.source.close();
  stream = null;
  clearTimeout(again);
  if (!mark) return;
  const source = new EventSource(`${home}/events?page=${mark}`);
  stream = { mark, source };
  source.addEventListener("open", () => reached(true));
  source.addEventListener("stamp", ({ data }) => {
    if (data === "over") source.close();
    if (data !== page().dataset.stamp) refresh();
  });
  let asked = 0;
  source.addEventListener("error", () => {
    // Browsers try again by themselves and say nothing of it; whoever waits is told when that brings nothing.
    asked ||= setTimeout(() => {
      asked = 0;
      if (source.readyState !== EventSource.OPEN && stream?.source === source) refresh();
    }, ASK_AGAIN);
  });
}

async function copy(button, text) {
  const label = button.querySelector(".label");
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A browser that gives no clipboard: the text, marked, to be copied by hand. A value is no attribute.
    const field = button.nextElementSibling?.matches("input") ? button.nextElementSibling : document.createElement("input");
    field.readOnly = true;
    field.value = text;
    field.setAttribute("aria-label", label.textContent);
    button.after(field);
    field.select();
    return;
  }
  const before = label.textContent;
  label.textContent = button.dataset.done;
  document.getElementById("said").textContent = button.dataset.done;
  setTimeout(() => (label.textContent = before), DONE_SHOWN);
}

const link = () => `${page().dataset.origin}${home}#${code}`;

const doing = {
  "open-helper": () => {
    location.assign(`kido:${link()}`);
    // Browsers do not tell whether a program took the link. Who still looks at this page is shown the other way.
    setTimeout(() => document.hasFocus() && document.getElementById("by-hand")?.setAttribute("open", ""), OPENS_WITHIN);
  },
  "copy-link": (button) => copy(button, link()),
  "copy-command": (button) => copy(button, button.dataset.text),
  "ask-lost": () => document.getElementById("ask-lost").showModal(),
  "not-lost": () => document.getElementById("ask-lost").close(),
  lost: async (button) => {
    button.disabled = true;
    waiting = null;
    try {
      const newer = await ask("POST", `${home}/lost`, { page: Number(page().dataset.mark) });
      document.getElementById("ask-lost").close();
      show(newer, true);
      reached(true);
    } catch {
      button.disabled = false;
      document.getElementById("ask-lost").close();
      reached(false);
    }
  },
  "other-page": () => location.assign(`${OTHER[home]}#${code}`),
  print: () => window.print(),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button && button.tagName === "BUTTON") doing[button.dataset.do]?.(button);
  // Another language, without a new page: that would forget the code.
  const language = event.target.closest(".languages a");
  if (language && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    const { search } = new URL(language.href);
    const asked = tried && !("mark" in page().dataset) ? open(tried, search) : refresh(search);
    asked.then(() => {
      document.querySelector('.languages [aria-current="true"]')?.focus();
    });
  }
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.link;
  const [place, after] = field.value.trim().split("#");
  const found = (after ?? place).trim();
  field.value = "";
  // A link of the other page belongs there; its fragment reaches no server.
  if (after !== undefined && place.endsWith(OTHER[home])) location.assign(`${OTHER[home]}#${found}`);
  else open(found);
});

// Closing a dialog shows what was held back while it asked.
document.addEventListener("close", () => {
  const held = waiting;
  waiting = null;
  if (held !== null) refresh(held);
}, true);

// Another link in the same tab changes the fragment alone.
window.addEventListener("hashchange", () => {
  const found = take();
  if (found) open(found);
});

const touch = matchMedia("(pointer: coarse)").matches && !matchMedia("(any-pointer: fine)").matches;
if (touch) document.documentElement.classList.add("on-phone");

const found = take();
if (found) {
  open(found);
} else {
  arm();
  listen();
}
