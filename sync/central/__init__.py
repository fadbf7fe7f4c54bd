"""The bundled central server: a TMF676 payment and TMF678 customer bill server over one SQL store.

It shares the wire format and the domain's rules with the till, never the till's store or functions. The web framework
is loaded only by what answers requests; store, fixture and verify work without it. Each folder sees only those of the
floors below it, as the import contract in ``pyproject.toml`` lists them.
"""
