// The console's own behaviour: clocks that count, parts that are replaced in place, keys, charts under the cursor.
// Every page works without it; nothing here holds state that a reload would lose.

const page = document.documentElement;
const serverAhead = Number(page.dataset.now) * 1000 - Date.now();
const now = () => (Date.now() + serverAhead) / 1000;

// --- clocks ----------------------------------------------------------------------------------------------------------

function clock(seconds) {
  const whole = seconds >= 0 ? Math.floor(seconds) : Math.ceil(-seconds);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const text = hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  return seconds < 0 && whole ? `-${text}` : text;
}

function tick() {
  const moment = now();
  for (const element of document.querySelectorAll("[data-due]")) {
    const left = Number(element.dataset.due) - moment;
    element.textContent = clock(Math.max(0, left));
    const whole = Number(element.dataset.whole);
    const holder = element.closest(".clock");
    if (holder && whole) {
      holder.classList.toggle("risk", left > 0 && left < whole / 4);
      holder.classList.toggle("missed", left <= 0);
      holder.querySelector(".done")?.setAttribute("width", String(Math.min(1, Math.max(0, 1 - left / whole)) * 200));
    }
  }
  for (const element of document.querySelectorAll("[data-since]")) {
    element.textContent = clock(Math.max(0, moment - Number(element.dataset.since)));
  }
  for (const element of document.querySelectorAll("[data-clock]")) {
    element.textContent = `${new Date(moment * 1000).toISOString().slice(11, 19)} UTC`;
  }
}

setInterval(tick, 1000);

// --- parts in place: an htmx swap that changes only what differs --------------------------------------------------------

const KEPT = new Set(["open", "value", "checked"]);

function attributes(from, to) {
  for (const { name, value } of [...to.attributes]) {
    if (name !== "hx-swap-oob" && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !KEPT.has(name)) from.removeAttribute(name);
  }
}

function alike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");
}

function morph(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  attributes(from, to);
  if (from.matches("input, textarea, select")) return;
  let here = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    let match = here;
    if (wanted.id) {
      while (match && !alike(match, wanted)) match = match.nextSibling;
    }
    if (match && alike(match, wanted)) {
      if (match !== here) from.insertBefore(match, here);
      else here = here.nextSibling;
      morph(match, wanted);
    } else {
      from.insertBefore(wanted, here);
    }
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

htmx.defineExtension("morph", {
  isInlineSwap: (style) => style === "morph",
  handleSwap: (style, target, fragment) => {
    if (style !== "morph") return false;
    morph(target, fragment.firstElementChild ?? fragment);
    return [target];
  },
});

// --- live: one stream of events says when to look; the server sends only the parts that changed -------------------------

const live = document.querySelector("[data-live]");
let changedAt = 0;

document.body.addEventListener("htmx:configRequest", (event) => {
  const held = [...document.querySelectorAll("[data-part]")];
  event.detail.headers["Stanch-Have"] = held.map((part) => `${part.id}=${part.dataset.part}`).join(" ");
  const newest = document.querySelector("#rows [data-seq]");
  if (newest) event.detail.headers["Stanch-After"] = newest.dataset.seq;
});

document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
  if (event.detail.target.id === "next") changedAt = Date.now();
  if (event.detail.target.id === "rows") {
    for (const row of event.detail.fragment.querySelectorAll("[data-seq]")) {
      if (document.getElementById(row.id)) row.remove();
    }
  }
});

document.body.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.target.matches?.("form[data-reset]")) event.target.reset();
  if (event.detail.successful && event.target.matches?.("details form")) event.target.closest("details").open = false;
});

document.body.addEventListener("htmx:sendError", () => say("The server does not answer. What you see may be old; nothing was sent."));

let soon = 0;
function refresh() {
  clearTimeout(soon);
  soon = setTimeout(() => htmx.trigger(live, "refresh"), 60);
}

function state(name) {
  const sign = document.querySelector(".live");
  if (!sign || sign.dataset.state === name) return;
  sign.dataset.state = name;
  sign.textContent = name === "on" ? "live" : "reconnecting";
}

let stream = null;
let last = live?.dataset.position;

function connect() {
  if (!live || stream) return;
  stream = new EventSource(`/api/events?after=${last}`);
  stream.onopen = () => state("on");
  stream.onerror = () => state("off");
  stream.addEventListener("timeline", (event) => {
    last = event.lastEventId;
    const incident = live.dataset.live;
    if (!incident || JSON.parse(event.data).incident_id === incident) refresh();
  });
}

function disconnect() {
  stream?.close();
  stream = null;
}

// A hidden page holds no connection (a browser has six to a server) and catches up when it is looked at again.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return disconnect();
  connect();
  if (live) refresh();
});
addEventListener("pagehide", disconnect);

if (live) {
  connect();
  setInterval(() => document.hidden || refresh(), Number(live.dataset.every) * 1000);
}

// --- what is said to people ------------------------------------------------------------------------------------------------

function say(text) {
  const place = document.getElementById("said");
  if (place) place.textContent = text;
}

// --- keys --------------------------------------------------------------------------------------------------------------

const keys = document.getElementById("keys");

const ACTIONS = {
  a: () => {
    const button = document.querySelector("[data-key='a']");
    if (!button) return say("Nothing waits for an approval.");
    if (Date.now() - changedAt < 1000) return say("This changed just now. Read it, then press A again.");
    button.focus();
    button.click();
  },
  e: () => go("#why"),
  t: () => go("#timeline"),
  s: () => go("#signals"),
  r: () => go("#runs"),
  m: () => document.querySelector("[data-key='m']")?.click(),
  n: () => document.querySelector("[data-key='n']")?.focus(),
  o: () => document.querySelector("[data-key='o']")?.click(),
  h: () => location.assign("/"),
  p: () => location.assign("/playbooks"),
  u: () => jump(),
  j: () => step(1),
  k: () => step(-1),
  "?": () => keys?.showModal(),
};

function go(selector) {
  const place = document.querySelector(selector);
  if (!place) return;
  place.scrollIntoView({ block: "start" });
  place.focus({ preventScroll: true });
}

function step(by) {
  const stops = [...document.querySelectorAll("[data-stop]")];
  if (!stops.length) return;
  const at = stops.indexOf(document.activeElement?.closest("[data-stop]"));
  const next = stops[at < 0 ? (by > 0 ? 0 : stops.length - 1) : Math.min(stops.length - 1, Math.max(0, at + by))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function jump() {
  const lines = [...document.querySelectorAll(".l:has(> .m.unread, > .m.care, > .m.wrong)")];
  if (!lines.length) return say("Every line was understood.");
  const at = lines.findIndex((line) => line.dataset.seen === "here");
  const next = lines[(at + 1) % lines.length];
  for (const line of lines) delete line.dataset.seen;
  next.dataset.seen = "here";
  const text = next.firstElementChild;
  text.scrollIntoView({ block: "center" });
  text.tabIndex = -1;
  text.focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const action = ACTIONS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  if (event.target.closest("[data-keys]")) keys?.showModal();
  if (event.target.closest("[data-jump]")) jump();
  const copy = event.target.closest("[data-copy]");
  if (copy) copied(copy);
});

// Where a page may not write to the clipboard (it does not come over TLS), the text is selected for the copy key.
async function copied(button) {
  const code = button.closest(".command")?.querySelector("code");
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    tell(button, "Copied");
  } catch {
    if (!code) return;
    getSelection().selectAllChildren(code);
    tell(button, "Selected: now press Ctrl+C");
  }
}

function tell(button, text) {
  const before = button.firstChild.nodeValue;
  say(`${text}.`);
  button.firstChild.nodeValue = text;
  setTimeout(() => (button.firstChild.nodeValue = before), 2000);
}

page.classList.add("script");

document.addEventListener("keydown", (event) => {
  if ((event.metaKey || event.ctrlKey) && event.key === "Enter" && event.target.matches("textarea")) {
    event.target.form?.requestSubmit();
  }
});

// --- charts: one moment, shown in all of them ------------------------------------------------------------------------------

function three(value) {
  if (value === 0) return "0";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

function said(value, unit) {
  if (value === null) return "no data";
  if (unit === "ratio") return `${three(value * 100)}%`;
  if (unit === "seconds") return Math.abs(value) >= 0.1 || value === 0 ? `${three(value)} s` : `${three(value * 1000)} ms`;
  if (unit === "per_second") return `${three(value)}/s`;
  if (unit === "bytes") {
    const power = value ? Math.min(5, Math.max(0, Math.floor(Math.log10(Math.abs(value)) / 3))) : 0;
    return `${three(value / 1000 ** power)} ${["B", "kB", "MB", "GB", "TB", "PB"][power]}`;
  }
  return three(value);
}

function points(chart) {
  return chart.dataset.points.split(" ").filter(Boolean).map((pair) => {
    const [at, value] = pair.split(",");
    return [Number(at), value === "" ? null : Number(value)];
  });
}

function nearest(list, moment) {
  let best = null;
  for (const point of list) if (!best || Math.abs(point[0] - moment) < Math.abs(best[0] - moment)) best = point;
  return best;
}

function show(charts, share) {
  for (const chart of charts) {
    const start = Number(chart.dataset.start);
    const end = Number(chart.dataset.end);
    const moment = start + share * (end - start);
    const point = nearest(points(chart), moment - start);
    const cursor = chart.querySelector(".cursor");
    cursor.hidden = false;
    cursor.style.left = `${share * 100}%`;
    const recent = point && Math.abs(point[0] + start - moment) < Math.max(15, (end - start) / 30);
    chart.querySelector("b").textContent = recent ? said(point[1], chart.dataset.unit) : "no data";
    chart.querySelector("[data-when]").textContent = `at ${new Date(moment * 1000).toISOString().slice(11, 19)}`;
  }
}

function hide(charts) {
  for (const chart of charts) {
    chart.querySelector(".cursor").hidden = true;
    chart.querySelector("b").textContent = chart.dataset.now;
    chart.querySelector("[data-when]").textContent = chart.dataset.caption;
  }
}

const family = (chart) => [...chart.closest(".charts").querySelectorAll(".chart")];

document.addEventListener("pointermove", (event) => {
  const area = event.target.closest?.(".chart .area");
  if (!area) return;
  const box = area.getBoundingClientRect();
  show(family(area), Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
});
document.addEventListener("pointerout", (event) => {
  const charts = event.target.closest?.(".charts");
  if (charts && !charts.contains(event.relatedTarget)) hide(charts.querySelectorAll(".chart"));
});
document.addEventListener("focusout", (event) => {
  if (event.target.matches?.(".chart")) hide(family(event.target));
});
document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.(".chart") || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
  event.preventDefault();
  const chart = event.target;
  const left = chart.querySelector(".cursor");
  const at = left.hidden ? 1 : parseFloat(left.style.left) / 100;
  const share = { ArrowLeft: at - 1 / 60, ArrowRight: at + 1 / 60, Home: 0, End: 1 }[event.key];
  show(family(chart), Math.min(1, Math.max(0, share)));
  say(`${chart.querySelector("b").textContent} ${chart.querySelector("[data-when]").textContent}`);
});
