"""Signed evidence: which verdicts a model got, in a form that a service checks before it loads it.

An in-toto Statement in a DSSE envelope, signed with Ed25519 (docs/adr/0056).
"""
