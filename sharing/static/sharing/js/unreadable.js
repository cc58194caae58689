// A file that is no table; `rule` is one of the rules of docs/contracts/cube.md, `finding` may name other words and the column.
export class Unreadable extends Error {
  constructor(rule, finding = {}) {
    super(rule);
    this.rule = rule;
    this.finding = finding;
  }
}
