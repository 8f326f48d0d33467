"""Learning the map W from pairs."""
