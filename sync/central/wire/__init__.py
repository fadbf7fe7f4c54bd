"""What every request and every answer is made of: addresses, errors, queries, who asks, and what a dealer sees."""
