"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");

  function make(tag, text, className) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  // Values under the pointer.
  document.addEventListener("pointermove", function (event) {
    const mark = event.target.closest ? event.target.closest("[data-tip]") : null;
    const text = mark ? mark.getAttribute("data-tip") : "";
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(event.clientX + 12, window.innerWidth - box.width - 8)) + "px";
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, window.innerHeight - box.height - 8)) + "px";
  });
  document.addEventListener("keydown", function (event) { if (event.key === "Escape") tip.hidden = true; });

  // Cards of a region or an element, and its rows set off in the charts of its section.
  function show(select) {
    const run = data[select.closest("article").dataset.run];
    const card = run[select.dataset.cards][select.value];
    const table = make("table"), head = make("tr"), body = make("tbody");
    head.append(make("th", card.name));
    run.regimes.forEach(function (name) { head.append(make("th", name, "number")); });
    card.rows.forEach(function (row) {
      const line = make("tr");
      row.forEach(function (cell, at) {
        const element = make(at ? "td" : "th", cell, at ? "number" : "");
        if (!at) element.scope = "row";
        line.append(element);
      });
      body.append(line);
    });
    const top = make("thead");
    top.append(head);
    table.append(top, body);
    select.parentElement.querySelector(".card").replaceChildren(table);
    return select.value;
  }
  document.querySelectorAll("select[data-cards]").forEach(function (select) {
    show(select);
    select.addEventListener("change", function () {
      const chosen = show(select);
      select.closest("section").querySelectorAll(".chart [data-key]").forEach(function (mark) {
        mark.classList.toggle("faded", mark.dataset.key !== chosen);
      });
    });
  });

  // On paper everything is open but what is too long for it.
  let closed = [];
  window.addEventListener("beforeprint", function () {
    closed = Array.from(document.querySelectorAll("details:not([open]):not([data-screen])"));
    closed.forEach(function (one) { one.open = true; });
  });
  window.addEventListener("afterprint", function () { closed.forEach(function (one) { one.open = false; }); });
})();
