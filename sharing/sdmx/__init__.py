"""Published releases as SDMX: structures and data over REST 2.1 (API 1.x) and 3.0 (API 2.x); see docs/contracts/sdmx.md."""
