// Snappy's block format (no frames), as Parquet uses it.

import { Unreadable } from "./unreadable.js";

// `length` is what the file's metadata says and must be what the block says itself: nothing larger is ever made.
export function unsnap(packed, length) {
  let at = 0;
  const next = () => {
    if (at >= packed.length) throw new Unreadable("unreadable");
    return packed[(at += 1) - 1];
  };
  const little = (bytes) => {
    let value = 0;
    for (let place = 0; place < bytes; place += 1) value += next() * 2 ** (8 * place);
    return value;
  };
  if (stated(next) !== length) throw new Unreadable("unreadable");
  const whole = new Uint8Array(length);
  let filled = 0;
  while (at < packed.length) {
    const tag = next();
    if ((tag & 3) === 0) {
      const size = (tag >> 2 < 60 ? tag >> 2 : little((tag >> 2) - 59)) + 1;
      if (size > packed.length - at || size > length - filled) throw new Unreadable("unreadable");
      whole.set(packed.subarray(at, at + size), filled);
      at += size;
      filled += size;
      continue;
    }
    const size = (tag & 3) === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const back = (tag & 3) === 1 ? (tag >> 5) * 256 + next() : little((tag & 3) === 2 ? 2 : 4);
    if (back === 0 || back > filled || size > length - filled) throw new Unreadable("unreadable");
    // One at a time: a copy may reach into what it is writing.
    for (const end = filled + size; filled < end; filled += 1) whole[filled] = whole[filled - back];
  }
  if (filled !== length) throw new Unreadable("unreadable");
  return whole;
}

function stated(next) {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = next();
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw new Unreadable("unreadable");
}
