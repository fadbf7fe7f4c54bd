"""The truth of the trade: plain Python, no I/O, no clock, no third-party import."""
