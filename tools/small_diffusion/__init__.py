"""A small latent diffusion model of our own: photos with captions to a diffusers pipeline."""
