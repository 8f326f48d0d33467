"""The rows of a set: what is known of each query, as a line of JSON in the file of its shard."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from originid.types import Json


@dataclass(frozen=True)
class ImageSetRow:
    """A query of a set or, where ``query`` is empty, the reason why there is none.

    Args:
        key: The key of the task; empty where the whole origin failed.
        sha256: The SHA-256 of the origin's file, in hexadecimal.
        origin: The path of the origin, relative to the set.
        query: The path of the query, relative to the set.
        prompt: The prompt.
        generator: The name of the generator.
        kind: How the generator edits.
        strength: The strength, in (0, 1]; None where the pipeline has none.
        seed: The seed of the whole set.
        seconds: The time that making the query took.
        bytes: The size of the query's file.
        reason: Why there is no query; empty where there is one.
    """

    key: str
    sha256: str
    origin: str
    query: str = ""
    prompt: str = ""
    generator: str = ""
    kind: str = ""
    strength: float | None = None
    seed: int = 0
    seconds: float = 0.0
    bytes: int = 0
    reason: str = ""

    @property
    def name(self) -> str:
        """The name of the query's file, without its folders."""
        return self.query.rsplit("/", 1)[-1]


def read_rows(folder: Path) -> tuple[list[ImageSetRow], int]:
    """Return the sound rows of a shard, and where the last complete line ends.

    The last line may be incomplete, where a process died while it wrote it.

    Args:
        folder: The folder of the shard.

    Returns:
        The rows in the order in which they were written, and the number of bytes of whole lines.
    """
    file = folder / "rows.jsonl"
    data = file.read_bytes() if file.exists() else b""
    end = data.rfind(b"\n") + 1
    rows = []
    for line in data[:end].splitlines():
        try:
            row = ImageSetRow(**{"key": "", "sha256": "", "origin": "", **json.loads(line)})
            rows += [row] if _is_sound(row) else []
        except (ValueError, TypeError, RecursionError):
            continue  # a damaged line; its image is found again by its name
    return rows, end


def _is_sound(row: ImageSetRow) -> bool:
    """Whether every value has the type of its default; a strength is a number or None."""
    default = asdict(ImageSetRow("", "", "", strength=0.0))
    numbers = (int, float, type(None))
    return all(
        isinstance(value, str if isinstance(default[name], str) else numbers)
        for name, value in asdict(row).items()
    )


def to_json(row: ImageSetRow) -> Json:
    """Return the values of a row that differ from their defaults, for its line in the file.

    Args:
        row: The row.
    """
    default = ImageSetRow("", "", "")
    return {k: v for k, v in asdict(row).items() if v != getattr(default, k)}
