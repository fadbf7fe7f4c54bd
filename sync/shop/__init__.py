"""What the tills of one shop tell each other through central."""
