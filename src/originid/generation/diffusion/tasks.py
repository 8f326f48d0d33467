"""What a generator is asked for: one query, of one origin and one prompt."""

import hashlib
import json
from dataclasses import dataclass

from originid.types import Image


@dataclass(frozen=True)
class Task:
    """One image to make.

    ``origin`` is uint8 (h, w, 3), upright and whole. ``strength`` in (0, 1] is the share of the
    noise that is added to it; None where the pipeline knows no strength. ``seed``, in [0, 2**63),
    is all the randomness of the task: it seeds a generator of random numbers on the CPU, whatever
    else is in the batch.
    """

    origin: Image
    prompt: str
    strength: float | None
    seed: int


def task_key(
    origin: str, prompt: str, generator: str, strength: float | None, seed: int = 0
) -> str:
    """What a task is known by: the same for the same arguments, on every machine.

    Args:
        origin: SHA-256 of the origin's file, in hexadecimal.
        prompt: as given to the generator.
        generator: its name.
        strength: None where the pipeline knows none.
        seed: of the whole set; another one makes other images of the same tasks.

    Returns:
        64 hexadecimal digits.
    """
    stated = json.dumps([origin, prompt, generator, strength, seed])
    return hashlib.sha256(stated.encode()).hexdigest()


def task_seed(key: str) -> int:
    """The seed of a task with this key, in [0, 2**63)."""
    return int(key[:16], 16) >> 1
