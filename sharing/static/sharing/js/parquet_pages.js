// The pages of one column of a Parquet file: unpacked, with their levels and dictionary, as values and nulls.

import { inflate } from "./inflating.js";
import { readStruct } from "./thrift.js";
import { unsnap } from "./snappy.js";
import { Unreadable } from "./unreadable.js";

const [DATA, , DICTIONARY, DATA_V2] = Array(4).keys();
const [UNPACKED, SNAPPY, GZIP] = Array(3).keys();
const [PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY] = [0, 2, 3, 8];
const [BOOLEAN, INT32, INT64, , FLOAT, DOUBLE] = Array(6).keys();
const WIDTHS = { [INT32]: 4, [INT64]: 8, [FLOAT]: 4, [DOUBLE]: 8 };
const MOST_CODES = 2 ** 20; // of a dictionary

const unreadable = () => new Unreadable("unreadable");
const unknown = () => new Unreadable("unreadable", { words: "parquet-kind" });

// `limits` is what the whole file may still be, packed and unpacked: no byte is read for two columns.
export class ChunkReader {
  constructor(bytes, { 4: codec, 7: length, 9: data, 11: dictionary }, column, limits) {
    const start = dictionary > 0 && dictionary < data ? dictionary : data;
    limits.packed -= length;
    if (![UNPACKED, SNAPPY, GZIP].includes(codec)) throw unknown();
    if (!(start >= 4) || !(length >= 0) || !(limits.packed >= 0) || start + length > bytes.length) throw unreadable();
    Object.assign(this, { bytes: bytes.subarray(0, start + length), at: start, codec, column, limits, codes: null });
  }

  async into(values, rows) {
    for (const end = values.length + rows; values.length < end; ) {
      const { fields: head, end: start } = readStruct(this.bytes, this.at);
      const { 1: kind, 2: size, 3: length, 5: data, 7: dictionary, 8: second } = head;
      if (!(size >= 0) || !(length >= 0) || length > this.bytes.length - start) throw unreadable();
      this.at = start + length;
      const page = { packed: this.bytes.subarray(start, this.at), size };
      if (kind === DICTIONARY) await this.readCodes(page, dictionary);
      else if (kind === DATA) await this.readFirst(page, data, values, end - values.length);
      else if (kind === DATA_V2) await this.readSecond(page, second, values, end - values.length);
    }
  }

  async unpack(packed, size, isPacked = true) {
    this.limits.unpacked -= size;
    if (!(this.limits.unpacked >= 0)) throw new Unreadable("too-large");
    const bytes = await this.unpacked(packed, size, isPacked);
    if (bytes.length !== size) throw unreadable();
    return bytes;
  }

  async unpacked(packed, size, isPacked) {
    if (!isPacked || this.codec === UNPACKED || (packed.length === 0 && size === 0)) return packed;
    return this.codec === SNAPPY ? unsnap(packed, size) : inflate(packed, "gzip", size);
  }

  async readCodes({ packed, size }, head) {
    if (this.codes || ![PLAIN, PLAIN_DICTIONARY].includes(head?.[2]) || this.column.type === BOOLEAN) throw unreadable();
    if (!(head[1] >= 0)) throw unreadable();
    if (head[1] > MOST_CODES) throw new Unreadable("too-large");
    this.codes = plain(await this.unpack(packed, size), head[1], this.column);
  }

  async readFirst({ packed, size }, head, values, most) {
    const number = counted(head?.[1], most);
    let bytes = await this.unpack(packed, size);
    let isThere = null;
    if (this.column.isOptional) {
      if (head[3] !== RLE) throw unknown();
      const length = lengthAt(bytes, 0);
      isThere = hybrid(bytes.subarray(4, 4 + length), 1, number);
      bytes = bytes.subarray(4 + length);
    }
    this.append(values, bytes, head[2], number, isThere);
  }

  async readSecond({ packed, size }, head, values, most) {
    const number = counted(head?.[1], most);
    const length = head[5];
    if (head[6] !== 0 || !(length >= 0) || length > packed.length || length > size) throw unreadable();
    const isThere = this.column.isOptional ? hybrid(packed.subarray(0, length), 1, number) : null;
    const bytes = await this.unpack(packed.subarray(length), size - length, head[7] ?? true);
    this.append(values, bytes, head[4], number, isThere);
  }

  append(values, bytes, encoding, number, isThere) {
    const present = isThere ? isThere.reduce((sum, each) => sum + each, 0) : number;
    const given = this.decoded(bytes, encoding, present);
    for (let row = 0, next = 0; row < number; row += 1) values.push(!isThere || isThere[row] ? given[next++] : null);
  }

  decoded(bytes, encoding, number) {
    if (encoding === PLAIN) return plain(bytes, number, this.column);
    if (encoding === RLE && this.column.type === BOOLEAN) {
      return Array.from(hybrid(bytes.subarray(4, 4 + lengthAt(bytes, 0)), 1, number), said);
    }
    if (encoding !== PLAIN_DICTIONARY && encoding !== RLE_DICTIONARY) throw unknown();
    if (number === 0) return [];
    if (!this.codes || !(bytes[0] <= 32)) throw unreadable();
    return Array.from(hybrid(bytes.subarray(1), bytes[0], number), (code) => {
      if (code >= this.codes.length) throw unreadable();
      return this.codes[code];
    });
  }
}

function counted(number, most) {
  if (!(number >= 0) || number > most) throw unreadable();
  return number;
}

function lengthAt(bytes, at) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
  if (length > bytes.length - at - 4) throw unreadable();
  return length;
}

// Numbers of `width` bits: runs of one number, and packed ones by eight.
function hybrid(bytes, width, number) {
  const found = new Uint32Array(number);
  for (let filled = 0, at = 0; filled < number; ) {
    let head = 0;
    for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7, at += 1) {
      if (at >= bytes.length || shift > 28) throw unreadable();
      byte = bytes[at];
      head += (byte & 0x7f) * 2 ** shift;
    }
    const isPacked = head % 2 === 1;
    const times = Math.floor(head / 2) * (isPacked ? 8 : 1);
    const end = Math.min(number, filled + times);
    if (at + Math.ceil((isPacked ? (end - filled) * width : width) / 8) > bytes.length) throw unreadable();
    if (isPacked) {
      for (let bit = at * 8; filled < end; filled += 1, bit += width) found[filled] = bits(bytes, bit, width);
      at += (times * width) / 8;
    } else {
      found.fill(bits(bytes, at * 8, Math.ceil(width / 8) * 8), filled, end);
      filled = end;
      at += Math.ceil(width / 8);
    }
  }
  return found;
}

function bits(bytes, from, width) {
  let value = 0;
  for (let got = 0; got < width; ) {
    const at = from + got;
    const taken = Math.min(8 - (at % 8), width - got);
    value += ((bytes[Math.floor(at / 8)] >> at % 8) & (2 ** taken - 1)) * 2 ** got;
    got += taken;
  }
  return value;
}

const said = (bit) => (bit ? "TRUE" : "FALSE"); // as from a workbook: no number

function plain(bytes, number, { type, isUnsigned }) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === BOOLEAN) {
    if (number > bytes.length * 8) throw unreadable();
    return Array.from({ length: number }, (_, at) => said(bits(bytes, at, 1)));
  }
  if (!(type in WIDTHS)) return texts(bytes, number);
  if (number * WIDTHS[type] > bytes.length) throw unreadable();
  const read = {
    [INT32]: (at) => (isUnsigned ? view.getUint32(at, true) : view.getInt32(at, true)),
    [INT64]: (at) => exact(isUnsigned ? view.getBigUint64(at, true) : view.getBigInt64(at, true)),
    [FLOAT]: (at) => view.getFloat32(at, true),
    [DOUBLE]: (at) => view.getFloat64(at, true),
  }[type];
  return Array.from({ length: number }, (_, place) => read(place * WIDTHS[type]));
}

const exact = (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value));

function texts(bytes, number) {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const found = [];
  for (let at = 0; found.length < number; ) {
    if (at + 4 > bytes.length) throw unreadable();
    const length = lengthAt(bytes, at);
    found.push(decoder.decode(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return found;
}
