"""Bills as the biller issued them, what payments do to them, and bills on demand."""
