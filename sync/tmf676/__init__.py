"""TMF676 Payment v4.0.0: the body that is posted, the rules for one that arrives, and reading what a server answers."""

from sync.tmf676.payment import PaymentSeen, payment_body, read_payment

__all__ = ["PaymentSeen", "payment_body", "read_payment"]
