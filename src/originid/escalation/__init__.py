"""A second look at queries that have no origin as they are: views, places, parts and details."""
