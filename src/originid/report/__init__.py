"""Results as a report: one HTML file that needs no other file and no network, JSON and CSV."""
