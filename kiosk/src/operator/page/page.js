// The officer's page. It shows what the lane says and sends orders; it decides nothing and keeps nothing.

const HOLD = 600; // milliseconds that a button is held: a scanner that types like a keyboard cannot do that
const SETTLE = 700; // milliseconds in which a visit that has just come takes no order: the last press was for another
const SILENT = 5000; // milliseconds without news after which the page says so
const FORGOTTEN = 30000; // milliseconds without news after which nobody's claims stay on the page
const AGAIN = 2000; // milliseconds before the page asks once more
const ACTIVE = 60000; // milliseconds between two signs that somebody is here

const $ = (id) => document.getElementById(id);
let words = null; // of the language in use
let token = null; // of the session
let source = null; // of the news
let status = null; // the last news
let heard = 0; // when the lane's clock last moved
let connected = false;
let acted = 0;
const visits = new Map(); // the cards, by row

const word = (key) => words.page[key] ?? key;
const fill = (key, n) => word(key).replace("{n}", n);
const reason = (code) => words.reasons[code] ?? { sentence: code, action: "" };
const time = (text) => Date.parse(text) / 1000;
const now = () => time(status.at) + (performance.now() - heard) / 1000;

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  const { className, text, ...attributes } = properties;
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function shape(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#shape-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

const tag = (look, text) => {
  const [figure, tone] = look;
  const element = make("span", { className: `tag ${tone}` });
  element.append(shape(figure), text);
  return element;
};

// 3 d 4 h, 4 h 5 min, 5 min, 6 s: the two largest units, and one where it is short.
function length(seconds) {
  seconds = Math.max(0, Math.floor(seconds));
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return fill("unit.s", 0);
  const shown = units.slice(first, first < 2 ? first + 2 : first + 1);
  const parts = [];
  for (const [unit, size] of shown) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0) parts.push(fill(`unit.${unit}`, count));
  }
  return parts.join(" ");
}

const when = (seconds) => (seconds >= now() ? fill("in", length(seconds - now())) : fill("ago", length(now() - seconds)));
const clock = (text) => new Date(text).toLocaleTimeString(words.language, { hour12: false });

// How everything looks: a figure and a tone. No two answers, ages, conditions or states share both with another of their kind,
// and what is not ready looks like nothing else.
const ANSWERS = { accepted: ["check", "green"], refused: ["cross", "red"], unanswered: ["question", "amber"] };
const AGES = { fresh: ["check", "green"], aging: ["hand", "amber"], stale: ["question", "amber"], dead: ["cross", "red"], ahead: ["question", "red"] };
const CONDITIONS = { unknown: ["dots", "slate"], absent: ["bar", "slate"], good: ["check", "green"], degraded: ["hand", "amber"], failed: ["cross", "red"] };
const STATES = {
  starting: ["dots", "slate busy"], idle: ["ring", ""], reading: ["dots", "busy"], verifying: ["dots", "busy"],
  capturing: ["dots", "busy"], deciding: ["dots", "busy"], "await-pass": ["arrow", "green"], declined: ["cross", "red"], "manual-check": ["hand", "amber"],
  "out-of-service": ["bar", "slate"],
};
const PASSAGES = { passed: ["check", "green"], "not-passed": ["hand", "amber"], held: ["hand", "amber"], forced: ["cross", "red"] };

// What the large field says of a state: figure and tone, headline, sentence, action, code.
function describe(status) {
  const state = status.state;
  const because = state.reason ? reason(state.reason) : { sentence: "", action: "" };
  const closed = state.name === "out-of-service";
  if (closed && state.closed_by) {
    return [["key", "slate"], word("state.closed").replace("{name}", state.closed_by), because.sentence, "", state.reason];
  }
  if (state.name === "passage") {
    return [PASSAGES[status.passage], word(`passage.${status.passage}`), "", "", ""];
  }
  if (status.trust.state === "not-ready") {
    return [["empty", "blank"], word("state.not-ready"), word("not-ready.action"), "", state.reason ?? ""];
  }
  if (state.name === "outcome") {
    return [ANSWERS[state.answer], word(`answer.${state.answer}`), because.sentence, because.action, state.reason];
  }
  if (state.name === "manual-check" && status.waiting.length > 0) {
    return [STATES[state.name], word("state.manual-check"), "", "", ""]; // the card says the rest
  }
  return [STATES[state.name], word(`state.${state.name}`), because.sentence, because.action, state.reason ?? ""];
}

function showState() {
  const [[figure, tone], headline, sentence, action, code] = describe(status);
  $("now").className = tone;
  $("shape").firstElementChild.setAttribute("href", `#shape-${figure}`);
  say($("state"), headline);
  say($("why"), sentence);
  say($("action"), action);
  say($("code"), code);
  $("passage").hidden = status.passage === null || status.state.name === "passage";
  say($("passage"), status.passage ? word(`passage.${status.passage}`) : "");
  say($("lane"), status.lane || word("title"));
  say($("purpose"), status.purpose ?? "");
  const closed = Boolean(status.state.closed_by);
  $("close").hidden = closed;
  // Whoever opens the lane again has looked at a gate that fell silent.
  $("reopen").hidden = !closed && status.state.reason !== "gate.failed";
}

// Changes a text only where it is another, so that a screen reader does not say it twice.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showVisits() {
  const rows = new Set(status.waiting.map((visit) => visit.row));
  for (const [row, card] of visits) {
    if (!rows.has(row)) {
      card.element.remove();
      visits.delete(row);
    }
  }
  for (const visit of status.waiting) {
    if (!visits.has(visit.row)) {
      const card = makeCard(visit);
      visits.set(visit.row, card);
      $("visits").append(card.element);
      chime();
    }
    showOrdered(visits.get(visit.row), visit.ordered);
  }
  $("nobody").hidden = status.waiting.length > 0;
  document.title = `${status.waiting.length > 0 ? `(${status.waiting.length}) ` : ""}${status.lane || word("title")}`;
}

// A visit takes one decision at a time; one that the lane could not carry out is given back.
function showOrdered(card, ordered) {
  if (card.taken === ordered) return;
  say(card.reply, ordered ? word("ordered") : word("given-back"));
  card.taken = card.ordered = ordered;
  choose(card, card.chosen);
}

function makeCard(visit) {
  const card = { row: visit.row, since: time(visit.since), came: performance.now(), ordered: false, taken: false, chosen: null };
  const because = reason(visit.reason);
  const claims = make("dl");
  for (const [name, value] of Object.entries(visit.claims)) {
    claims.append(make("dt", { text: word(`claim.${name}`) }), make("dd", { text: claim(name, value) }));
  }
  card.waited = make("span", { className: "small" });
  card.reply = make("p", { className: "reply", role: "status" });
  const why = make("p", { className: "small", text: word("queue.why") });
  card.buttons = { admit: holdButton(card, "admit"), refuse: holdButton(card, "refuse") };
  const choices = make("div", { className: "choices" }, reasons(card, "admit", 1), reasons(card, "refuse", 4));
  const head = make("h3", { text: because.sentence });
  const about = make("p", { text: because.action });
  const row = make("p", { className: "small" }, fill("queue.row", visit.row), " · ", card.waited, " ", make("code", { text: visit.reason }));
  card.element = make("article", { className: "visit", "aria-label": because.sentence }, head, about, row, claims, why, choices, card.reply);
  choose(card, null);
  return card;
}

function claim(name, value) {
  if (name === "sex") return word(`sex.${value}`);
  if (name === "dateOfBirth") return String(value).replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3");
  return String(value);
}

const REASONS = {
  admit: ["face-compared", "document-checked", "assisted"],
  refuse: ["not-the-holder", "document-doubtful", "no-document", "second-line", "left"],
};

function reasons(card, side, first) {
  const field = make("fieldset", {}, make("legend", { text: word(side === "admit" ? "queue.open" : "queue.shut") }));
  REASONS[side].forEach((code, place) => {
    const input = make("input", { type: "radio", name: `reason-${card.row}`, value: code, "data-side": side });
    input.addEventListener("change", () => choose(card, { side, code }));
    field.append(make("label", {}, input, make("span", { text: word(`override.${code}`) }), make("kbd", { text: first + place })));
  });
  field.append(card.buttons[side]);
  return field;
}

function choose(card, chosen) {
  card.chosen = chosen;
  for (const [side, button] of Object.entries(card.buttons)) {
    button.setAttribute("aria-disabled", String(card.ordered || chosen?.side !== side));
  }
}

// A button that does something only when it is held. The Enter key, which scanners press, does nothing.
function holdButton(card, side) {
  const text = word(side === "admit" ? "queue.admit" : "queue.refuse");
  const button = make("button", { type: "button", className: `hold ${side}`, text });
  let timer = null;
  const stop = () => {
    clearTimeout(timer);
    timer = null;
    button.classList.remove("holding");
  };
  const begin = () => {
    if (timer !== null || !ready(card, side)) return;
    button.classList.add("holding");
    timer = setTimeout(() => {
      stop();
      decide(card, side);
    }, HOLD);
  };
  button.addEventListener("pointerdown", (event) => event.button === 0 && begin());
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur", "contextmenu"]) button.addEventListener(end, stop);
  button.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") event.preventDefault();
    if (event.key === " " && !event.repeat) begin();
  });
  button.addEventListener("keyup", (event) => {
    if (event.key === " ") event.preventDefault();
    stop();
  });
  // A screen reader presses without a key and without a pointer.
  button.addEventListener("click", (event) => event.detail === 0 && decide(card, side));
  return button;
}

function ready(card, side) {
  if (card.ordered || $("desk").classList.contains("old")) return false;
  if (card.chosen?.side !== side) {
    say(card.reply, word("queue.choose"));
    return false;
  }
  return performance.now() - card.came > SETTLE;
}

async function decide(card, side) {
  if (!ready(card, side)) return;
  card.ordered = true;
  const order = { order: "decide", row: card.row, admit: side === "admit", reason: card.chosen.code };
  choose(card, card.chosen);
  const [taken, answer] = await send(order);
  if (taken) return;
  say(card.reply, answer);
  card.ordered = card.taken;
  choose(card, card.chosen);
}

function showDecisions() {
  $("no-decisions").hidden = status.decisions.length > 0;
  $("decisions").hidden = status.decisions.length === 0;
  const rows = status.decisions.map((decision) => {
    const officer = decision.officer === null ? "" : word(decision.officer ? "officer.admitted" : "officer.refused");
    return make("tr", {},
      make("td", { text: clock(decision.at) }),
      make("td", { text: decision.row }),
      make("td", {}, tag(ANSWERS[decision.answer], word(`answer.${decision.answer}`))),
      make("td", {}, reason(decision.reason).sentence, make("code", { text: decision.reason })),
      make("td", { text: `${decision.took} ms` }),
      make("td", { text: officer }));
  });
  $("decisions").tBodies[0].replaceChildren(...rows);
}

function showTrust() {
  const trust = status.trust;
  const said = { "not-ready": ["empty", "blank"], invalid: ["broken", "red"] }[trust.state];
  $("trust").hidden = said === undefined;
  if (said) {
    $("trust").className = `trust ${said[1]}`;
    $("trust").replaceChildren(tag(said, word(`lists.${trust.state}`)));
  }
  $("lists").replaceChildren(...(trust.lists ?? []).map((list) => make("li", {},
    make("div", { className: "head" }, make("strong", { text: word(`kind.${list.kind}`) }), tag(AGES[list.state], word(`age.${list.state}`))),
    make("code", { text: list.name }),
    ...["issued", "warn_at", "refuse_at"].filter((date) => list[date]).map((date) => make("div", { className: "small" },
      `${word({ issued: "list.signed", warn_at: "list.warn", refuse_at: "list.refuse" }[date])}: ${when(time(list[date]))}`)))));
}

function showParts() {
  $("parts").replaceChildren(...Object.entries(status.health).map(([name, part]) => make("li", {},
    make("div", { className: "head" }, make("strong", { text: word(`part.${name}`) }), tag(CONDITIONS[part.state], word(`condition.${part.state}`))),
    make("div", { className: "small", text: part.detail }))));
  say($("replay"), word(`replay.${status.replay}`));
  say($("rows"), fill("numbers.rows", status.journal_rows));
  say($("faces"), fill("numbers.faces", status.stored_faces));
  const test = status.self_test;
  $("tested").hidden = test === null;
  if (test) {
    const count = (state) => test.checks.filter((check) => check.state === state).length;
    const [failed, degraded] = [count("failed"), count("degraded")];
    const verdict = failed > 0 ? tag(CONDITIONS.failed, fill("test.failed", failed))
      : degraded > 0 ? tag(CONDITIONS.degraded, fill("test.degraded", degraded)) : tag(CONDITIONS.good, word("test.passed"));
    $("tested").firstElementChild.replaceChildren(verdict, ` ${clock(test.at)}`);
    $("tested").lastElementChild.replaceChildren(...test.checks.map((check) =>
      make("li", {}, tag(CONDITIONS[check.state], check.name), ` ${check.detail}`)));
  }
}

function show() {
  if (!status || !words) return;
  showState();
  showVisits();
  showDecisions();
  showTrust();
  showParts();
  tick();
}

// What changes by itself: ages, and whether the news is old.
function tick() {
  if (!status || !words || token === null) return;
  const silent = performance.now() - heard;
  const old = !connected || silent > SILENT;
  $("desk").classList.toggle("old", old);
  $("lost").hidden = !old;
  if (old) say($("lost"), fill(connected ? "silent" : "lost", length(silent / 1000)));
  if (silent > FORGOTTEN) forget();
  if (old) return;
  say($("since"), fill("since", length(now() - time(status.since))));
  for (const card of visits.values()) say(card.waited, fill("since", length(now() - card.since)));
}

function chime() {
  if (!$("chime").checked) return;
  const audio = new AudioContext();
  for (const [begin, pitch] of [[0, 660], [0.18, 880]]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.value = 0.15;
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + begin);
    tone.stop(audio.currentTime + begin + 0.14);
  }
  setTimeout(() => audio.close(), 1000);
}

async function post(path, body) {
  const headers = { "content-type": "application/json", "x-gatepass-token": token ?? "" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
}

// Sends an order; returns whether it was taken, and what to say.
async function send(order) {
  try {
    const answer = await post("/orders", order);
    if (answer.status === 202) return [true, word("sent")];
    if (answer.status === 401) close(word("login.ended"));
    return [false, word(answer.status === 409 ? "gone" : "unheard")];
  } catch {
    return [false, word("unheard")];
  }
}

// Asks once more before an order is sent. The way back has the focus, so that Enter and Escape change nothing.
function ask(what, order) {
  say($("sure-what"), word(what));
  say($("sure-why"), word(`${what}.why`));
  say($("sure-do"), word(what));
  $("sure-do").onclick = async () => {
    $("sure").close();
    say($("said"), (await send(order))[1]);
  };
  $("sure").showModal();
}

function follow() {
  source?.close();
  source = new EventSource("/events");
  source.addEventListener("open", () => {
    connected = true;
  });
  source.addEventListener("status", (event) => {
    const news = JSON.parse(event.data);
    connected = true;
    if (news.at !== status?.at) heard = performance.now();
    status = news;
    show();
  });
  source.addEventListener("ended", () => close(word("login.ended")));
  source.addEventListener("error", async () => {
    connected = false;
    tick();
    if (source.readyState === EventSource.CLOSED) setTimeout(() => token !== null && enter(word("login.ended")), AGAIN);
  });
}

// Forgets whose visits wait.
function forget() {
  for (const card of visits.values()) card.element.remove();
  visits.clear();
}

// Forgets everything that is of the lane, and shows the door.
function close(said) {
  source?.close();
  [source, token, status, connected] = [null, null, null, false];
  forget();
  $("desk").hidden = $("logout").hidden = $("chime-label").hidden = true;
  $("operator").textContent = "";
  document.title = "Gatepass";
  if ($("sure").open) $("sure").close();
  $("door").hidden = false;
  say($("login-said"), said);
  $("name").focus();
}

// Goes in if there is a session.
async function enter(said) {
  let answer;
  try {
    answer = await fetch("/session");
  } catch {
    setTimeout(() => enter(said), AGAIN);
    return;
  }
  if (answer.status === 401) {
    close(said);
    return;
  }
  // Whatever stands between the page and the lane says that the lane is away.
  if (!answer.ok) {
    setTimeout(() => enter(said), AGAIN);
    return;
  }
  const session = await answer.json();
  token = session.token;
  say($("operator"), session.name);
  $("door").hidden = true;
  $("desk").hidden = $("logout").hidden = $("chime-label").hidden = false;
  follow();
}

let waiting = null;
function wait(seconds) {
  clearInterval(waiting);
  const until = performance.now() + seconds * 1000;
  const count = () => {
    const left = Math.ceil((until - performance.now()) / 1000);
    $("login-button").disabled = left > 0;
    if (left > 0) say($("login-said"), fill("login.wait", length(left)));
    else {
      say($("login-said"), "");
      clearInterval(waiting);
    }
  };
  waiting = setInterval(count, 250);
  count();
}

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  if ($("login-button").disabled) return;
  const body = { name: $("name").value.trim(), pin: $("pin").value };
  $("pin").value = "";
  try {
    const answer = await post("/login", body);
    if (answer.status === 204) {
      say($("login-said"), "");
      await enter("");
      return;
    }
    if (answer.status !== 401 && answer.status !== 429) throw new Error(answer.status);
    const seconds = (await answer.json()).wait;
    if (seconds > 0) wait(seconds);
    else say($("login-said"), word("login.wrong"));
  } catch {
    say($("login-said"), word("login.failed"));
  }
  $("pin").focus();
});

$("logout").addEventListener("click", async () => {
  await post("/logout", {}).catch(() => {});
  close("");
});
$("close").addEventListener("click", () => ask("close", { order: "close" }));
$("reopen").addEventListener("click", () => ask("reopen", { order: "reopen" }));
$("self-test").addEventListener("click", async () => say($("said"), (await send({ order: "self-test" }))[1]));
$("sure-back").addEventListener("click", () => $("sure").close());

// A digit chooses a reason of the oldest visit, and brings the focus to its button; what is done is still to be held.
document.addEventListener("keydown", (event) => {
  const typing = ["INPUT", "SELECT"].includes(document.activeElement?.tagName) && document.activeElement.type !== "radio";
  if (typing || event.ctrlKey || event.altKey || event.metaKey || event.repeat || $("sure").open) return;
  const card = visits.values().next().value;
  const input = card?.element.querySelectorAll("input[type=radio]")[Number(event.key) - 1];
  if (!input || !/^[1-8]$/.test(event.key)) return;
  input.checked = true;
  choose(card, { side: input.dataset.side, code: input.value });
  card.buttons[input.dataset.side].focus();
});

// Whoever uses the page is here; whoever only looks is logged out after a while.
for (const sign of ["keydown", "pointerdown"]) {
  document.addEventListener(sign, async () => {
    if (token === null || performance.now() - acted < ACTIVE) return;
    acted = performance.now();
    const answer = await post("/active", {}).catch(() => null);
    if (answer?.status === 401) close(word("login.ended"));
  });
}

async function speak(language) {
  const answer = await fetch(`/words/${language}`);
  if (!answer.ok) return;
  words = await answer.json();
  document.documentElement.lang = words.language;
  $("language").value = words.language;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const card of visits.values()) card.element.remove();
  visits.clear();
  show();
}

$("language").addEventListener("change", () => {
  localStorage.setItem("language", $("language").value);
  speak($("language").value);
});

const known = ["en", "zh", "pt"];
const wanted = localStorage.getItem("language") ?? navigator.languages.find((tag) => known.includes(tag.slice(0, 2).toLowerCase())) ?? "en";
await speak(wanted);
if (!words) await speak("en");
await enter("");
setInterval(tick, 250);
