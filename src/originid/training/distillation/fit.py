"""Distillation: the teacher encodes each view once, and a student learns the same latents."""

import math
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from originid import __version__
from originid.encoders import Encoder, Shape, latent_dim
from originid.errors import ExtraError, InputError, OriginidError
from originid.images.find_files import find_images
from originid.latents import LatentCache
from originid.maps import Map
from originid.system.paths import Paths
from originid.system.progress import Progress, silent
from originid.training.distillation.lessons import Lessons, read_lessons
from originid.training.distillation.settings import Distillation
from originid.training.train import clear_work, work_folder
from originid.types import Failure, Image, Json, Latents

try:
    import torch

    from originid.encoders.onnx import FORMAT, OnnxEncoder
    from originid.encoders.torch_networks import training_device
    from originid.training.checkpoints import TrainingLog, TrainingRun, digest, map_digest
    from originid.training.distillation import export
    from originid.training.distillation.learner import StudentLearner
    from originid.training.distillation.network import REDUCTION, Student
    from originid.training.metric.transforms import Transform
except ImportError as error:
    raise ExtraError("distillation", "train") from error

SAMPLE = 4096  # latents from which the teacher's variance is computed
AGREEMENT = 1e-3  # largest relative difference of torch and ONNX, both in single precision
CALIBRATION = 128  # views by which the ranges of eight bits are chosen


def distill(
    path: str | os.PathLike[str],
    images: Paths,
    teacher: Encoder,
    settings: Distillation,
    map: Map | None = None,
    latents: str | os.PathLike[str] | None = None,
    encoding: Progress = silent,
    learning: Progress = silent,
) -> tuple[Json, list[Failure]]:
    """Teach a small network the latents of an encoder, and write it as an encoder of its own.

    The teacher encodes each view once, and its latents are cached on disk. If the run is cut off
    and started again, it uses the latents and the checkpoint that are in ``PATH.training``.

    Args:
        path: The file of the new encoder, ONNX in eight bits, which must not exist yet.
        images: Image files, and folders of them.
        teacher: The encoder to learn from. Its latent must be one block with an eighth of the
            image's side.
        settings: The settings of the student and of its training.
        map: A map that was fitted on the teacher's latents. Errors that it keeps count more.
        latents: The folder of a latent cache that is used and kept. With None the cache is removed
            when the encoder is written.
        encoding: Called with the number of views that the teacher has encoded, and of all.
        learning: Called with the number of steps that are done, and of all.

    Returns:
        The description that the file holds, and the images that could not be used. In the
        description, ``error`` is the share of the teacher's variance that the student misses on
        images that it did not learn from: of the whole latent, and of the mapped latent.

    Raises:
        InputError: No image is usable, or the teacher or the map does not fit.
        OriginidError: The loss stops being finite.
        StorageError: The disk refuses.
    """
    path, work = Path(path), work_folder(path)
    _refuse(path, teacher, map)
    stated = _stated(teacher, settings, map)
    TrainingRun(work, stated, writes=False).check()  # now, and not after hours of encoding
    failures: list[Failure] = []
    paths = [Path(name) for name in find_images(images, failures.append)]
    cache = LatentCache.open(latents or work / "latents", teacher)
    lessons = read_lessons(paths, teacher, settings, cache, failures, encoding)
    learner = _learner(lessons, teacher.shapes[0], settings, map)
    record = TrainingRun(work, {**stated, **_seen(lessons)}, writes=True)
    done = record.resume(learner)
    with record.log(done, settings.steps_per_epoch) as log:
        for epoch in range(done, settings.epochs):
            _learn_epoch(learner, lessons, settings, epoch, log, learning)
            record.save(learner, epoch + 1)
    description = _describe(lessons, teacher, settings)
    description = _write(path, learner.averaged(), lessons, map, description)
    clear_work(work)
    return description, failures


def _refuse(path: Path, teacher: Encoder, map: Map | None) -> None:
    if path.exists():
        raise InputError(f"{path} exists", "expected a new file", "choose another name")
    side = teacher.size // REDUCTION
    if len(teacher.shapes) != 1 or teacher.shapes[0][1:] != (side, side):
        raise InputError(
            f"teacher {teacher.spec} with latents of shape {list(teacher.shapes)}",
            f"expected one block of {side} x {side}, an eighth of its images",
            "name a VAE encoder, such as diffusers:FOLDER",
        )
    if map is not None and map.latent_dim != latent_dim(teacher.shapes):
        raise InputError(
            f"a map of latents of {map.latent_dim} components",
            f"expected {latent_dim(teacher.shapes)} components, as {teacher.spec} makes",
            "name a model that was trained on the teacher's latents",
        )


def _learner(
    lessons: Lessons, shape: Shape, settings: Distillation, map: Map | None
) -> StudentLearner:
    device = training_device()
    step = max(1, -(-len(lessons.rows) // SAMPLE))
    latents = lessons.cache.take(lessons.rows[::step])
    # The seed holds only inside, so that the caller's random numbers stay as they were.
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        student = Student(shape, settings).to(device)
    transform = None if map is None else Transform(map, device)
    mapped = 1.0 if map is None else _variance(map.apply(latents))
    return StudentLearner(student, settings, _variance(latents), transform, mapped)


def _variance(rows: NDArray[np.float32]) -> float:
    return float(np.square(rows - rows.mean(axis=0)).sum(axis=1, dtype=np.float64).mean())


def _learn_epoch(
    learner: StudentLearner,
    lessons: Lessons,
    settings: Distillation,
    epoch: int,
    log: TrainingLog,
    progress: Progress,
) -> None:
    device = next(learner.student.parameters()).device
    for step, (images, latents) in enumerate(lessons.batches(settings, epoch)):
        rate = learner.rate()
        pixels = torch.from_numpy(images).to(device)
        loss = learner.step(pixels, torch.from_numpy(latents).to(device))
        if not np.isfinite(loss):
            raise OriginidError(
                f"loss {loss} in epoch {epoch}, step {step}",
                "expected a finite number",
                "choose a lower rate; the checkpoint of the epoch before is kept",
            )
        log.add(epoch, step, rate, loss, len(images))
        progress(learner.steps, settings.steps)


def _stated(teacher: Encoder, settings: Distillation, map: Map | None) -> Json:
    """Return what a run was started with, as far as it is known before anything is read."""
    return {
        **asdict(settings),
        "teacher": teacher.identity,
        "hash of the map": None if map is None else map_digest(map),
    }


def _seen(lessons: Lessons) -> Json:
    """Return the rest of what a run was started with: the views that were read."""
    views = "\n".join(f"{view.path} {view.box}" for view in lessons.views)
    return {
        "views": len(lessons.views),
        "hash of views": digest(views.encode(errors="surrogateescape")),
    }


def _describe(lessons: Lessons, teacher: Encoder, settings: Distillation) -> Json:
    return {
        "format": FORMAT,
        "size": teacher.size,
        "shapes": [list(shape) for shape in teacher.shapes],
        # JSON has no infinity: null stands for "all frequencies".
        "cutoffs": [c if math.isfinite(c) else None for c in teacher.cutoffs],
        "teacher": teacher.identity,
        "views": len(lessons.views),
        "settings": asdict(settings),
        "originid": __version__,
    }


def _write(
    path: Path, student: Student, lessons: Lessons, map: Map | None, description: Json
) -> Json:
    """Export the student, measure how good it is in eight bits, and write the file."""
    floats = export.to_onnx(student, lessons.size)
    every = max(1, len(lessons.views) // CALIBRATION)
    bits = export.to_eight_bits(floats, lessons.images(lessons.views[::every]))
    # All that follows is measured on the held-out images.
    seen, wanted = lessons.images(lessons.tests), lessons.cache.take(lessons.test_rows)
    with torch.inference_mode():
        own = student(torch.from_numpy(seen)).flatten(1).numpy()
    made = {"onnx": _run(floats, description, seen), "eight bits": _run(bits, description, seen)}
    if export.difference(own, made["onnx"]) > AGREEMENT:
        raise OriginidError(
            "the exported network gives other latents than the one that was trained",
            f"expected a relative difference of at most {AGREEMENT}",
            "install other versions of torch and onnxruntime, and run this again to export anew",
        )
    description["error"] = _errors(made["eight bits"], wanted, map)
    description["rounding"] = round(export.difference(own, made["eight bits"]), 4)
    export.write(bits, path, description)
    return description


def _run(model: Any, description: Json, images: Image) -> Latents:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "encoder.onnx"
        export.write(model, file, description)
        return OnnxEncoder(str(file)).encode(images)


def _errors(made: Latents, wanted: Latents, map: Map | None) -> Json:
    """Return mean squared errors, relative to the variance of the wanted latents."""
    errors = {"latent": _relative(made, wanted)}
    if map is not None:
        errors["mapped"] = _relative(map.apply(made), map.apply(wanted))
    return errors


def _relative(made: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    error = float(np.square(made - wanted).sum(axis=1, dtype=np.float64).mean())
    return round(error / max(_variance(wanted), 1e-12), 4)
