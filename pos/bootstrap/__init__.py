"""Wires the parts together and decides nothing: homes and their desks, the paper, the wire."""
