"""How rows become cells: loans in the template's terms, and who contributes to each cell; `anonymize.aggregate` does it."""
