"""Opening the store: every step that its schema took, and what an older store kept carried along."""
