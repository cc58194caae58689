"""How often somebody may ask: counters in the database, which all web processes share."""
