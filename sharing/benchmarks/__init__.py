"""Pooled benchmarks: from the members' cubes to what a release may show, and the questions a page asks of it."""
