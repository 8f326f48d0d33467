"""How large a map may be that comes in a file, which may be a stranger's.

Sizes are checked before memory is taken for them. With these limits, reading the largest file and
mapping a batch of latents take less than 1.5 GB.
"""

import os
from typing import Any

from originid.maps.base import Block, Map, Tensors
from originid.system.small_files import check_regular

MOST_BYTES = 256_000_000  # of a file; the packaged ones have 2 and 3 million
MOST_HEADER = 1_000_000  # bytes of its header; the packaged ones have a thousand
MOST_LATENT = 2**18  # components of a latent: 16 x 128 x 128
MOST_WIDTH = 2**16  # components of a vector, and of a value between two layers
MOST_BLOCKS = 64  # of a latent
MOST_SIDE = 1024  # of a block; the transform of a side is a matrix of its square
MOST_PAIRS = 2**19  # of tokens that attend to each other, in all heads: 256 tokens in 8 heads


def check_file(path: str | os.PathLike[str], links: bool = True) -> None:
    """Refuse a file that is too large, that is no regular file, or whose header is too long.

    Args:
        path: the path of a safetensors file, which begins with the length of its header.
        links: whether the path may be a symbolic link.

    Raises:
        OSError: if the file is missing or cannot be read.
        ValueError: if it is refused.
    """
    check_regular(path, MOST_BYTES, links)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > MOST_HEADER:
        raise ValueError(f"its header has {length:,} bytes, expected at most {MOST_HEADER:,}")


def check_tensors(tensors: Tensors) -> None:
    """Refuse arrays of anything but floats, and arrays with a side that is too long or is 0.

    Args:
        tensors: the arrays of a file by name.

    Raises:
        ValueError: if one is refused.
    """
    for name, tensor in tensors.items():
        if tensor.dtype.kind != "f":
            raise ValueError(f"{name} of type {tensor.dtype}, expected floats")
        # The correction of a `DctMap` may have the rank 0.
        if max(tensor.shape, default=0) > MOST_LATENT:
            raise ValueError(f"{name}: shape {tensor.shape}, expected sides up to {MOST_LATENT:,}")


def check_map(map: Map) -> None:
    """Refuse a map from or to too many components, or from or to none.

    Args:
        map: the map.

    Raises:
        ValueError: if it is refused.
    """
    if not (1 <= map.latent_dim <= MOST_LATENT and 1 <= map.dim <= MOST_WIDTH):
        raise ValueError(
            f"{map.latent_dim} -> {map.dim} components, "
            f"expected 1 to {MOST_LATENT:,} -> 1 to {MOST_WIDTH:,}"
        )


def read_block(given: Any) -> Block:
    """Return the shape (C, H, W) that a file states.

    Args:
        given: what the file states, of any type.

    Raises:
        ValueError: if it is not three whole numbers from 1 up to what the limits allow.
    """
    sizes = given if isinstance(given, list | tuple) else []
    whole = all(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
    if len(sizes) != 3 or not whole or min(sizes) < 1:
        raise ValueError(f"a shape {str(given)[:60]}, expected [C, H, W]")
    c, h, w = sizes
    if max(h, w) > MOST_SIDE or c * h * w > MOST_LATENT:
        raise ValueError(
            f"a latent of {c} x {h} x {w}, expected sides up to {MOST_SIDE:,} and up to "
            f"{MOST_LATENT:,} components"
        )
    return c, h, w


def read_blocks(given: Any) -> tuple[Block, ...]:
    """Return the shapes of the blocks of a latent, as `read_block` takes each.

    Args:
        given: what the file states, of any type.

    Raises:
        ValueError: if it is not a list of 1 to `MOST_BLOCKS` shapes that fit into one latent.
    """
    if not isinstance(given, list | tuple) or not 1 <= len(given) <= MOST_BLOCKS:
        raise ValueError(f"shapes {str(given)[:60]}, expected a list of 1 to {MOST_BLOCKS}")
    blocks = tuple(read_block(each) for each in given)
    if (size := sum(c * h * w for c, h, w in blocks)) > MOST_LATENT:
        raise ValueError(f"a latent of {size:,} components, expected up to {MOST_LATENT:,}")
    return blocks
