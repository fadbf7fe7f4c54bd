"""What is undone of a payment, paid back or moved, and cheques that bounced."""
