"""Real per-institution aggregates through the whole path, at the scale of a national association.

`call_report` turns a panel of supervisory reports into cubes, `members` founds the institutions, `sending` is their
side of the wire, `figures` says how long it took and what it cost.
"""
