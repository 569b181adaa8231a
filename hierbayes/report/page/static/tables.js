"use strict";
// Heads of columns become buttons that sort the rows below; aria-sort says how they stand.  Tables
// and formulas that are wider than the page scroll by themselves.
(() => {
  const value = (row, k) => {
    const text = (row.cells[k]?.textContent ?? "").trim();
    const number = Number(text.replace(/^</, "").replace("−", "-"));
    return text === "" ? null : Number.isNaN(number) ? text : number;
  };
  const before = (a, b) => {
    if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
    return typeof a === "number" ? -1 : 1;
  };
  const sort = (table, k, head) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].map((row) => [value(row, k), row]);
    // Rows without a value stay last, whichever way the others stand.
    const full = rows.filter(([v]) => v !== null).sort(([a], [b]) => (up ? 1 : -1) * before(a, b));
    const empty = rows.filter(([v]) => v === null);
    for (const [, row] of [...full, ...empty]) table.tBodies[0].append(row);
  };
  // Columns of words stand to the left, their heads too.
  const align = (table) => {
    const rows = [...table.tBodies[0].rows];
    [...(table.tHead?.rows[table.tHead.rows.length - 1]?.cells ?? [])].forEach((head, k) => {
      const cells = rows.map((row) => row.cells[k]).filter((cell) => cell?.textContent.trim());
      const words = cells.length && cells.every((cell) => typeof value(cell.parentElement, k) === "string");
      if (words) for (const one of [head, ...cells]) one.classList.add("words");
    });
  };
  // What scrolls is reached by keyboard; what does not is no stop on the way.
  const reach = (one) => {
    const wide = one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
    if (wide) one.setAttribute("tabindex", "0"); else one.removeAttribute("tabindex");
  };
  const seen = new ResizeObserver((all) => { for (const {target} of all) reach(target); });
  for (const one of document.querySelectorAll(".scroll")) seen.observe(one);
  for (const table of document.querySelectorAll("table:not(.paper table)")) {
    for (const cell of table.querySelectorAll("td"))
      if (cell.textContent.length > 40) cell.classList.add("long");
    align(table);
    for (const head of table.querySelectorAll("thead th")) head.scope = "col";
    for (const label of table.querySelectorAll("tbody th")) label.scope = "row";
    const heads = table.tHead?.rows[table.tHead.rows.length - 1];
    if (!heads || table.tBodies[0].rows.length < 2) continue;
    [...heads.cells].forEach((head, k) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent || "name";
      button.addEventListener("click", () => sort(table, k, head));
      head.replaceChildren(button);
    });
  }
})();
