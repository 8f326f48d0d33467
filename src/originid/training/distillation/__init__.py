"""Distillation: a small encoder of our own learns to make the latents of a large one."""
