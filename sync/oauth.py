"""Words of the token endpoint that both ends use."""

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUDIENCE = "urn:counterfoil:central"
"""Whom a till's signed statement is for. No address: a till may reach central by the name of a proxy."""
