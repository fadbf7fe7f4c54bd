"""HTTP in and out: what stands before every handler, what it needs, and how its answer leaves."""
