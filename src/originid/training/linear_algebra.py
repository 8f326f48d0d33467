"""The linear algebra of the closed form: numpy on the CPU, torch on a GPU."""

import sys
from typing import Any

import numpy as np

from originid.system.chosen_device import chosen_device
from originid.types import Floats32, Floats64


def present_gpu() -> str | None:
    """Return the torch device of a GPU that this process uses already, or None for numpy.

    Torch is not imported for this: that takes seconds, and a CPU would gain nothing.
    """
    torch = sys.modules.get("torch")  # importing it for its own sake would take seconds
    if torch is None or not torch.cuda.is_available():
        return None
    chosen = chosen_device() or "cuda"
    return chosen if chosen.startswith("cuda") else None


class ProductSum:
    """The sum of ``rows.T @ rows`` over many calls.

    Args:
        dim: The number of components of a row.
        device: The torch device that keeps the sum until it is read; None is numpy on the CPU.
    """

    def __init__(self, dim: int, device: str | None = None) -> None:
        self._device = device
        self._sum: Any = np.zeros((dim, dim))
        if device is not None:
            import torch

            self._sum = torch.zeros((dim, dim), dtype=torch.float64, device=device)

    def add(self, rows: Floats32) -> None:
        """Add the products of rows: in single precision within a call, in double between calls.

        Args:
            rows: float32 of shape (n, dim).
        """
        if self._device is None:
            self._sum += rows.T @ rows  # BLAS computes half of it: both factors are one array
        else:
            import torch

            there = torch.from_numpy(rows).to(self._device)
            self._sum += there.T @ there

    def value(self) -> Floats64:
        """Return the sum so far: float64 of shape (dim, dim)."""
        if self._device is None:
            return np.asarray(self._sum)
        return np.asarray(self._sum.cpu().numpy())


def eigen(matrix: Floats64, device: str | None = None) -> tuple[Floats64, Floats64]:
    """Return the eigenvalues and eigenvectors of a symmetric matrix.

    Args:
        matrix: float64 of shape (k, k), symmetric.
        device: The torch device that computes them; None is numpy on the CPU.

    Returns:
        The eigenvalues in ascending order, float64 of shape (k,), and the eigenvectors as columns
        in the same order, float64 of shape (k, k).
    """
    if device is None:
        values, vectors = np.linalg.eigh(matrix)
    else:
        import torch

        on_device = torch.from_numpy(matrix).to(device)
        values, vectors = (x.cpu().numpy() for x in torch.linalg.eigh(on_device))
    return np.asarray(values), np.asarray(vectors)
