// Findings and totals as parts of the page. Everything is set as text, never as markup.

import { Unreadable } from "./unreadable.js";

// A function from a sentence's name and its facts to the sentence.
export function worded(words) {
  return (name, given = {}) => {
    if (!(name in words)) throw new Unreadable(name);
    return words[name].replace(/\{(\w+)\}/g, (_, fact) => String(given[fact] ?? ""));
  };
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

export function showFindings(box, findings, say) {
  const rows = findings.all.map((finding) =>
    line(where(finding, say), finding.column ?? "", finding, say(finding.words, finding.facts), say));
  for (const [rule, number] of findings.more) {
    const { severity } = findings.all.find((finding) => finding.rule === rule);
    rows.push(line("…", "", { rule, severity }, say("more", { number }), say));
  }
  box.querySelector("tbody").replaceChildren(...rows);
  box.hidden = rows.length === 0;
}

function line(place, column, { rule, severity }, sentence, say) {
  const row = document.createElement("tr");
  const named = element("td", "");
  const badge = element("span", say(severity), `badge badge--${severity === "error" ? "bad" : "warn"}`);
  named.append(badge, " ", element("span", rule, "mono"));
  row.append(element("td", place), element("td", column, "mono"), named, element("td", sentence));
  return row;
}

function where({ row, cell }, say) {
  const codes = cell && Object.entries(cell).filter(([, code]) => code !== "_T").map(([name, code]) => `${name} ${code}`);
  const named = codes && (codes.join(", ") || say("grand-total"));
  return [row && say("row", { row }), named].filter(Boolean).join(" · ") || "–";
}

// The grand total is the first cell of the lattice.
export function showTotals(list, cube, template, language) {
  const lines = template.measures.map((measure) => {
    const value = cube?.values[measure.id][0];
    const pair = document.createElement("div");
    const shown = value === undefined || Number.isNaN(value) ? "–" : `${value.toLocaleString(language)} ${measure.unit ?? ""}`;
    pair.append(element("dt", measure.name), element("dd", shown));
    return pair;
  });
  list.replaceChildren(...lines);
}
