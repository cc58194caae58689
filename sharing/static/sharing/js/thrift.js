// Thrift's compact protocol, in which Parquet writes its metadata: a structure becomes an object from field ids to values.

import { Unreadable } from "./unreadable.js";

const [STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, , STRUCT] = Array(13).keys();
const MOST_VALUES = 2 ** 20; // of one structure with all that is in it
const DEEPEST = 16;

// { fields, end } of the structure at `at`; `end` is where the bytes after it start.
export function readStruct(bytes, at) {
  const reader = new Reader(bytes, at);
  return { fields: reader.struct(0), end: reader.at };
}

class Reader {
  constructor(bytes, at) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.left = MOST_VALUES;
  }

  // Throws where the bytes end: none is invented.
  byte() {
    this.at += 1;
    return this.view.getUint8(this.at - 1);
  }

  // Beyond 2^53 it is no longer exact; no size or offset of a file that was let in is that large.
  varint() {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Unreadable("unreadable");
  }

  integer() {
    const value = this.varint();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }

  binary() {
    const length = this.varint();
    if (length > this.bytes.length - this.at) throw new Unreadable("unreadable");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  double() {
    this.at += 8;
    return this.view.getFloat64(this.at - 8, true);
  }

  struct(depth) {
    if (depth > DEEPEST) throw new Unreadable("unreadable");
    const fields = {};
    let id = 0;
    for (;;) {
      const head = this.byte();
      const type = head & 15;
      if (type === STOP) return fields;
      id = head >> 4 ? id + (head >> 4) : this.integer();
      fields[id] = type === TRUE || type === FALSE ? type === TRUE : this.value(type, depth + 1);
    }
  }

  list(depth) {
    const head = this.byte();
    const length = head >> 4 === 15 ? this.varint() : head >> 4;
    // Each takes a byte at least, so a list cannot claim to be longer than what is left.
    if (depth > DEEPEST || length > this.bytes.length - this.at) throw new Unreadable("unreadable");
    const values = [];
    for (let number = 0; number < length; number += 1) values.push(this.value(head & 15, depth + 1));
    return values;
  }

  value(type, depth) {
    this.left -= 1;
    if (this.left < 0) throw new Unreadable("too-large");
    if (type === TRUE || type === FALSE) return this.byte() === 1; // only inside lists
    if (type === BYTE) return (this.byte() << 24) >> 24;
    if (type === I16 || type === I32 || type === I64) return this.integer();
    if (type === DOUBLE) return this.double();
    if (type === BINARY) return this.binary();
    if (type === LIST || type === SET) return this.list(depth);
    if (type === STRUCT) return this.struct(depth);
    throw new Unreadable("unreadable"); // a map: Parquet has none
  }
}
