"""Code lists that several shipped templates share; a dimension names one with `code_list`."""
