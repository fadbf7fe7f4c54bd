"""The bundled central server: a TMF676 payment and TMF678 customer bill server over one SQL store.

It shares the wire format and the domain's rules with the till, never the till's store or functions. The web framework
is loaded only by ``app`` and ``serve``; store, fixture and verify work without it.
"""
