"""A consortium in mid-crisis: 24 simulated institutions, all shipped collections, every step by the real processes.

`programme` says which rounds there are, a year of them for delinquency; `banks` is what happens inside the institutions and imports no Django; `founding` and `cycle` are what people at the
association do, through the same services as the pages; `show` prints.
"""
