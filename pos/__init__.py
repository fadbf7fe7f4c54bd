"""Counterfoil: the till. Floors from the top: cli, bootstrap, tui, till, store, domain."""
