"""The acts of a script by subject: what a line may say, and what the till does with it."""
