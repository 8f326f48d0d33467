"""Explain: query and reference side by side, aligned, and where they agree."""
