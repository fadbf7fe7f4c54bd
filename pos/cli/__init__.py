"""The command line: every command a thin call into bootstrap and the till."""
