// Draws whatever moment the card helper is at. It knows no scene by name and keeps nothing.

const part = (id) => document.getElementById(id);
const word = (name) => part("words").content.querySelector(`[data-word="${name}"]`).textContent;
const drawn = part("drawn").content;
const language = document.documentElement.lang;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function post(path, body) {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    cache: "no-store",
  });
}

// ---- what is shown ----

let shown = 0;
let over = false;
let answered = 0;

function show(view) {
  const held = part("main").contains(document.activeElement) ? document.activeElement : null;
  shown = view.number;
  over = view.over;
  document.title = `${view.heading} · Kido 木戸`;
  part("rehearsal").hidden = !view.rehearsal;
  part("moment").dataset.tone = view.tone;
  part("moment").dataset.scene = view.scene;
  part("moment").setAttribute("aria-busy", String(view.busy));
  part("heading").textContent = view.heading;
  part("lines").replaceChildren(...view.lines.map((text) => element("p", { textContent: text })));
  part("weighty").replaceChildren(...view.weighty.map((text) => element("p", { textContent: text })));
  part("weighty").hidden = view.weighty.length === 0;
  part("notes").replaceChildren(...view.notes.map((text) => element("li", { textContent: text })));
  part("notes").hidden = view.notes.length === 0;
  part("ring").hidden = !view.busy;
  part("leave").hidden = !view.stops;
  part("stop").disabled = false;
  draw(view.picture, view.mark);
  walk(view.step);
  ask(view);
  tell(view.facts);
  keep(view.holder);
  part("detail").replaceChildren(...view.detail.map((text) => element("p", { textContent: text })));
  part("more").hidden = view.detail.length === 0;
  const field = part("form").querySelector("input");
  if (field) field.focus();
  // A button that is gone takes the focus with it: the sentence gets it, and is read.
  else if (held && held.getClientRects().length === 0) part("heading").focus();
}

function draw(base, mark) {
  const picture = drawn.querySelector(`[data-base="${base}"]`)?.cloneNode(true);
  if (!picture) return part("picture").replaceChildren();
  const about = mark && drawn.querySelector(`[data-mark="${mark}"]`);
  if (about) picture.append(...about.cloneNode(true).childNodes);
  part("picture").replaceChildren(picture);
}

function walk(step) {
  part("way").hidden = false;
  let past = true;
  for (const item of part("way").children) {
    const current = item.dataset.step === step;
    if (current) past = false;
    item.classList.toggle("past", past);
    if (current) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
}

function tell(groups) {
  const lists = groups.map((facts) =>
    element("dl", { className: "facts" }, ...facts.flatMap((fact) => [
      element("dt", { textContent: fact.name }),
      element("dd", { textContent: fact.value }),
    ])));
  part("facts").replaceChildren(...lists);
  part("about").hidden = groups.length === 0;
}

function keep(holder) {
  part("holder").hidden = !holder;
  part("copied").textContent = "";
  part("holder-link").textContent = holder ? holder.link : "";
  part("holder-keep").textContent = holder ? holder.keep : "";
  if (holder) part("holder-picture").src = `holder.svg?moment=${shown}`;
  else part("holder-picture").removeAttribute("src");
}

// ---- what is asked ----

function ask(view) {
  const form = part("form");
  // What is to be kept comes before the button that says that it is.
  part(view.holder ? "holder" : "moment").append(form);
  form.hidden = !view.form;
  if (!view.form) return form.replaceChildren();
  const { field, buttons } = view.form;
  const children = [];
  if (field) children.push(fieldOf(field));
  for (const button of buttons) {
    const made = element("button", { type: "submit", textContent: button.text });
    // Where there is a choice, none of the buttons is the one to press.
    if (buttons.length === 1) made.className = "first";
    if (button.value !== null) made.value = button.value;
    children.push(made);
  }
  form.replaceChildren(...children);
}

function fieldOf(field) {
  const pin = field.kind === "pin";
  const help = element("p", { className: "help", id: "field-help", textContent: field.help });
  const input = element("input", {
    id: "field",
    name: "field",
    type: pin ? "password" : "text",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: false,
  });
  input.setAttribute("aria-describedby", "field-help field-problem");
  if (pin) {
    input.inputMode = "numeric";
    input.maxLength = 4;
    // Password managers are asked to look away: these digits belong to a card, not to a site.
    input.setAttribute("data-1p-ignore", "");
    input.setAttribute("data-lpignore", "true");
  }
  const label = element("label", { htmlFor: "field", textContent: field.label });
  const problem = element("p", { id: "field-problem" });
  problem.setAttribute("role", "alert");
  return element("div", { className: pin ? "field digits" : "field" }, label, input, help, problem);
}

part("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const field = form.querySelector("input");
  let answer = event.submitter?.value || field?.value || "";
  if (field?.type === "password" && !/^[0-9０-９]{4}$/.test(answer)) {
    field.value = "";
    field.setAttribute("aria-invalid", "true");
    form.querySelector("#field-problem").textContent = word("four");
    field.focus();
    return;
  }
  // Digits of a Japanese keyboard are the same digits.
  if (field?.type === "password") answer = answer.normalize("NFKC");
  if (field) field.value = "";
  // Once for each moment; the button stays enabled, since a disabled one loses the focus.
  if (answered === shown) return;
  answered = shown;
  const moment = shown;
  try {
    const taken = await post("answer", { moment, answer });
    answer = "";
    if (!taken.ok && taken.status !== 409) end("lost");
  } catch {
    end("lost");
  }
});

part("stop").addEventListener("click", async () => {
  part("stop").disabled = true;
  try {
    await post("stop", {});
  } catch {
    end("lost");
  }
});

part("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(part("holder-link").textContent);
    part("copied").textContent = word("copied");
  } catch {
    part("copied").textContent = word("not-copied");
  }
});

part("print").addEventListener("click", () => window.print());

// ---- the way to the helper ----

function end(why) {
  if (over) return;
  over = true;
  // What the person may not have kept yet stays where it is.
  if (!part("holder").hidden) {
    part("form").hidden = true;
    return;
  }
  show({
    number: shown, scene: why, step: "ticket", picture: "computer", mark: why === "taken" ? "shield" : "stopped",
    tone: "elsewhere", heading: word(why), lines: [word(`${why}-next`)], weighty: [], notes: [], facts: [], form: null,
    holder: null, detail: [], rehearsal: false, busy: false, stops: false, over: true,
  });
}

async function follow() {
  while (!over) {
    let newer;
    try {
      newer = await fetch(`view?after=${shown}&lang=${language}`, { cache: "no-store" });
    } catch {
      return end("lost");
    }
    if (newer.status === 200) show(await newer.json());
    else if (newer.status === 401) return end("taken");
    else if (newer.status !== 204) return end("lost");
  }
}

async function enter() {
  const secret = location.hash.slice(1);
  if (secret && secret !== "main") {
    // Used up with the next request; it stands in no history.
    history.replaceState(null, "", location.pathname + location.search);
    try {
      const entered = await post("enter", { secret });
      if (!entered.ok) return end("taken");
    } catch {
      return end("lost");
    }
  }
  await follow();
}

enter();
