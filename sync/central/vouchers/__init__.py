"""Vouchers: held, redeemed once, issued and signed; and the outside issuers behind one port."""
