"""Pages of the cycle: a view asks, calls a service, answers."""
