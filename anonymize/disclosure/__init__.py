"""Disclosure control: which cells to withhold, and the proof that nobody can derive them.

`find_primary` marks the sensitive cells of a `Table`, `suppress` chooses what else to withhold, `audit` attacks the
choice. Import each from its own module.
"""
