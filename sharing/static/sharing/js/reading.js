// A chosen file becomes what is sealed: CSV, Excel and Parquet are read, checked and written anew as SDMX-CSV, so that nothing
// leaves but the cells that were checked: no other sheet, comment or author of the workbook, no metadata of the Parquet file.

import { check } from "./checks.js";
import { readCsv } from "./csv.js";
import { checkStated, columnsOf, cubeOf, Findings, sdmxCsv, SDMX_COLUMNS, sizeOf } from "./cube.js";
import { utf8 } from "./encoding.js";
import { SDMX_CSV } from "./package.js";
import { readParquet } from "./parquet.js";
import { Unreadable } from "./unreadable.js";
import { readXlsx } from "./xlsx.js";

// { findings, cube, content, mediaType }; `content` only when there is no error, `cube` null when it was not read.
// `institution` is the code of the one that sends.
export async function readFile(file, template, limit, institution) {
  const findings = new Findings();
  try {
    if (file.size > limit) throw new Unreadable("too-large");
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (bytes.length === 0) throw new Unreadable("empty");
    const table = await tableOf(bytes, template);
    checkStated(table.stated ?? [], template, institution, findings);
    const cube = cubeOf(table, template, findings);
    if (cube && !findings.hasErrors) check(cube, template, findings);
    if (findings.hasErrors) return { findings, cube, content: null };
    const content = utf8(sdmxCsv(cube, template));
    if (content.length > limit) throw new Unreadable("too-large"); // SDMX-CSV is ten times what Parquet is
    return { findings, cube, content, mediaType: SDMX_CSV };
  } catch (wrong) {
    // Whatever a reader stumbles over: its own words could repeat the file.
    if (wrong instanceof Unreadable) findings.add(wrong.rule, wrong.finding);
    else findings.add("unreadable");
    return { findings, cube: null, content: null };
  }
}

// What a file is, it says with its first bytes; its name may be anything.
async function tableOf(bytes, template) {
  if (startsWith(bytes, "PARE")) throw new Unreadable("unreadable", { words: "parquet-kind" }); // encrypted
  if (startsWith(bytes, "PAR1")) return readParquet(bytes, [...columnsOf(template), ...SDMX_COLUMNS], sizeOf(template));
  return startsWith(bytes, "PK\u0003\u0004") ? readXlsx(bytes) : readCsv(bytes);
}

const startsWith = (bytes, text) => utf8(text).every((byte, at) => bytes[at] === byte);
