"""Metric learning: what it learns, that torch and numpy agree, and going on after a kill."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytest.importorskip("pytorch_metric_learning")
pytest.importorskip("tensorboardX")

import torch
from accelerate import Accelerator
from torch.nn import functional

from originid.errors import InputError, OriginidError, StorageError
from originid.maps import DctBasis, DctMap, DenseMap, Map, load_map, save_map, unit_length
from originid.training.metric.fit import fit_metric
from originid.training.metric.learner import MapLearner, in_half_precision
from originid.training.metric.losses import make_loss
from originid.training.metric.settings import PRESETS, TRANSFORMS, MetricLearning
from originid.training.metric.transforms import Transform, initial_map
from originid.training.samples import LabelledRows, Samples

BLOCK = (2, 4, 4)
DIM = 32  # of the latents
SHORT = MetricLearning(
    dim=16,
    origins_per_batch=16,
    images_per_origin=3,
    epochs=4,
    steps_per_epoch=5,
    rate=3e-3,
    warmup=1,
    hold=2,
    ema=0.9,
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def edits(origins: int, images: int = 4, seed: int = 0) -> LabelledRows:
    """Origins and edits of them, which move half of the directions, by much."""
    moved = np.linalg.qr(normal(DIM, DIM))[0][: DIM // 2]
    latents = np.repeat(normal(origins, DIM, seed=seed)[:, None], images, axis=1)
    latents[:, 1:] += 3 * normal(origins, images - 1, DIM // 2, seed=seed) @ moved
    return LabelledRows.of_array(latents.reshape(-1, DIM), np.repeat(np.arange(origins), images))


def values(samples: Samples) -> np.ndarray:
    """All latents of samples, by row."""
    return samples.take(np.arange(len(samples.classes)))


def accuracy(map: Map, samples: Samples, images: int = 4) -> float:
    """Share of first edits whose most similar origin is their own."""
    vectors = unit_length(map.apply(values(samples))).reshape(-1, images, map.dim)
    scores = vectors[:, 1] @ vectors[:, 0].T
    return float((scores.argmax(axis=1) == np.arange(len(scores))).mean())


ZEROS = np.zeros(DIM, np.float32)
IDENTITY = DenseMap(np.eye(DIM, dtype=np.float32), ZEROS)


def dct_start() -> DctMap:
    basis = DctBasis((BLOCK,), (4.0,))
    directions = np.linalg.qr(normal(basis.dim, 5))[0].T.astype(np.float16).astype(np.float32)
    gain, k = np.linspace(-0.9, 0, 5, dtype=np.float32), basis.dim
    scale, weight = np.abs(normal(k)) * 40 + 1, np.abs(normal(k, seed=1)) + 1
    return DctMap(basis, normal(k, seed=2), scale, directions, gain, weight)


@pytest.mark.parametrize(
    "settings",
    [
        replace(SHORT, steps_per_epoch=60, rate=3e-2),
        replace(SHORT, steps_per_epoch=60, rate=3e-2, sampled_classes=40),
        replace(SHORT, steps_per_epoch=60, loss="circle", scale=64.0, margin=0.25),
    ],
    ids=["cosface", "sampled", "circle"],
)
def test_the_learned_map_ignores_what_edits_move(settings: MetricLearning) -> None:
    strangers = edits(300, seed=1)
    assert accuracy(IDENTITY, strangers) < 0.5
    learned = fit_metric(edits(200), ZEROS, settings)
    assert accuracy(learned, strangers) > 0.9
    assert (learned.dim, learned.latent_dim) == (16, DIM)


@pytest.mark.parametrize(
    "start", [IDENTITY, dct_start(), replace(dct_start(), clip=2.0)], ids=["dense", "dct", "clip"]
)
def test_learning_improves_a_start(start: Map) -> None:
    settings = replace(SHORT, steps_per_epoch=60, rate=1e-2, start="closed-form")
    strangers = edits(300, seed=1)
    learned = fit_metric(edits(200), ZEROS, settings, start)
    assert type(learned) is type(start)
    assert learned.pack()[1] == start.pack()[1]
    assert accuracy(learned, strangers) > accuracy(start, strangers) + 0.1


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_numpy_computes_what_torch_learned(transform: str, tmp_path: Path) -> None:
    settings = replace(SHORT, transform=transform, epochs=2)
    learned = fit_metric(edits(40), normal(DIM), settings, shapes=(BLOCK,))
    latents = normal(9, DIM)
    torchs = Transform(learned, torch.device("cpu"))(torch.from_numpy(latents))
    assert np.allclose(learned.apply(latents), torchs.detach().numpy(), atol=1e-4)
    save_map(learned, tmp_path / "map.safetensors")
    loaded = load_map(tmp_path / "map.safetensors")
    assert np.array_equal(loaded.apply(latents), learned.apply(latents))
    assert not np.array_equal(
        learned.apply(latents), initial_map(settings, normal(DIM), (BLOCK,)).apply(latents)
    )


def test_torch_clips_as_numpy_does() -> None:
    clipped, latents = replace(dct_start(), clip=1.2), normal(9, DIM)
    torchs = Transform(clipped, torch.device("cpu"))(torch.from_numpy(latents))
    assert np.allclose(clipped.apply(latents), torchs.detach().numpy(), rtol=1e-4, atol=1e-3)
    assert not np.allclose(clipped.apply(latents), dct_start().apply(latents), atol=1e-3)


def test_a_latent_at_the_mean_has_a_gradient() -> None:
    start = dct_start()
    clipped = replace(start, clip=1.2, mean=np.zeros_like(start.mean))
    transform = Transform(clipped, torch.device("cpu"))
    functional.normalize(transform(torch.zeros(1, DIM))).sum().backward()
    for name, parameter in transform.parameters.items():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("start", [dct_start(), DenseMap(normal(7, DIM) * 90, normal(DIM))])
def test_no_steps_give_the_start_back(start: Map) -> None:
    settings = replace(SHORT, epochs=0)
    same = fit_metric(edits(5), ZEROS, settings, start)
    for name, array in start.pack()[0].items():
        assert np.array_equal(same.pack()[0][name], array), name
    latents = normal(9, DIM)
    torchs = Transform(start, torch.device("cpu"))(torch.from_numpy(latents)).detach().numpy()
    assert np.allclose(torchs, start.apply(latents), rtol=1e-4, atol=1e-4 * np.abs(torchs).max())


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "paper"])
def test_every_preset_trains(name: str) -> None:
    settings = replace(PRESETS[name], dim=8, epochs=2, steps_per_epoch=2)
    start = dct_start() if settings.start == "closed-form" else None
    learned = fit_metric(edits(20), ZEROS, settings, start, shapes=(BLOCK,))
    assert np.isfinite(learned.apply(normal(3, DIM))).all()


def test_the_losses_are_their_formulas() -> None:
    vectors, weights = torch.from_numpy(normal(6, 5)), torch.from_numpy(normal(9, 5))
    labels = torch.tensor([0, 3, 8, 3, 1, 7])
    cosines = functional.normalize(vectors) @ functional.normalize(weights).T
    right = functional.one_hot(labels, 9)
    cosface = functional.cross_entropy(64 * (cosines - 0.35 * right), labels)
    assert make_loss(MetricLearning())(vectors, labels, weights) == pytest.approx(float(cosface))
    softmax = functional.cross_entropy(vectors @ weights.T, labels)
    found = make_loss(MetricLearning(loss="softmax"))(vectors, labels, weights)
    assert found == pytest.approx(float(softmax))


def test_the_average_follows_the_parameters_and_is_the_map() -> None:
    settings = replace(SHORT, dim=3, ema=0.25)
    transform = Transform(initial_map(settings, ZEROS, None), torch.device("cpu"))
    learner = MapLearner(transform, torch.from_numpy(normal(4, 3)), settings, Accelerator())
    average = transform.parameters["matrix"].detach().clone()
    latents = torch.from_numpy(normal(4, DIM))
    for step in range(1, 5):
        learner.step(latents, np.arange(4), share=1.0)
        decay = min(0.25, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * transform.parameters["matrix"].detach()
        assert torch.allclose(learner.average["matrix"], average, atol=1e-6)
    assert np.allclose(learner.map().pack()[0]["matrix"], average.numpy(), atol=1e-6)


def test_a_step_with_sampled_classes_changes_no_other() -> None:
    settings = replace(SHORT, dim=3, sampled_classes=3)
    transform = Transform(initial_map(settings, ZEROS, None), torch.device("cpu"))
    before = normal(9, 3)
    learner = MapLearner(transform, torch.from_numpy(before.copy()), settings, Accelerator())
    compared = np.array([1, 4, 6])
    learner.step(torch.from_numpy(normal(2, DIM)), np.array([6, 1]), 1.0, compared)
    changed = (learner.tensors()["weights"].numpy() != before).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [1, 4, 6]


def test_sampling_every_class_begins_like_sampling_none() -> None:
    settings = replace(SHORT, epochs=1, steps_per_epoch=1)
    whole = fit_metric(edits(30), ZEROS, settings)
    sampled = fit_metric(edits(30), ZEROS, replace(settings, sampled_classes=10_000))
    latents = normal(4, DIM)
    assert np.allclose(whole.apply(latents), sampled.apply(latents), atol=1e-5)


def test_the_seed_decides() -> None:
    def learned(seed: int) -> np.ndarray:
        return fit_metric(edits(30), ZEROS, replace(SHORT, seed=seed)).apply(normal(4, DIM))

    assert np.array_equal(learned(3), learned(3))
    assert not np.allclose(learned(3), learned(4), atol=1e-2)


class KilledError(Exception):
    """Stands for a kill."""


def killed_after(steps: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == steps:
            raise KilledError

    return progress


def log_rows(run: Path) -> list[list[str]]:
    with (run / "log.csv").open(newline="") as file:
        return [row[:4] for row in csv.reader(file)]


@pytest.mark.parametrize(
    "changes",
    [{}, {"sampled_classes": 20}, {"loss": "circle"}, {"transform": "mlp-2"}],
    ids=["cosface", "sampled", "circle", "mlp"],
)
def test_a_run_that_was_killed_goes_on_to_the_same_map(
    changes: dict[str, object], tmp_path: Path
) -> None:
    settings, samples = replace(SHORT, **changes), edits(40)  # type: ignore[arg-type]
    whole = fit_metric(samples, ZEROS, settings, run=tmp_path / "whole")
    run = tmp_path / "run"
    for steps in (3, 12, 16):  # in the first, the third and the fourth epoch
        with pytest.raises(KilledError):
            fit_metric(samples, ZEROS, settings, run=run, progress=killed_after(steps))
    seen: list[tuple[int, int]] = []
    again = fit_metric(
        samples, ZEROS, settings, run=run, progress=lambda *counts: seen.append(counts)
    )
    assert seen == [(done, 20) for done in range(16, 21)]
    for name, array in whole.pack()[0].items():
        assert np.array_equal(again.pack()[0][name], array), name
    assert log_rows(run) == log_rows(tmp_path / "whole")
    assert log_rows(run)[0] == ["epoch", "step", "rate", "loss"]
    assert len(log_rows(run)) == 21
    assert list((run / "tensorboard").iterdir())
    assert [path.name for path in sorted(run.iterdir())] == [
        "checkpoint.safetensors",
        "log.csv",
        "tensorboard",
    ]


def test_a_run_that_ended_gives_its_map_again(tmp_path: Path) -> None:
    first = fit_metric(edits(20), ZEROS, SHORT, run=tmp_path)
    again = fit_metric(edits(20), ZEROS, SHORT, run=tmp_path, progress=killed_after(1))
    assert np.array_equal(first.apply(normal(2, DIM)), again.apply(normal(2, DIM)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("rate", r"the run in .* has rate = 0\.003, not 0\.5\n"),
        ("mean", "hash of the mean"),
        ("start", "hash of the first map"),
        ("rows", "has rows = 80, not 84; origins = 20, not 21; hash of classes"),
        ("classes", "hash of classes"),
    ],
)
def test_a_run_goes_on_only_as_it_began(change: str, message: str, tmp_path: Path) -> None:
    samples, mean, settings, start = edits(20), ZEROS, replace(SHORT, epochs=1), IDENTITY
    fit_metric(samples, mean, settings, start, run=tmp_path)
    if change == "rate":
        settings = replace(settings, rate=0.5)
    elif change == "mean":
        mean = mean + 1
    elif change == "start":
        start = replace(start, matrix=2 * start.matrix)
    elif change == "rows":
        samples = edits(21)
    else:
        samples = LabelledRows.of_array(values(samples), samples.classes[::-1].copy())
    with pytest.raises(InputError, match=message):
        fit_metric(samples, mean, settings, start, run=tmp_path)


@pytest.mark.parametrize("damage", ["torn", "empty", "no header", "a tensor missing"])
def test_a_damaged_checkpoint_is_named(damage: str, tmp_path: Path) -> None:
    settings = replace(SHORT, epochs=1)
    fit_metric(edits(20), ZEROS, settings, run=tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    if damage in ("torn", "empty"):
        path.write_bytes(path.read_bytes()[:-9] if damage == "torn" else b"")
    else:
        tensors = load_file(path)
        save_file(tensors, path)
    with pytest.raises(InputError, match=r"checkpoint.safetensors cannot be read"):
        fit_metric(edits(20), ZEROS, settings, run=tmp_path)


def test_a_checkpoint_that_was_being_written_is_ignored(tmp_path: Path) -> None:
    half = tmp_path / ".checkpoint.safetensors.12345678.tmp"
    half.write_bytes(b"half of")
    os.utime(half, (0, 0))  # its process died long ago
    fit_metric(edits(20), ZEROS, replace(SHORT, epochs=1), run=tmp_path)
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("taken", ["run", "run/log.csv/file"])
def test_a_folder_that_cannot_be_written_is_named(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        fit_metric(edits(20), ZEROS, replace(SHORT, epochs=1), run=tmp_path / "run")


def test_a_checkpoint_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object, **more: object) -> None:
        raise SafetensorError("no space left")

    monkeypatch.setattr("originid.training.checkpoints.save_file", refuse)
    with pytest.raises(StorageError, match=r"cannot write .*no space left"):
        fit_metric(edits(20), ZEROS, replace(SHORT, epochs=1), run=tmp_path)


@pytest.mark.filterwarnings("ignore:invalid value|overflow")
def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    samples = edits(20)
    huge = LabelledRows.of_array(values(samples) * np.float32(1e30), samples.classes)
    settings = replace(SHORT, loss="softmax", rate=1e30)
    with pytest.raises(OriginidError, match=r"loss (nan|inf) in epoch 0, step \d"):
        fit_metric(huge, ZEROS, settings, run=tmp_path)
    assert not list(tmp_path.glob("checkpoint*"))


def test_a_map_that_flies_away_while_its_loss_is_finite_stops_the_run(tmp_path: Path) -> None:
    # Vectors are scaled to length 1, so that the loss tells nothing of it.
    with pytest.raises(OriginidError, match=r"too large to compute with in epoch 0") as error:
        fit_metric(edits(20), ZEROS, replace(SHORT, rate=1e30), run=tmp_path)
    assert error.value.todo.startswith("choose a lower rate")
    assert not list(tmp_path.glob("checkpoint*"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_latent_that_is_not_finite_is_named(value: float) -> None:
    whole = edits(4)
    latents = values(whole)
    latents[6, 3] = value
    samples = LabelledRows.of_array(latents, whole.classes)
    with pytest.raises(InputError, match="the latent of row 6 holds NaN or infinity"):
        fit_metric(samples, ZEROS, SHORT)


@pytest.mark.parametrize(
    ("settings", "mean", "start", "message"),
    [
        (SHORT, np.zeros(DIM + 1, np.float32), None, "a mean of shape"),
        (SHORT, np.full(DIM, np.nan, np.float32), None, "a mean of shape"),
        (SHORT, ZEROS, DenseMap(normal(4, DIM + 1), normal(DIM + 1)), "a start for latents of 33"),
        (replace(SHORT, transform="mlp-2"), ZEROS, IDENTITY, "a start of kind dense for the tra"),
        (replace(SHORT, transform="convolution"), ZEROS, None, "transform convolution of latents"),
        (replace(SHORT, transform="attention"), ZEROS, None, "transform attention of latents"),
    ],
)
def test_what_does_not_fit_is_refused(
    settings: MetricLearning, mean: np.ndarray, start: Map | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fit_metric(edits(5), mean, settings, start, shapes=((1, 4, 4), (1, 4, 4)))


def test_origins_with_one_image_are_classes_too() -> None:
    samples = edits(30)
    kept = np.flatnonzero((np.arange(120) % 4 == 0) | (samples.classes < 20))
    some = LabelledRows.of_array(values(samples)[kept], samples.classes[kept])
    learned = fit_metric(some, ZEROS, SHORT)
    assert np.isfinite(learned.apply(normal(2, DIM))).all()


# Two processes on one machine; each compares what all of them must have alike.
WORKER = """
import os, sys
import torch
torch.set_num_threads(1)
from test_metric_learning import SHORT, ZEROS, edits, fit_metric, replace
from originid.maps import save_map
from pathlib import Path
folder = Path(sys.argv[1])
for name, sampled in (("whole", None), ("sampled", 20)):
    settings = replace(SHORT, epochs=2, origins_per_batch=15, sampled_classes=sampled)
    learned = fit_metric(edits(40), ZEROS, settings, run=folder / name)
    save_map(learned, folder / f"{name}-{os.environ['RANK']}.safetensors")
torch.distributed.destroy_process_group()
"""


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
    }
    ended = subprocess.run(
        [*launch, str(worker), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    for name, sampled in (("whole", None), ("sampled", 20)):
        settings = replace(SHORT, epochs=2, origins_per_batch=15, sampled_classes=sampled)
        alone = fit_metric(edits(40), ZEROS, settings).apply(normal(5, DIM))
        both = [load_map(tmp_path / f"{name}-{rank}.safetensors") for rank in (0, 1)]
        first, second = (map.apply(normal(5, DIM)) for map in both)
        assert np.array_equal(first, second)
        assert np.allclose(first, alone, atol=1e-3)
        assert len(log_rows(tmp_path / name)) == 11


def test_half_precision_learns_the_same_ranking(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(SHORT, epochs=6)
    single = fit_metric(edits(200), ZEROS, settings)
    monkeypatch.setattr("originid.training.metric.learner.in_half_precision", lambda device: True)
    half = fit_metric(edits(200), ZEROS, settings)
    queries, origins = values(edits(60, seed=1)), values(edits(60, images=1, seed=1))

    def first(map: Map) -> np.ndarray:
        scores = unit_length(map.apply(queries)) @ unit_length(map.apply(origins)).T
        return np.asarray(scores.argmax(axis=1))

    (one,), (other,) = (
        [array for name, array in map.pack()[0].items() if name != "mean"] for map in (single, half)
    )
    assert not np.array_equal(one, other)  # it was not computed in single precision
    assert (first(single) == first(half)).mean() > 0.97


def test_a_cpu_trains_in_single_precision_and_cuda_in_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert in_half_precision(torch.device("cuda"))
    assert not in_half_precision(torch.device("cpu"))


def test_training_stays_on_the_cpu_where_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    class AskedError(Exception):
        """The accelerator was made."""

    def accelerator(cpu: bool) -> Accelerator:
        asked.append(cpu)
        raise AskedError

    monkeypatch.setattr("originid.training.metric.fit.Accelerator", accelerator)
    for device in ("cpu", "cuda"):
        monkeypatch.setattr("originid.training.metric.fit.best_device", lambda name=device: name)
        with pytest.raises(AskedError):
            fit_metric(edits(20), ZEROS, SHORT)
    assert asked == [True, False]


def test_a_device_that_is_not_there_stops_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGINID_DEVICE", "cuda:99")
    with pytest.raises(InputError, match="cuda:99"):
        fit_metric(edits(20), ZEROS, SHORT)
