// What the browser itself unpacks, never to more than is allowed.

import { concat } from "./encoding.js";
import { Unreadable } from "./unreadable.js";

export const LARGEST_UNPACKED = 256 * 2 ** 20; // bytes of one file, as on the server

// `format` is one of DecompressionStream, such as "gzip".
export async function inflate(packed, format, most) {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream(format)).getReader();
  const parts = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > most) {
      await reader.cancel();
      throw new Unreadable("too-large");
    }
    parts.push(value);
  }
  return concat(...parts);
}
