// The first sheet of an Excel workbook as a table: texts, numbers, what formulas came to, and months typed as dates.

import { Unreadable } from "./unreadable.js";
import { openZip } from "./zip.js";

const DAY = 86_400_000;
const DATE_FORMATS = new Set([14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 55, 56, 57, 58]);

// { names, rows: [{ number, cells }] }; `number` is the row of the sheet, an empty cell is null.
export async function readXlsx(bytes) {
  const entry = openZip(bytes);
  const parts = async (name) => parsed(await entry(name));
  const workbook = await parts("xl/workbook.xml");
  const links = await parts("xl/_rels/workbook.xml.rels");
  if (!workbook || !links) throw new Unreadable("unreadable");
  const sheet = await parts(await firstSheet(workbook, links));
  if (!sheet) throw new Unreadable("unreadable");
  const book = {
    texts: all(await parts("xl/sharedStrings.xml"), "si").map(textOf),
    dates: dateStyles(await parts("xl/styles.xml")),
    epoch: all(workbook, "workbookPr")[0]?.getAttribute("date1904") === "1" ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, 30),
  };
  const rows = all(sheet, "row").map((row, index) => rowOf(row, index, book));
  const head = rows.shift();
  if (!head) throw new Unreadable("empty");
  while (head.cells.length && head.cells.at(-1) === null) head.cells.pop();
  return {
    names: head.cells.map((name) => String(name ?? "").trim()),
    rows: rows.filter((row) => row.cells.some((cell) => cell !== null)),
  };
}

function parsed(text) {
  if (text === null) return null;
  // A document type could define entities that unfold without end.
  if (text.slice(0, 2000).includes("<!DOCTYPE")) throw new Unreadable("unreadable");
  const document = new DOMParser().parseFromString(text, "application/xml");
  if (document.querySelector("parsererror")) throw new Unreadable("unreadable");
  return document;
}

const all = (root, name) => (root ? Array.from(root.getElementsByTagNameNS("*", name)) : []);

function firstSheet(workbook, links) {
  const sheet = all(workbook, "sheet")[0];
  const id = sheet && Array.from(sheet.attributes).find((each) => each.localName === "id" && each.prefix)?.value;
  const target = all(links, "Relationship").find((link) => link.getAttribute("Id") === id)?.getAttribute("Target");
  if (!target) throw new Unreadable("unreadable");
  return target.startsWith("/") ? target.slice(1) : `xl/${target}`;
}

// Without the small readings that stand above Chinese and Japanese words.
const textOf = (element) =>
  all(element, "t").filter((text) => text.parentNode.localName !== "rPh").map((text) => text.textContent).join("");

function dateStyles(styles) {
  const own = new Set(
    all(styles, "numFmt")
      .filter((format) => /[ymd]/i.test(format.getAttribute("formatCode").replace(/"[^"]*"|\[[^\]]*\]|\\./g, "")))
      .map((format) => Number(format.getAttribute("numFmtId"))),
  );
  const formats = all(all(styles, "cellXfs")[0], "xf").map((format) => Number(format.getAttribute("numFmtId")));
  return new Set(formats.flatMap((id, style) => (DATE_FORMATS.has(id) || own.has(id) ? [style] : [])));
}

function rowOf(row, index, book) {
  const cells = [];
  for (const cell of row.children) {
    if (cell.localName !== "c") continue;
    const at = columnOf(cell.getAttribute("r")) ?? cells.length;
    while (cells.length < at) cells.push(null);
    cells[at] = valueOf(cell, book);
  }
  return { number: Number(row.getAttribute("r")) || index + 1, cells };
}

function columnOf(reference) {
  const letters = reference?.match(/^[A-Z]{1,3}/)?.[0];
  if (!letters) return null;
  const column = [...letters].reduce((number, letter) => number * 26 + letter.charCodeAt(0) - 64, 0) - 1;
  if (column > 16384) throw new Unreadable("unreadable");
  return column;
}

function valueOf(cell, book) {
  const kind = cell.getAttribute("t") ?? "n";
  if (kind === "inlineStr") return textOf(cell) || null;
  const raw = all(cell, "v")[0]?.textContent;
  if (raw === undefined || raw === "") return null;
  if (kind === "s") return book.texts[Number(raw)] || null;
  if (kind === "str" || kind === "e") return raw;
  if (kind === "b") return raw === "1" ? "TRUE" : "FALSE"; // no number
  if (kind === "d") return raw.slice(0, 7);
  const number = Number(raw);
  if (!book.dates.has(Number(cell.getAttribute("s")))) return number;
  return new Date(book.epoch + number * DAY).toISOString().slice(0, 7);
}
