"""Beyond one machine: what a size needs."""
