"""Making training data: prompts, generators, and sets of pairs of any size."""
