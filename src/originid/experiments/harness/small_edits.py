"""Edits of the data set's photos by the two small generators that originid carries.

Table 8 and the second part of Figure 2 are measured on them, so that nothing has to be downloaded.
"""

from functools import partial
from pathlib import Path

from originid.errors import InputError
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.latents import spread_out
from originid.experiments.report.report import Table
from originid.experiments.report.writing import to_csv, write_text
from originid.system.storage import storage_errors

SMALL_GENERATORS = ("small-ddpm", "small-flow")
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""The strengths of the edits."""
PROMPTS = (
    "a black and white photo of something",
    "a pencil drawing of something",
    "an oil painting of something",
    "a cartoon of something",
    "something at night",
    "something at sunset",
    "something in the fog",
    "a negative of something",
)
"""What the small generators have learned to do. The photos take one prompt each, by turns."""
BATCH = 8  # images that a generator makes at once


def make_edits(context: ExperimentContext) -> Path:
    """Make the edits, or complete them if they were begun.

    Each generator edits ``scale.images`` of the photos at every strength of `LEVELS`. Half of the
    photos are for training.

    Args:
        context: the data, the scale, and the folder that the edits are kept in.

    Returns:
        The folder with the manifests ``train.csv`` and ``test.csv``.

    Raises:
        InputError: the context has no folder, or the data set cannot be used.
        ExtraError: diffusers is not installed.
        StorageError: a file cannot be written.
    """
    from originid.generation.diffusion.making import open_maker
    from originid.generation.diffusion.presets import GENERATORS
    from originid.generation.prompts import open_prompts
    from originid.generation.sets.job import JobSettings
    from originid.generation.sets.run import find_inputs, make_set
    from originid.generation.sets.shards import SetSettings

    if context.folder is None:
        raise InputError(
            "no folder for the edits", "expected a folder of reports", "give -o FOLDER"
        )
    origins = spread_out(context.dataset.photos, context.inputs.scale.images)
    output, listing = context.folder / "generated", context.folder / "prompts.csv"
    prompts = [(str(path), PROMPTS[row % len(PROMPTS)]) for row, path in enumerate(origins)]
    with storage_errors(listing):
        context.folder.mkdir(parents=True, exist_ok=True)
        write_text(listing, to_csv(Table("", ("path", "prompt"), tuple(prompts))))
    # Both generators edit into one set, so that both have the same photos for training.
    for name in SMALL_GENERATORS:
        preset = GENERATORS[name]
        settings = JobSettings(name, preset.kind, LEVELS, BATCH, context.inputs.seed, preset.how)
        source = open_prompts(str(listing), 1, output / "prompts")
        inputs = find_inputs(origins, output, SetSettings(0.5), source, settings)
        make_set(inputs, partial(open_maker, preset), making=context.progress)
    return output
