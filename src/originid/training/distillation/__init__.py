"""Distillation: a small encoder of our own that learns a large one's latents."""
