// A delimited text file as a table: UTF-8, UTF-16 or GB18030; comma, semicolon, tab or bar; quoting as in RFC 4180.

import { Unreadable } from "./unreadable.js";

const DELIMITERS = [",", ";", "\t", "|"];

// { names, rows: [{ number, cells, isRagged }] }; an empty field is null. `number` is the line on which the row starts. A
// ragged row has a field too many or too few, as after a comma between thousands: its cells stand under the wrong names.
export function readCsv(bytes) {
  const text = decoded(bytes);
  const records = split(text, delimiterOf(text));
  const head = records.shift();
  if (!head) throw new Unreadable("empty");
  const width = head.cells.length;
  const isRagged = (cells) => cells.length < width || cells.slice(width).some((cell) => cell !== null);
  return {
    names: head.cells.map((name) => (name ?? "").trim()),
    rows: records.map((record) => ({ ...record, isRagged: isRagged(record.cells) })),
  };
}

function decoded(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le", { fatal: true }).decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be", { fatal: true }).decode(bytes);
  for (const encoding of ["utf-8", "gb18030"]) {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes);
    } catch {
      // the next one
    }
  }
  throw new Unreadable("unreadable");
}

function delimiterOf(text) {
  const head = text.slice(0, (text.search(/[\r\n]/) + 1 || text.length + 1) - 1);
  const times = (delimiter) => head.split(delimiter).length;
  return DELIMITERS.reduce((best, each) => (times(each) > times(best) ? each : best));
}

function split(text, delimiter) {
  const records = [];
  let cells = [];
  let field = "";
  let isQuoted = false;
  let line = 1;
  let start = 1;
  const endField = () => {
    cells.push(field === "" ? null : field);
    field = "";
  };
  const endRecord = () => {
    endField();
    if (cells.some((cell) => cell !== null)) records.push({ number: start, cells });
    cells = [];
    start = line;
  };
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    const isNewLine = character === "\n" || (character === "\r" && text[at + 1] !== "\n");
    if (isNewLine) line += 1;
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (text[at + 1] === '"') field += text[(at += 1)];
      else isQuoted = false;
    } else if (character === '"' && field === "") isQuoted = true;
    else if (character === delimiter) endField();
    else if (isNewLine) endRecord();
    else if (character !== "\r") field += character;
  }
  if (isQuoted) throw new Unreadable("unreadable");
  endRecord();
  return records;
}
