"use strict";
// The controls make a state; the state is sent to the model and what comes back is drawn. One request is under way at a time,
// and what changed meanwhile is sent when it is back, so a slider never queues up work.

const MULTIPLES = ["substitution", "research", "capacity", "military"];
const DEFAULTS = { cut: null, horizon: null, years: 5, substitution: 1, research: 1, capacity: 1, military: 1 };
const LONGEST_LINK = 4000, MOST_PINS = 4;
const $ = (id) => document.getElementById(id);
const controls = $("controls");

const FIRST = { scenario: "china-2010-quota", regime: "directed_with_spillovers", ...DEFAULTS, region: "", sector: "" };
let state = { ...FIRST };
let shown = null;       // the last answer that was solved
let pins = [];          // [{state, answer}]
let pending = false, again = false;

// State and address

const TEXTS = ["scenario", "regime", "horizon", "region", "sector"], NUMBERS = ["years", "cut", ...MULTIPLES];

function toQuery(one) {
  const query = new URLSearchParams();
  for (const key of [...TEXTS, ...NUMBERS]) {
    if (one[key] !== null && one[key] !== "" && one[key] !== DEFAULTS[key]) query.set(key, one[key]);
  }
  return query.toString();
}

function fromQuery(text) {
  const query = new URLSearchParams(text), found = {};
  for (const key of TEXTS) if (query.has(key)) found[key] = query.get(key);
  for (const key of NUMBERS) {
    if (!query.has(key)) continue;
    const text = query.get(key), number = Number(text);
    found[key] = text.trim() && Number.isFinite(number) ? number : text;  // what is no number is refused as it stands
  }
  return found;
}

function address() {
  const query = new URLSearchParams(toQuery(state));
  for (const pin of pins) query.append("pin", toQuery(pin.state));
  return `#${query}`;
}

// Asking

async function ask(one) {
  const response = await fetch("/solve", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(one),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.problems.join("\n"));
  return answer;
}

async function solve() {
  if (pending) { again = true; return; }
  pending = true;
  $("results").setAttribute("aria-busy", "true");
  do {
    again = false;
    const asked = { ...state }, began = performance.now();
    try {
      show(await ask(asked), asked, began);
    } catch (error) {
      refuse(error instanceof TypeError ? "The explorer does not answer. Is python run.py explore still running?" : error.message);
    }
  } while (again);
  pending = false;
  $("results").setAttribute("aria-busy", "false");
  history.replaceState(null, "", address());
}

function refuse(text) {
  $("problem").replaceChildren(...text.split("\n").map((line) => element("p", {}, line)));
  $("problem").hidden = false;
  for (const section of document.querySelectorAll("#results section")) section.classList.add("stale");
  $("status").textContent = "Not solved; below is the last picture that was.";
}

// Showing

function show(answer, asked, began) {
  fillControls(answer.controls, answer.cut);
  $("question").textContent = answer.controls.question;
  $("yaml").textContent = answer.yaml;
  if (!answer.solved) { refuse(answer.message); return; }
  const { region, sector } = answer.controls.state;
  shown = { state: { ...asked, region, sector }, answer };  // not the controls: they may have moved on
  $("problem").hidden = true;
  for (const stale of document.querySelectorAll(".stale")) stale.classList.remove("stale");
  draw(answer);
  const took = Math.round(performance.now() - began);
  document.documentElement.dataset.milliseconds = took;
  const prices = answer.headline[0];
  $("status").textContent = `${prices.label} ${prices.text} ${prices.unit}. ${answer.message}; solved and drawn in ${took} ms.`;
}

function draw(answer) {
  const region = textOf("region"), sector = textOf("sector");
  tiles($("headline"), answer.headline);
  $("h-sector").textContent = `${region}: ${sector}`;
  tiles($("sector-facts"), answer.sector);
  if (!answer.sector.length) $("sector-facts").append(element("div", {}, element("dt", {}, "This sector has no output there.")));
  $("h-sectors").textContent = `Exports of ${region}`;
  $("h-dependence").textContent = `What ${region} buys from ${answer.who}`;
  const ghost = (pick) => pins.map((pin) => pick(pin.answer)).filter((value) => value !== undefined);
  chart("chart-prices", {
    title: `Prices of elements in ${answer.who} and abroad: ${answer.abroad}`, unit: "change in %",
    series: [{ id: "abroad", text: "abroad", class: "abroad", mark: "circle" }, { id: "home", text: `in ${answer.who}`, class: "home", mark: "square" }],
    rows: answer.prices.map((row) => ({
      label: `${row.label} (${row.symbol})`, values: { abroad: row.abroad, home: row.home },
      ghosts: { abroad: ghost((a) => find(a.prices, "symbol", row.symbol)?.abroad.value) },
    })),
  });
  chart("chart-income", {
    title: "Real income by region", unit: "equivalent variation, million USD a year", series: [signedBars("usd", "real income")],
    rows: answer.income.map((row) => ({
      label: row.label, chosen: row.id === controls.region.value, values: { usd: row.usd },
      ghosts: { usd: ghost((a) => find(a.income, "id", row.id)?.usd.value) },
    })),
  });
  const users = answer.sectors.filter((row) => !row.chain), chain = answer.sectors.filter((row) => row.chain);
  const most = [...users].sort((a, b) => Math.abs(b.exports.value) - Math.abs(a.exports.value)).slice(0, 10);
  const chosen = find(users, "id", controls.sector.value);
  if (chosen && !most.includes(chosen)) most.push(chosen);
  chart("chart-sectors", {
    title: `Export volumes of ${region}: the ten sectors that move most, and the chosen one; the rare-earth chain is below`, unit: "change in %",
    series: [signedBars("exports", "exports")],
    rows: most.map((row) => ({ label: row.label, chosen: row === chosen, values: { exports: row.exports } })),
  });
  $("chain").textContent = chain.map((row) => `${row.label} ${row.exports.text} %`).join(", ");
  chart("chart-research", answer.research.length ? {
    title: "Research and patents by what they improve", unit: "change in %",
    series: [{ id: "outside", text: `outside ${answer.who}`, class: "outside", mark: "bar" }, { id: "inside", text: `in ${answer.who}`, class: "inside", mark: "bar" }],
    rows: answer.research.map((row) => ({ label: row.label, values: { outside: row.outside, inside: row.inside } })),
  } : null, "Technology is as in the base year.");
  $("dependence").replaceChildren(answer.dependence.length
    ? element("div", { class: "scroll" }, table(`Share bought from ${answer.who}`, ["", "base year, %", "now, %"],
      answer.dependence.map((row) => [row.label, row.before, row.now])))
    : element("p", {}, "This region is the one that restricts."));
  $("calibration").textContent = `Calibration ${answer.calibration}.`;
  $("limits").replaceChildren(...answer.limits.map((limit) => element("li", {}, limit)));
  drawPins();
}

const find = (rows, key, value) => rows.find((row) => row[key] === value);
const signedBars = (id, text) => ({ id, text, class: (value) => (value < 0 ? "down" : "up"), mark: "bar" });

function chart(id, what, otherwise = "") {
  const open = $(id).querySelector("details")?.open;
  const width = Math.max(300, Math.min(560, $(id).clientWidth));
  $(id).replaceChildren(what ? rowsChart({ ...what, width }) : element("p", {}, otherwise));
  if (open) $(id).querySelector("details")?.setAttribute("open", "");
}

function tiles(list, figures) {
  list.replaceChildren(...figures.map((f) =>
    element("div", {}, element("dt", {}, f.label), element("dd", {}, f.text, " ", element("small", {}, f.unit)))));
}

// Controls

function fillControls(known, cut) {
  for (const [id, rows] of [["scenario", known.scenarios], ["regime", known.regimes], ["region", known.regions], ["sector", known.sectors]]) {
    const select = $(id), key = rows.map((row) => row.id).join();
    if (select.dataset.key !== key) {
      select.replaceChildren(...rows.map((row) => element("option", { value: row.id }, row.text)));
      select.dataset.key = key;
    }
    if (state[id] === "" || state[id] === known.state[id]) select.value = known.state[id];
  }
  if (!again) {
    state.region ||= known.state.region;
    state.sector ||= known.state.sector;
    controls.horizon.value = state.horizon ?? known.state.horizon;
    if (state.cut === null && cut !== undefined) controls.cut.value = cut;
  }
  fixed = state.cut === null ? cut ?? null : null;
  labels();
}

let fixed = null;       // the exact cut of the scenario's file, between two steps of the slider

function labels() {
  for (const id of ["years", ...MULTIPLES, "cut"]) {
    const input = $(id), text = input.dataset.times === undefined ? input.value : `× ${Number(input.value)}`;
    const said = id === "cut" ? `${fixed === null ? input.value : fixed.toFixed(1)} %${state.cut === null ? " (file)" : ""}` : text;
    controls.querySelector(`output[for=${id}]`).textContent = said;
    input.setAttribute("aria-valuetext", said);
  }
  $("years-row").hidden = controls.horizon.value !== "path";
  const settled = controls.horizon.value === "capacity";
  controls.capacity.disabled = settled;
  $("capacity-note").textContent = settled ? "Capacity finds its own level." : "A yearly cost of a fifth of its sales is counted, a judgement.";
}

const textOf = (id) => $(id).selectedOptions[0]?.textContent ?? "";

function place(one) {
  for (const id of ["years", ...MULTIPLES]) $(id).value = one[id];
  if (one.cut !== null) controls.cut.value = one.cut;
  for (const id of ["scenario", "regime", "region", "sector"]) if (one[id]) $(id).value = one[id];
  if (one.horizon) controls.horizon.value = one.horizon;
}

controls.addEventListener("input", ({ target }) => {
  const number = target.type === "range";
  if (target.id === "scenario") {
    state = { ...state, ...DEFAULTS, scenario: target.value };
    place(state);
  } else {
    state = { ...state, [target.id]: number ? Number(target.value) : target.value };
  }
  if (target.id === "cut") fixed = null;
  labels();
  solve();
});
controls.addEventListener("submit", (event) => event.preventDefault());

$("reset").addEventListener("click", () => {
  state = { ...state, ...DEFAULTS };
  place(state);
  solve();
});

// Pins, export, link

const say = (text) => { $("said").textContent = text; };

$("pin").addEventListener("click", () => {
  if (!shown) return;
  if (pins.length === MOST_PINS) { say(`At most ${MOST_PINS} can be pinned; unpin one first.`); return; }
  pins.push(shown);
  draw(shown.answer);
  history.replaceState(null, "", address());
  say(`Pinned as number ${pins.length}.`);
});

function described(one) {
  const named = { cut: "cut %", substitution: "substitution ×", research: "research ×", capacity: "capacity ×", military: "defence ×", horizon: "responds:" };
  const parts = [one.scenario, ($("regime").querySelector(`option[value=${one.regime}]`) || {}).textContent];
  for (const [key, text] of Object.entries(named)) if (one[key] !== null && one[key] !== DEFAULTS[key]) parts.push(`${text} ${one[key]}`);
  if (one.horizon === "path") parts.push(`${one.years} years later`);
  return parts.join("; ");
}

function drawPins() {
  $("pinned").hidden = !pins.length;
  if (!pins.length) return;
  const all = [shown, ...pins];
  const names = [...new Set(all.flatMap((one) => one.answer.headline.map((f) => f.label)))];
  const head = ["", "on screen", ...pins.map((_, at) => `pin ${at + 1}`)];
  const body = [["settings", ...all.map((one) => described(one.state))]];
  for (const name of names) {
    const unit = all.map((one) => find(one.answer.headline, "label", name)?.unit).find(Boolean);
    body.push([`${name}, ${unit}`, ...all.map((one) => find(one.answer.headline, "label", name)?.text ?? "–")]);
  }
  const made = table("Settings and results side by side", head, body);
  made.querySelector("tbody tr").className = "setting";
  const row = element("tr", {}, element("th", { scope: "row" }, ""), element("td", {}));
  pins.forEach((pin, at) => {
    const back = element("button", { type: "button" }, "Show"), off = element("button", { type: "button" }, "Unpin");
    back.setAttribute("aria-label", `Show pin ${at + 1}`);
    off.setAttribute("aria-label", `Unpin ${at + 1}`);
    back.addEventListener("click", () => { state = { ...pin.state }; place(state); solve(); });
    off.addEventListener("click", () => { pins.splice(at, 1); draw(shown.answer); history.replaceState(null, "", address()); $("pin").focus(); });
    row.append(element("td", {}, back, " ", off));
  });
  made.querySelector("tbody").append(row);
  made.id = "pins";
  $("pins").replaceWith(made);
}

$("export").addEventListener("click", () => {
  const name = /^name: (\S+)/m.exec($("yaml").textContent)?.[1] ?? "scenario";
  const link = element("a", { href: URL.createObjectURL(new Blob([$("yaml").textContent], { type: "text/yaml" })), download: `${name}.yaml` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  say(`Saved as ${name}.yaml; python run.py solve ${name}.yaml gives the same numbers.`);
});

$("link").addEventListener("click", async () => {
  const link = location.origin + location.pathname + address();
  try { await navigator.clipboard.writeText(link); say("The link is in the clipboard."); } catch { say(link); }
});

async function start() {
  const hash = location.hash.slice(1, LONGEST_LINK);
  state = { ...state, ...fromQuery(hash) };
  for (const query of new URLSearchParams(hash).getAll("pin").slice(0, MOST_PINS)) {
    const one = { ...state, ...DEFAULTS, ...fromQuery(query) };
    try {
      const answer = await ask(one);
      if (answer.solved) pins.push({ state: one, answer });
    } catch (error) {
      say(`A pin of the link was left out: ${error.message}`);
    }
  }
  place(state);
  await solve();
  if (!shown && !$("scenario").options.length) {  // nothing of the link can be used
    const why = $("problem").textContent;
    state = { ...FIRST };
    await solve();
    say(`The link was not understood: ${why}`);
  }
  place(state);
}

addEventListener("resize", () => { if (shown && !pending) draw(shown.answer); });
addEventListener("hashchange", () => { location.reload(); });
start();
