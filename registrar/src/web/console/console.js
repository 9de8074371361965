// The console: asks for pages that change again and puts the newer part in place; sends a file and goes on until it is
// imported; copies. The server makes every page, so nothing here makes elements out of text.

const live = () => document.getElementById("live");
let timer = 0;
let asking = false;

/** Asks for a page. It arrives parsed. */
function ask(method, path, headers = {}, body = null) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    request.responseType = "document";
    request.setRequestHeader("Accept", "text/html");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.addEventListener("load", () => {
      if (!request.response) reject();
      else if (request.status < 400 || method === "GET") resolve(request.response);
      else refused(request.response);
    });
    for (const end of ["error", "timeout", "abort"]) request.addEventListener(end, reject);
    request.send(body);
  });
}

/** Shows why something was not done, in place of the page. */
function refused(page) {
  clearInterval(timer);
  document.title = page.title;
  document.getElementById("main").replaceWith(document.adoptNode(page.getElementById("main")));
  document.getElementById("main").focus();
}

/** Puts the live part of a newer page into this one, with what was unfolded, moved sideways, and who had the focus. */
function show(newer) {
  const fresh = newer.getElementById("live");
  if (!fresh) {
    // The session is over, or the page is: what is there now is shown as a whole.
    location.reload();
    return;
  }
  const before = said();
  for (const part of live().querySelectorAll("details[open][id]")) {
    newer.getElementById(part.id)?.setAttribute("open", "");
  }
  const moved = [...live().querySelectorAll(".scrolls")].filter((part) => part.scrollLeft > 0);
  const places = moved.map((part) => [part.getAttribute("aria-label"), part.scrollLeft]);
  const held = live().contains(document.activeElement) ? path(document.activeElement) : null;
  put(document.adoptNode(fresh));
  for (const part of live().querySelectorAll(".scrolls")) {
    for (const [name, place] of places) if (part.getAttribute("aria-label") === name) part.scrollLeft = place;
  }
  if (held && !live().contains(document.activeElement)) again(held)?.focus({ preventScroll: true });
  arm();
  const told = document.getElementById("said");
  if (told && said() !== before) told.textContent = said();
}

/** Parts that are as they were stay, with whatever is selected in them; the others are replaced. */
function put(fresh) {
  const [old, parts] = [[...live().children], [...fresh.children]];
  const same = old.length === parts.length && live().cloneNode(false).isEqualNode(fresh.cloneNode(false));
  if (!same) {
    live().replaceWith(fresh);
    return;
  }
  for (const [place, part] of parts.entries()) if (!old[place].isEqualNode(part)) old[place].replaceWith(part);
}

/** Where an element is, by its nearest id and its place in there: ids of rows stay, the rows move. */
function path(element) {
  const home = element.closest("[id]");
  return { id: home.id, at: [...home.querySelectorAll("*")].indexOf(element) };
}

function again({ id, at }) {
  const home = document.getElementById(id);
  return at < 0 ? home : home?.querySelectorAll("*")[at];
}

function said() {
  return [...live().querySelectorAll("[data-said]")].map((part) => part.innerText.trim()).join(" ");
}

/** A form that somebody is filling in is not taken away, and no question moves under a finger. */
function busy() {
  const filled = [...live().querySelectorAll("input:not([type=hidden])")].some((field) => field.value !== "");
  return filled || live().querySelector(".ask[open]") !== null || document.hidden;
}

async function refresh() {
  if (asking || !live()?.dataset.live || busy()) return;
  asking = true;
  try {
    const newer = await ask("GET", live().dataset.address ?? location.pathname, { "Kido-Live": "1" });
    const stamp = newer.getElementById("live")?.dataset.stamp;
    if (stamp === undefined || stamp !== live().dataset.stamp) show(newer);
    stale(false);
  } catch {
    stale(true);
  } finally {
    asking = false;
  }
}

function stale(yes) {
  const notice = document.getElementById("stale");
  if (notice) notice.hidden = !yes;
}

/** Makes usable what needs a script. */
function arm() {
  for (const button of document.querySelectorAll("[data-copy], [data-print]")) button.hidden = false;
  for (const button of document.querySelectorAll("[data-read] button")) button.disabled = false;
  clearInterval(timer);
  const every = Number(live()?.dataset.live);
  if (every) timer = setInterval(refresh, every);
}

async function send(step, headers, body) {
  const { import: home, form } = live().dataset;
  document.getElementById("failed").hidden = true;
  show(await ask("POST", `${home}/${step}`, { "Kido-Form": form, ...headers }, body));
}

async function read(form) {
  const [file] = form.elements.file.files;
  if (!file) return;
  const fits = file.size <= Number(form.dataset.most);
  document.getElementById("too-large").hidden = fits;
  if (!fits) {
    // What was said of an earlier file is not said of this one.
    live().querySelector("[role=alert]")?.remove();
    return;
  }
  form.querySelector("button").disabled = true;
  const reserved = form.elements.reserved.checked ? "?reserved=true" : "";
  await send(`read${reserved}`, { "Content-Type": "text/csv" }, file);
}

/** One step after the other of this import and no other, each answered with where it stands. */
async function goOn() {
  const { held } = live().dataset;
  do {
    await send(`next?import=${held}`);
  } while (live()?.dataset.held === held && live().querySelector("[data-go-on]"));
}

function source(button) {
  return document.getElementById(button.dataset.copy);
}

/** Copies, and says so; where that is forbidden, the text is selected for a hand that copies. */
async function copy(button) {
  await navigator.clipboard.writeText(source(button).textContent);
  button.textContent = button.dataset.copied;
  const told = document.getElementById("said");
  if (told) told.textContent = button.dataset.copied;
}

function failed() {
  document.getElementById("failed").hidden = false;
  for (const button of document.querySelectorAll("[data-read] button, [data-next]")) button.disabled = false;
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-read]")) return;
  event.preventDefault();
  read(event.target).catch(failed);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("next" in button.dataset) {
    button.disabled = true;
    goOn().catch(failed);
  }
  if (button.dataset.copy) copy(button).catch(() => getSelection().selectAllChildren(source(button)));
  if ("print" in button.dataset) print();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-save]")) return;
  // Saved: the next step is the first thing now.
  event.target.closest("[data-save]").classList.remove("first");
  document.querySelector("[data-after-save]")?.classList.add("first");
});

document.addEventListener("visibilitychange", refresh);
arm();
