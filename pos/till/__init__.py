"""What a person at the counter or in the cash office can do: each deed one function, one transaction."""
