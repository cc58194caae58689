"""The methods of protection at the bank, one module each; `anonymize.protect` chooses among them."""
