"""Measures how well origins are found: metrics, the protocol, projection to more references."""
