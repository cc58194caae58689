// A file that is no table; `rule` is one of the rules of docs/contracts/cube.md.
export class Unreadable extends Error {
  constructor(rule) {
    super(rule);
    this.rule = rule;
  }
}
