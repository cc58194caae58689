// The entries of a zip archive, unpacked one at a time and never to more than a cube can hold.

import { inflate, LARGEST_UNPACKED } from "./inflating.js";
import { Unreadable } from "./unreadable.js";

const END = 0x06054b50;
const ENTRY = 0x02014b50;

// A function from an entry's name to its text; null where there is no such entry.
export function openZip(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = directory(view, bytes);
  let left = LARGEST_UNPACKED;
  return async (name) => {
    const entry = entries.get(name);
    if (!entry) return null;
    const unpacked = await unpack(bytes, view, entry, left);
    left -= unpacked.length;
    return new TextDecoder("utf-8", { fatal: true }).decode(unpacked);
  };
}

function directory(view, bytes) {
  let end = bytes.length - 22;
  while (end >= Math.max(0, bytes.length - 65557) && view.getUint32(end, true) !== END) end -= 1;
  if (end < 0 || view.getUint32(end, true) !== END) throw new Unreadable("unreadable");
  const entries = new Map();
  let at = view.getUint32(end + 16, true);
  for (let number = view.getUint16(end + 10, true); number > 0; number -= 1) {
    if (view.getUint32(at, true) !== ENTRY) throw new Unreadable("unreadable");
    const length = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + length));
    entries.set(name, {
      isEncrypted: (view.getUint16(at + 8, true) & 1) === 1,
      method: view.getUint16(at + 10, true),
      packed: view.getUint32(at + 20, true),
      at: view.getUint32(at + 42, true),
    });
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

async function unpack(bytes, view, entry, most) {
  if (entry.isEncrypted || ![0, 8].includes(entry.method)) throw new Unreadable("unreadable");
  const start = entry.at + 30 + view.getUint16(entry.at + 26, true) + view.getUint16(entry.at + 28, true);
  const packed = bytes.subarray(start, start + entry.packed);
  if (entry.method === 0) return packed;
  return inflate(packed, "deflate-raw", most);
}
