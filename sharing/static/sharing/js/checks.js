// The arithmetic of a cube, and whether a withheld cell can be told: by the rules and with the rounding of the server.

import { cellOf } from "./cube.js";

const ROUNDING = 1e-12; // what summing in another order may change, relative to the sum
const WITHHOLDING = ["suppress", "merge", "round"];

export function check(cube, template, findings) {
  for (const each of template.checks) {
    if (each.kind === "sum") sums(each, cube, template, findings);
    // What rounding and noise may do to two measures is judged where the file is opened.
    if (each.kind === "less-or-equal" && !["round", "noise"].includes(template.protection.method)) {
      lessOrEqual(each, cube, template, findings);
    }
  }
  if (!WITHHOLDING.includes(template.protection.method)) return;
  belowMinimum(cube, template, findings);
  recoverable(cube, template, findings);
  if (template.protection.method === "round") notRounded(cube, template, findings);
}

// Calls `visit(dimension, parent, total, parts)` with lattice indices, for every parent along every dimension.
function eachRelation(cube, template, visit) {
  const size = cube.withheld.length;
  let step = size;
  for (const dimension of template.dimensions) {
    const length = dimension.codes.length;
    step /= length;
    const families = dimension.codes.map((_, parent) =>
      dimension.codes.flatMap((code, child) => (code.parent === dimension.codes[parent].id ? [child] : [])));
    for (let block = 0; block < size; block += step * length) {
      for (let offset = block; offset < block + step; offset += 1) {
        families.forEach((children, parent) => {
          if (children.length) visit(dimension, parent, offset + parent * step, children.map((child) => offset + child * step));
        });
      }
    }
  }
}

function sums(rule, cube, template, findings) {
  const measures = rule.measures ?? template.measures.filter((each) => each.additive).map((each) => each.id);
  for (const measure of measures) {
    const values = cube.values[measure];
    const isSigned = values.some((value) => value < 0);
    eachRelation(cube, template, (dimension, parent, total, parts) => {
      if (Number.isNaN(values[total])) return;
      const isComplete = !parts.some((part) => Number.isNaN(values[part]));
      const over = parts.reduce((sum, part) => sum + (values[part] || 0), 0) - values[total];
      const room = (rule.tolerance ?? 0) + ROUNDING * Math.abs(values[total]) * parts.length;
      if (isComplete ? Math.abs(over) > room : over > room && !isSigned) {
        findings.add(rule.id, { severity: rule.severity, words: "sum", column: measure, cell: cellOf(total, template),
          facts: { dimension: dimension.id, total: dimension.codes[parent].id } });
      }
    });
  }
}

function lessOrEqual(rule, cube, template, findings) {
  const [left, right] = [cube.values[rule.left], cube.values[rule.right]];
  left.forEach((value, index) => {
    const room = (rule.tolerance ?? 0) + ROUNDING * Math.abs(right[index]);
    if (value - right[index] > room) {
      findings.add(rule.id, { severity: rule.severity, words: "less-or-equal", column: rule.left,
        cell: cellOf(index, template), facts: { left: rule.left, right: rule.right } });
    }
  });
}

function belowMinimum(cube, template, findings) {
  const { count_measure: measure, minimum } = template.protection;
  cube.values[measure]?.forEach((value, index) => {
    if (value > 0 && value < minimum) {
      findings.add("below-minimum", { column: measure, cell: cellOf(index, template), facts: { measure, minimum } });
    }
  });
}

function recoverable(cube, template, findings) {
  eachRelation(cube, template, (dimension, parent, total, parts) => {
    const times = parts.reduce((sum, part) => sum + cube.withheld[part], cube.withheld[total]);
    if (times === 1) {
      findings.add("recoverable", { cell: cellOf(total, template),
        facts: { dimension: dimension.id, total: dimension.codes[parent].id } });
    }
  });
}

function notRounded(cube, template, findings) {
  for (const [measure, base] of Object.entries(template.protection.base)) {
    cube.values[measure]?.forEach((value, index) => {
      const multiple = value / base;
      if (Math.abs(multiple - Math.round(multiple)) > 1e-6) {
        findings.add("not-rounded", { column: measure, cell: cellOf(index, template), facts: { base } });
      }
    });
  }
}
