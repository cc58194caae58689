// A Parquet file of flat columns as a table. What the file claims of itself is compared with what is allowed before anything is made.

import { LARGEST_UNPACKED } from "./inflating.js";
import { ChunkReader } from "./parquet_pages.js";
import { readStruct } from "./thrift.js";
import { Unreadable } from "./unreadable.js";

const [BOOLEAN, INT32, INT64, , FLOAT, DOUBLE, BYTE_ARRAY] = Array(7).keys();
const PLAIN_TYPES = [BOOLEAN, INT32, INT64, FLOAT, DOUBLE, BYTE_ARRAY];
// Converted and logical types under which the stored value is the value: text, enumeration, whole numbers.
const TEXTS = { converted: [0, 4], logical: [1, 4] };
const INTEGERS = { converted: [11, 12, 13, 14, 15, 16, 17, 18], logical: [10] };
const UNSIGNED = [11, 12, 13, 14];

// { names, rows: [{ number, cells }], stated }: an empty cell is null, a number beyond 2^53 a text of its digits, `stated`
// the file's own words by key. No more than `most` rows, and only `wanted` columns, are unpacked: with any other, or with one
// twice, the cells are left out.
export async function readParquet(bytes, wanted, most) {
  const footer = footerOf(bytes);
  const columns = columnsIn(footer);
  const number = footer[3];
  if (!(number >= 0)) throw new Unreadable("unreadable");
  if (number > most) throw new Unreadable("too-large");
  const names = columns.map((column) => column.name);
  const isSound = new Set(names).size === names.length && names.every((name) => wanted.includes(name));
  const limits = { packed: bytes.length, unpacked: LARGEST_UNPACKED };
  const lists = [];
  for (const [at, column] of isSound ? columns.entries() : []) {
    lists.push(await valuesOf(bytes, footer, column, at, columns.length, limits));
  }
  const rows = Array.from({ length: number }, (_, row) => ({ number: row + 1, cells: lists.map((list) => list[row]) }));
  return { names, rows, stated: statementsIn(footer) };
}

function footerOf(bytes) {
  const isMagic = (at) => [0x50, 0x41, 0x52, 0x31].every((byte, place) => bytes[at + place] === byte);
  if (bytes.length < 12 || !isMagic(0) || !isMagic(bytes.length - 4)) throw new Unreadable("unreadable");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true);
  if (length > bytes.length - 12) throw new Unreadable("unreadable");
  const { fields } = readStruct(bytes.subarray(0, bytes.length - 8), bytes.length - 8 - length);
  if (!Array.isArray(fields[2]) || !Array.isArray(fields[4])) throw new Unreadable("unreadable");
  if (fields[8]) throw new Unreadable("unreadable", { words: "parquet-kind" }); // encrypted
  return fields;
}

const text = (binary) => new TextDecoder("utf-8", { fatal: true }).decode(binary);

// { name, type, isOptional, isUnsigned } of each column. One that holds others is no column of a cube.
function columnsIn(footer) {
  const [root, ...elements] = footer[2];
  if (!root || root[5] !== elements.length || elements.some((each) => each[5])) {
    throw new Unreadable("unreadable", { words: "parquet-kind" });
  }
  return elements.map((element) => {
    const { 1: type, 3: repetition, 4: binary } = element;
    const name = text(binary);
    if (repetition !== 0 && repetition !== 1) throw new Unreadable("unreadable", { words: "parquet-kind" });
    return { name, type, isOptional: repetition === 1, isPlain: isPlain(element), isUnsigned: isUnsigned(element) };
  });
}

// Whether the stored value is the value: not so of a decimal, a date or a time.
function isPlain({ 1: type, 6: converted, 10: logical }) {
  const kinds = type === BYTE_ARRAY ? TEXTS : type === INT32 || type === INT64 ? INTEGERS : { converted: [], logical: [] };
  const isKnown = (given, list) => given === undefined || list.includes(Number(given));
  return PLAIN_TYPES.includes(type) && isKnown(converted, kinds.converted)
    && Object.keys(logical ?? {}).every((kind) => isKnown(kind, kinds.logical));
}

const isUnsigned = ({ 6: converted, 10: logical }) => UNSIGNED.includes(converted) || logical?.[10]?.[2] === false;

async function valuesOf(bytes, footer, column, at, width, limits) {
  if (!column.isPlain) throw new Unreadable("wrong-type", { words: "parquet-type", column: column.name });
  const values = [];
  for (const group of footer[4]) {
    const chunk = group[1]?.[at];
    const rows = group[3];
    if (group[1]?.length !== width || !(rows >= 0) || rows > footer[3] - values.length) throw new Unreadable("unreadable");
    if (rows === 0) continue;
    // In another file, or encrypted.
    if (!chunk[3] || chunk[1] || chunk[8]) throw new Unreadable("unreadable", { words: "parquet-kind" });
    if (chunk[3][1] !== column.type || chunk[3][5] !== rows) throw new Unreadable("unreadable");
    await new ChunkReader(bytes, chunk[3], column, limits).into(values, rows);
  }
  if (values.length !== footer[3]) throw new Unreadable("unreadable");
  return values;
}

// [key, value] pairs; a key may be there twice.
const statementsIn = (footer) =>
  (footer[5] ?? []).filter((pair) => text(pair[1]).startsWith("concord.")).map((pair) => [text(pair[1]), text(pair[2] ?? new Uint8Array())]);
