"""Paper: what a customer or the cash office holds in the hand."""
