"""What a generator is asked for: one query, made from one origin with one prompt."""

import hashlib
import json
from dataclasses import dataclass

from originid.types import Image


@dataclass(frozen=True)
class Task:
    """One image to make.

    Args:
        origin: The image to start from, upright and whole: uint8 of shape (h, w, 3).
        prompt: The text that says what to make of it.
        strength: The share of noise that is added to the origin, in (0, 1]. None where the
            pipeline has no strength.
        seed: The seed of all randomness of the task, in [0, 2**63). It seeds a random generator
            on the CPU, so the image does not depend on the rest of the batch.
    """

    origin: Image
    prompt: str
    strength: float | None
    seed: int


def task_key(
    origin: str, prompt: str, generator: str, strength: float | None, seed: int = 0
) -> str:
    """Return the key of a task, which is the same for the same arguments on every machine.

    Args:
        origin: The SHA-256 of the origin's file, in hexadecimal.
        prompt: The prompt as it is given to the generator.
        generator: The name of the generator.
        strength: The strength, in (0, 1]; None where the pipeline has none.
        seed: The seed of the whole set. Another seed makes other images of the same tasks.

    Returns:
        64 hexadecimal digits.
    """
    stated = json.dumps([origin, prompt, generator, strength, seed])
    return hashlib.sha256(stated.encode()).hexdigest()


def task_seed(key: str) -> int:
    """Return the seed of the task with this key, in [0, 2**63).

    Args:
        key: The key that `task_key` returned.
    """
    return int(key[:16], 16) >> 1
