"""The made-up market, its institutions and what happens to their loans; `anonymize.simulate` gives the tapes."""
