"""A generator that needs no weights, and a set of pairs made with it."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from originid.generation.diffusion.tasks import Task
from originid.generation.prompts import PromptSource, TemplatePrompts
from originid.generation.sets.job import JobSettings
from originid.generation.sets.run import SetSummary, find_inputs, make_set
from originid.generation.sets.shards import SetSettings
from originid.model import Model
from originid.testing import textured_image
from originid.types import Image

SETTINGS = JobSettings("fake", "image-to-image", (0.5,), batch=3)


@dataclass
class FakeMaker:
    """Noise that depends on the seed alone; refuses prompts with a word in them."""

    refused: str = "no such word"
    batches: list[list[Task]] = field(default_factory=list)
    size: int = 16

    def make(self, tasks: Sequence[Task]) -> list[Image | str]:
        self.batches.append(list(tasks))
        return [
            "refused" if self.refused in task.prompt else textured_image(task.seed, 16, 16)
            for task in tasks
        ]

    @property
    def made(self) -> int:
        return sum(map(len, self.batches))


def make(
    output: Path,
    photos: Path,
    maker: FakeMaker,
    settings: JobSettings = SETTINGS,
    prompts: PromptSource | None = None,
    test: float = 0.0,
    model: Model | None = None,
) -> SetSummary:
    source = prompts or TemplatePrompts(4)
    inputs = find_inputs([photos], output, SetSettings(test), source, settings)
    return make_set(inputs, lambda: maker, model)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> dict[str, bytes]:
    """All that a set holds for its users, by name: no rows, which say how long an image took."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "rows.jsonl"
    }
