"""Envoy: its configuration from the table of deployments, and what its log says."""
