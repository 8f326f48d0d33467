"""What the closed form needs of linear algebra: numpy on the CPU, torch on another device."""

import sys
from typing import Any

import numpy as np

from originid.types import Floats32, Floats64


def present_gpu() -> str | None:
    """The torch device to compute on: a GPU that the program uses already, or None for numpy."""
    torch = sys.modules.get("torch")  # importing it for its own sake would take seconds
    return "cuda" if torch is not None and torch.cuda.is_available() else None


class ProductSum:
    """The sum of ``rows.T @ rows`` over many calls.

    Args:
        dim: components of a row.
        device: None is numpy, else a device of torch, which keeps the sum until it is read.
    """

    def __init__(self, dim: int, device: str | None = None) -> None:
        self._device = device
        self._sum: Any = np.zeros((dim, dim))
        if device is not None:
            import torch

            self._sum = torch.zeros((dim, dim), dtype=torch.float64, device=device)

    def add(self, rows: Floats32) -> None:
        """Add rows (n, dim): single precision within a call, double precision between calls."""
        if self._device is None:
            self._sum += rows.T @ rows  # BLAS computes half of it: both factors are one array
        else:
            import torch

            there = torch.from_numpy(rows).to(self._device)
            self._sum += there.T @ there

    def value(self) -> Floats64:
        """The sum so far, (dim, dim)."""
        if self._device is None:
            return np.asarray(self._sum)
        return np.asarray(self._sum.cpu().numpy())


def eigen(matrix: Floats64, device: str | None = None) -> tuple[Floats64, Floats64]:
    """Eigenvalues, ascending, (k,), and eigenvectors as columns, (k, k), of a symmetric matrix."""
    if device is None:
        values, vectors = np.linalg.eigh(matrix)
    else:
        import torch

        on_device = torch.from_numpy(matrix).to(device)
        values, vectors = (x.cpu().numpy() for x in torch.linalg.eigh(on_device))
    return np.asarray(values), np.asarray(vectors)
