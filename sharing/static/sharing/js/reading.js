// A chosen file becomes what is sealed. CSV and Excel are read, checked and written anew as SDMX-CSV, so that nothing
// leaves but the cells that were checked: no other sheet, comment or author of the workbook. Parquet is sealed as it is.

import { check } from "./checks.js";
import { readCsv } from "./csv.js";
import { cubeOf, Findings, sdmxCsv } from "./cube.js";
import { utf8 } from "./encoding.js";
import { PARQUET, SDMX_CSV } from "./package.js";
import { Unreadable } from "./unreadable.js";
import { readXlsx } from "./xlsx.js";

// { findings, cube, content, mediaType }; `content` only when there is no error, `cube` null when it was not read.
export async function readFile(file, template, limit) {
  const findings = new Findings();
  try {
    if (file.size > limit) throw new Unreadable("too-large");
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (bytes.length === 0) throw new Unreadable("empty");
    if (startsWith(bytes, "PAR1")) return { findings, cube: null, content: bytes, mediaType: PARQUET };
    const table = startsWith(bytes, "PK\u0003\u0004") ? await readXlsx(bytes) : readCsv(bytes);
    const cube = cubeOf(table, template, findings);
    if (cube && !findings.hasErrors) check(cube, template, findings);
    if (findings.hasErrors) return { findings, cube, content: null };
    return { findings, cube, content: utf8(sdmxCsv(cube, template)), mediaType: SDMX_CSV };
  } catch (wrong) {
    // Whatever a reader stumbles over: its own words could repeat the file.
    findings.add(wrong instanceof Unreadable ? wrong.rule : "unreadable");
    return { findings, cube: null, content: null };
  }
}

const startsWith = (bytes, text) => utf8(text).every((byte, at) => bytes[at] === byte);
