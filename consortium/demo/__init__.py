"""A consortium in mid-crisis: 24 simulated institutions, a year of monthly rounds, every step by the real processes.

`banks` is what happens inside the institutions and imports no Django; `founding` and `cycle` are what people at the
association do, through the same services as the pages; `show` prints.
"""
