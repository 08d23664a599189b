// What pages do beyond forms and links: keys, and telling at once what others do. All works without it.
"use strict";

const all = (what, where = document) => [...where.querySelectorAll(what)];
const one = (what, where = document) => where.querySelector(what);
const me = document.body.dataset.me;

// -- words at once ------------------------------------------------------------------------

const news = one("#news");
let silence;

function tell(words, href) {
  news.replaceChildren(words);
  if (href) {
    const link = Object.assign(document.createElement("a"), { href, textContent: "Show" });
    news.append(" ", link);
  }
  news.hidden = false;
  clearTimeout(silence);
  if (!href) silence = setTimeout(() => { news.hidden = true; }, 6000);
}

for (const place of all("[data-focus]")) place.focus();
for (const filters of all("[data-wide-open]")) filters.open = matchMedia("(min-width: 54rem)").matches;

// -- the time that is left to take a decision back -----------------------------------------

function count() {
  for (const place of all("[data-until]")) {
    const left = Math.ceil((new Date(place.dataset.until) - Date.now()) / 1000);
    place.textContent = left > 0 ? `${left} s` : "a moment";
    if (left <= 0) {
      const button = one("button[value=undo]", place.closest(".notice"));
      if (button) button.disabled = true;
    }
  }
}
if (one("[data-until]")) { count(); setInterval(count, 500); }

// -- keys ------------------------------------------------------------------------------------

const keys = one("#keys");
for (const button of all("[data-keys]")) {
  button.hidden = false;
  button.addEventListener("click", () => keys.showModal());
}

const items = () => all("[data-list] > li:not(.gone)");
let at = -1;

function step(by) {
  const there = items();
  if (!there.length) return false;
  at = Math.min(Math.max(at + by, 0), there.length - 1);
  all(".at").forEach((li) => li.classList.remove("at"));
  there[at].classList.add("at");
  one("a.open", there[at]).focus({ preventScroll: true });
  there[at].scrollIntoView({ block: "nearest" });
  return true;
}

const here = () => items()[at];
const onList = {
  j: () => step(1),
  k: () => step(-1),
  x: () => { const tick = here() && one(".tick", here()); if (tick) tick.click(); return tick; },
  a: () => open("a"),
  e: () => open("e"),
  r: () => open("r"),
};

function open(key) {
  const link = here() && one("a.open[href^='/reviews/']", here());
  if (link) location.assign(`${link.getAttribute("href")}#key-${key}`);
  return link;
}

function press(key) {
  const place = all("[data-key]").find((some) => some.dataset.key === key && !some.disabled);
  if (!place) return false;
  if (place.matches("details")) {
    for (const other of all("details.verb")) if (other !== place) other.open = false;
    place.open = !place.open;
    const first = one("textarea, input:not([type=hidden]), select", place);
    if (place.open && first) first.focus();
  } else if (place.matches("[data-confirm]")) {
    place.focus(); // of high risk: Enter says it once more
  } else {
    place.click();
  }
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || keys.open) return;
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  let done = false;
  if (event.key === "?") { keys.showModal(); done = true; }
  else if (event.key === "/" && one("[data-search]")) { one("[data-search]").focus(); done = true; }
  else if (one("[data-list]") && onList[event.key]) done = onList[event.key]();
  else done = press(event.key);
  if (done) event.preventDefault();
});
if (location.hash.startsWith("#key-")) {
  const key = location.hash.slice(5);
  history.replaceState(null, "", location.pathname + location.search);
  if (key === "a") { const yes = one("[data-key=a]"); if (yes) yes.focus(); } else press(key);
}
for (const verb of all("details.verb")) {
  verb.addEventListener("toggle", () => {
    if (verb.open) all("details.verb").forEach((other) => { if (other !== verb) other.open = false; });
  });
}

// -- several at once: of one kind --------------------------------------------------------------

function ticked() {
  const ticks = all(".tick"), kind = (tick) => tick.closest("li").dataset.kind;
  const first = ticks.find((tick) => tick.checked);
  for (const tick of ticks) tick.disabled = Boolean(first) && kind(tick) !== kind(first);
  const many = ticks.filter((tick) => tick.checked).length;
  const button = one("[data-bulk]");
  if (button) {
    button.disabled = !many;
    button.textContent = many ? `Approve ${many}` : "Approve the ticked";
  }
}
for (const tick of all(".tick")) tick.addEventListener("change", ticked);
if (one("[data-bulk]")) ticked();

// -- what others do ----------------------------------------------------------------------------

const DECIDED = ["review_held", "review_decided", "review_expired"];
const KINDS = [...DECIDED, "review_opened", "review_undone", "review_claimed", "review_released",
  "review_escalated", "review_approved", "case_ended"];

function happened(kind, data) {
  const id = data.data.review_id, by = data.data.by || "somebody", verb = data.data.type || "";
  const row = id && one(`[data-list] [data-review="${CSS.escape(id)}"]`);
  const page = id && one(`article[data-review="${CSS.escape(id)}"]`);
  const whole = one(`article[data-case="${CSS.escape(data.case_id)}"]`);
  if (whole) return tellHere(whole, "Something happened to this case.");
  if (page && by !== me && page.dataset.status === "open") {
    const words = { review_claimed: `${by} is looking at it.`, review_released: "Nobody is looking at it now.",
      review_approved: `${by} approved it.`, review_escalated: `${by} handed it on.` };
    if (DECIDED.includes(kind)) {
      const decide = one(".decide", page);
      if (decide) decide.hidden = true;
      tellHere(page, `${by} decided first: ${verb || "declined"}.`);
    } else if (words[kind]) tellHere(page, words[kind]);
  }
  if (!one("[data-list]") || !one("[data-waiting]")) return;
  if (row && DECIDED.includes(kind) && !row.classList.contains("gone")) {
    row.classList.add("gone");
    one(".times", row).replaceChildren(`${by}: ${verb || "declined"}`);
    const tick = one(".tick", row);
    if (tick) tick.remove();
    one("[data-waiting]").textContent = Math.max(0, Number(one("[data-waiting]").textContent) - 1);
    tell(`${by} decided: ${verb || "declined"}`);
  } else if (row && kind === "review_claimed") {
    tell(`${by} is looking at ${one(".title", row).textContent}`);
  } else if (kind === "review_opened" || kind === "review_undone") {
    tell("There is a new review.", location.href);
  }
}

function tellHere(where, words) {
  const place = one("[data-live]", where);
  const link = Object.assign(document.createElement("a"), { href: location.pathname, textContent: "Show" });
  const text = Object.assign(document.createElement("p"), { textContent: `${words} ` });
  text.append(link);
  place.replaceChildren(text);
  place.hidden = false;
}

if (one("[data-list], article.one")) {
  const stream = new EventSource(`/api/events?${KINDS.map((kind) => `kind=${kind}`).join("&")}`);
  for (const kind of KINDS) {
    stream.addEventListener(kind, (event) => {
      let data;
      try { data = JSON.parse(event.data); } catch { return; }
      happened(kind, data);
    });
  }
  addEventListener("pagehide", () => stream.close());
}
