// What makes a table a cube of the round's template: the structure rules of docs/contracts/cube.md.
//
// A finding is { rule, severity, words, row, column, cell, facts }: `words` names its sentence and its remedy.

import { Unreadable } from "./unreadable.js";

export const MOST_FINDINGS = 50; // of one rule; the first few show what is wrong
export const SDMX_COLUMNS = ["STRUCTURE", "STRUCTURE_ID", "ACTION"];
const LARGEST_COUNT = Number.MAX_SAFE_INTEGER; // beyond it neighbours are one number here, and two to the vault
const LARGEST_AMOUNT = 1e18;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

export class Findings {
  constructor() {
    this.all = [];
    this.times = new Map();
  }

  add(rule, finding = {}) {
    const times = (this.times.get(rule) ?? 0) + 1;
    this.times.set(rule, times);
    if (times <= MOST_FINDINGS) this.all.push({ rule, severity: "error", words: rule, ...finding });
  }

  // How many there are of each rule beyond those that are listed.
  get more() {
    return [...this.times].flatMap(([rule, times]) => (times > MOST_FINDINGS ? [[rule, times - MOST_FINDINGS]] : []));
  }

  get hasErrors() {
    return this.all.some((finding) => finding.severity === "error");
  }
}

export function columnsOf(template) {
  const names = template.dimensions.map((dimension) => dimension.id);
  return [...names, "TIME_PERIOD", ...template.measures.map((measure) => measure.id), "OBS_STATUS", "CONF_STATUS"];
}

export const sizeOf = (template) => template.dimensions.reduce((product, dimension) => product * dimension.codes.length, 1);

// What a Parquet file says of itself, as [key, value] pairs; an empty value says nothing.
export function checkStated(stated, template, institution, findings) {
  const expected = { collection: template.id, version: template.version, period: template.period, institution };
  for (const [name, wanted] of Object.entries(expected)) {
    const isOther = ([key, value]) => key === `concord.${name}` && value !== "" && value !== wanted;
    const words = name === "period" ? "other-period" : `wrong-${name}`;
    if (stated.some(isOther)) findings.add(`wrong-${name}`, { words, facts: { [name]: wanted } });
  }
}

// { lines, places, values, withheld, added }, or null where the columns already are not a cube's.
//
// `lines` are the rows to be sent, `values` every measure over the whole lattice: 0 without a row, NaN where withheld.
export function cubeOf(table, template, findings) {
  const size = sizeOf(template);
  if (table.rows.length === 0) throw new Unreadable("empty");
  if (table.rows.length > size) throw new Unreadable("too-large");
  const at = columns(table.names, template, findings);
  if (at === null) return null;
  const cube = {
    lines: [],
    places: [],
    values: Object.fromEntries(template.measures.map((measure) => [measure.id, new Float64Array(size)])),
    withheld: new Uint8Array(size),
    added: at.added,
  };
  const seen = new Uint8Array(size);
  for (const row of table.rows) takeRow(row, at, template, cube, seen, findings);
  return cube;
}

// Where each column is. A file without period or statuses may leave them out: they follow from the round and the gaps.
function columns(names, template, findings) {
  const expected = columnsOf(template);
  const before = findings.all.length;
  const times = new Map(); // counted once: a file that is no table may have a hundred thousand names
  for (const name of names) times.set(name, (times.get(name) ?? 0) + 1);
  for (const [name, number] of times) {
    if (number > 1) findings.add("duplicate-column", { column: name });
    else if (![...expected, ...SDMX_COLUMNS].includes(name)) findings.add("unmapped-column", { column: name || "?" });
  }
  const lacks = (name) => !names.includes(name);
  const added = lacks("OBS_STATUS") && lacks("CONF_STATUS") ? ["OBS_STATUS", "CONF_STATUS"] : [];
  if (lacks("TIME_PERIOD")) added.push("TIME_PERIOD");
  for (const name of expected) if (lacks(name) && !added.includes(name)) findings.add("missing-column", { column: name });
  if (findings.all.length > before) return null;
  const place = Object.fromEntries([...expected, ...SDMX_COLUMNS].map((name) => [name, names.indexOf(name)]));
  return { place, added };
}

function takeRow(row, { place, added }, template, cube, seen, findings) {
  const read = (name) => (place[name] < 0 ? null : (row.cells[place[name]] ?? null));
  const report = (rule, more = {}) => findings.add(rule, { row: row.number, ...more });
  if (row.isRagged) return report("unreadable", { words: "ragged" });
  checkStatement(read, template, report);
  const codes = codesOf(read, template, report);
  if (!added.includes("TIME_PERIOD") && String(read("TIME_PERIOD") ?? "") !== template.period) {
    report("wrong-period", { column: "TIME_PERIOD", facts: { period: template.period } });
  }
  const isWithheld = statusOf(read, template, added.length > 1, report);
  if (codes === null || isWithheld === null) return;
  const index = codes.reduce((sum, code, axis) => sum * template.dimensions[axis].codes.length + code, 0);
  const cell = cellOf(index, template);
  if (seen[index]) return report("duplicate-cell", { cell });
  seen[index] = 1;
  cube.withheld[index] = isWithheld ? 1 : 0;
  const texts = template.measures.map((measure) => takeValue(measure, read(measure.id), index, isWithheld, template, cube,
    (rule, more) => report(rule, { cell, column: measure.id, ...more })));
  cube.places.push(index);
  cube.lines.push([...codes.map((code, axis) => template.dimensions[axis].codes[code].id), template.period, ...texts,
    ...(isWithheld ? ["Q", "C"] : ["A", "F"])]);
}

function checkStatement(read, template, report) {
  const stated = read("STRUCTURE_ID");
  if (stated !== null) {
    const [, id, version] = String(stated).match(/^(?:[^:]*:)?([^(]*)\(?([^)]*)\)?$/) ?? [];
    if (id !== template.id) report("wrong-collection", { column: "STRUCTURE_ID", facts: { collection: template.id } });
    else if (version !== template.version) report("wrong-version", { column: "STRUCTURE_ID", facts: { version: template.version } });
  }
  const action = read("ACTION");
  if (action !== null && !["I", "A", "R"].includes(action)) report("unreadable", { column: "ACTION", words: "wrong-action" });
}

function codesOf(read, template, report) {
  const codes = template.dimensions.map((dimension) => {
    const text = read(dimension.id);
    if (text === null) report("missing-code", { column: dimension.id });
    else if (!dimension.index.has(String(text).trim())) report("unknown-code", { column: dimension.id });
    else return dimension.index.get(String(text).trim());
    return -1;
  });
  return codes.includes(-1) ? null : codes;
}

// true: withheld, false: published, null: neither. Without statuses a row without any value is withheld.
function statusOf(read, template, isAdded, report) {
  if (isAdded) return template.measures.every((measure) => read(measure.id) === null);
  const [observed, confidential] = [read("OBS_STATUS"), read("CONF_STATUS")];
  const isKnown = ["A", "Q"].includes(observed) && ["F", "C"].includes(confidential);
  if (!isKnown) report("unknown-status", { column: ["A", "Q"].includes(observed) ? "CONF_STATUS" : "OBS_STATUS" });
  else if ((observed === "Q") !== (confidential === "C")) report("status-disagrees", { column: "CONF_STATUS" });
  else return observed === "Q";
  return null;
}

// The value as it will be sent: the digits of the file, and nothing in a withheld cell.
function takeValue(measure, read, index, isWithheld, template, cube, report) {
  const text = typeof read === "string" ? read.trim() : read;
  if (isWithheld !== (text === null)) report("status-disagrees");
  if (isWithheld || text === null) {
    cube.values[measure.id][index] = NaN;
    return "";
  }
  if (typeof text === "string" && !NUMBER.test(text)) {
    report(/^[+-]?(nan|inf(inity)?)$/i.test(text) ? "not-finite" : "wrong-type");
    cube.values[measure.id][index] = NaN;
    return "";
  }
  const value = Number(text);
  if (!Number.isFinite(value)) report("not-finite");
  else if (Math.abs(value) > (measure.type === "count" ? LARGEST_COUNT : LARGEST_AMOUNT)) report("out-of-range");
  else if (measure.type === "count" && !Number.isInteger(value)) report("not-whole");
  else if (measure.type === "count" && value < 0 && template.protection.method !== "noise") report("negative-count");
  cube.values[measure.id][index] = value;
  return String(text);
}

export function cellOf(index, template) {
  const codes = {};
  for (let axis = template.dimensions.length - 1, rest = index; axis >= 0; axis -= 1) {
    const { id, codes: list } = template.dimensions[axis];
    codes[id] = list[rest % list.length].id;
    rest = Math.floor(rest / list.length);
  }
  return Object.fromEntries(template.dimensions.map((dimension) => [dimension.id, codes[dimension.id]]));
}

// SDMX-CSV 2.0 of the checked rows and of nothing else that the file held.
export function sdmxCsv(cube, template) {
  const start = `dataflow,CONCORD:${template.id}(${template.version}),I`;
  const lines = cube.lines.map((line) => `${start},${line.join(",")}`);
  return [`${SDMX_COLUMNS.join()},${columnsOf(template).join()}`, ...lines, ""].join("\n");
}
