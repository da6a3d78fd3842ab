"use strict";
// Charts as inline SVG: rows of marks or bars around zero, with the numbers as a table below. Text goes in as text only.

const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function shape(name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

// Round numbers from low to high, about six of them.
function ticks(low, high) {
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high * (1 + 1e-9); at++) found.push(at * step);
  return found;
}

function tickText(value) {
  return Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(0) : String(+value.toPrecision(3));
}

const MARKS = {
  circle: (x, y, of) => shape("circle", { cx: x, cy: y, r: 5, class: of }),
  square: (x, y, of) => shape("rect", { x: x - 4.5, y: y - 4.5, width: 9, height: 9, class: of }),
  ghost: (x, y) => shape("path", { d: `M${x} ${y - 8}V${y + 8}`, class: "ghost" }),
};

function legend(series, ghosts) {
  const list = element("ul", { class: "legend" });
  const entries = series.length > 1 ? series.map((s) => [s.mark === "circle" ? "circle" : "square", s.class, s.text]) : [];
  if (ghosts) entries.push(["ghost", "", "pinned"]);
  for (const [mark, of, text] of entries) {
    const sign = shape("svg", { viewBox: "-7 -9 14 18", "aria-hidden": "true" });
    sign.append(MARKS[mark](0, 0, of));
    list.append(element("li", {}, sign, text));
  }
  return list;
}

// rows: [{label, chosen, values: {series: {value, text}}, ghosts: {series: [value]}}]; series: [{id, text, class, mark}], mark
// "circle" or "square" for marks, "bar" for bars; a bar's class may depend on its sign (`class` is then a function).
function rowsChart({ title, unit, rows, series, width }) {
  const left = 132, right = 66, band = series[0].mark === "bar" ? 11 * series.length + 9 : 22, top = 4;
  const height = top + rows.length * band + 34;
  const values = rows.flatMap((r) => series.flatMap((s) => [r.values[s.id].value, ...((r.ghosts || {})[s.id] || [])]));
  let low = Math.min(0, ...values), high = Math.max(0, ...values);
  if (low === high) [low, high] = [-1, 1];
  const pad = 0.04 * (high - low);
  [low, high] = [low < 0 ? low - pad : 0, high > 0 ? high + pad : 0];
  const inner = left + (low < 0 ? 44 : 6);
  const x = (value) => inner + ((value - low) / (high - low)) * (width - right - inner);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}; the numbers are in the table below` });
  for (const tick of ticks(low, high)) {
    svg.append(shape("path", { d: `M${x(tick)} ${top}V${height - 30}`, class: Math.abs(tick) < 1e-12 ? "zero" : "grid" }));
    svg.append(shape("text", { x: x(tick), y: height - 17, "text-anchor": "middle", class: "tick" }, tickText(tick)));
  }
  svg.append(shape("text", { x: (inner + width - right) / 2, y: height - 2, "text-anchor": "middle", class: "tick" }, unit));
  rows.forEach((row, at) => {
    const y = top + (at + 0.5) * band;
    svg.append(shape("text", { x: left - 6, y: y + 4, "text-anchor": "end", class: row.chosen ? "chosen" : "" }, shortened(row.label)));
    series.forEach((s, nth) => drawMark(svg, row, s, y, nth, series.length, x));
  });
  const ghosts = rows.some((r) => Object.values(r.ghosts || {}).some((list) => list.length));
  return element("figure", {}, element("figcaption", {}, title), legend(series, ghosts), svg, numbers(title, unit, rows, series));
}

function drawMark(svg, row, s, y, nth, count, x) {
  const { value, text } = row.values[s.id];
  const of = typeof s.class === "function" ? s.class(value) : s.class;
  const hover = shape("title", {}, `${row.label}, ${s.text}: ${text}`);
  if (s.mark !== "bar") {
    const mark = MARKS[s.mark](x(value), y, of);
    mark.append(hover);
    svg.append(mark);
    if (nth === 0) svg.append(label(x(value), y, 1, text));
  } else {
    const middle = y + (nth - (count - 1) / 2) * 12;
    const bar = shape("rect", { x: Math.min(x(0), x(value)), y: middle - 5, width: Math.abs(x(value) - x(0)), height: 10, class: of });
    bar.append(hover);
    svg.append(bar, label(x(value), middle, value < 0 ? -1 : 1, text));
    y = middle;
  }
  for (const ghost of (row.ghosts || {})[s.id] || []) svg.append(MARKS.ghost(x(ghost), y));
}

function label(x, y, side, text) {
  const far = 8 * side;
  return shape("text", { x: x + far, y: y + 4, "text-anchor": side < 0 ? "end" : "start", class: "value" }, text);
}

function shortened(text) {
  return text.length > 20 ? `${text.slice(0, 19)}…` : text;
}

function table(caption, head, body) {
  const made = element("table", {}, element("caption", { class: "skip" }, caption));
  made.append(element("thead", {}, element("tr", {}, ...head.map((h) => element("th", { scope: "col" }, h)))));
  const rows = body.map(([first, ...rest]) =>
    element("tr", {}, element("th", { scope: "row" }, first), ...rest.map((c) => element("td", {}, c))));
  made.append(element("tbody", {}, ...rows));
  return made;
}

function numbers(title, unit, rows, series) {
  const head = ["", ...series.map((s) => `${s.text}, ${unit}`)];
  const body = rows.map((row) => [row.label, ...series.map((s) => row.values[s.id].text)]);
  const scroll = element("div", { class: "scroll" }, table(title, head, body));
  return element("details", {}, element("summary", {}, "Numbers"), scroll);
}
