"""Samples: the same rows whatever holds them, and the stream that the closed form takes."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import InputError
from originid.latents import LatentCache
from originid.maps import DctBasis
from originid.testing import QuadrantEncoder
from originid.training import samples as module
from originid.training.closed_form import PairScatter
from originid.training.samples import (
    LabelledRows,
    OfficialSamples,
    Samples,
    lone_classes,
    within_class_rows,
)

DIM = 12
CLASSES = np.array([2, 0, 1, 1, 3, 0, 1])


def values(n: int = 7, seed: int = 0) -> "np.ndarray[Any, np.dtype[np.float32]]":
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


def array_samples(folder: Path) -> Samples:
    return LabelledRows.of_array(values(), CLASSES)


def mapped_samples(folder: Path) -> Samples:
    np.save(folder / "x.npy", values())
    return LabelledRows.of_array(np.load(folder / "x.npy", mmap_mode="r"), CLASSES)


def cached_samples(folder: Path) -> Samples:
    cache = LatentCache.open(folder, QuadrantEncoder())
    keys = [hashlib.sha256(bytes([n])).digest() for n in range(7)]
    cache.add(keys[::-1], values()[::-1])
    return LabelledRows(cache, np.array([cache.index(key) for key in keys]), CLASSES)


@pytest.mark.parametrize("make", [array_samples, mapped_samples, cached_samples])
def test_rows_come_in_the_order_asked(make: Callable[[Path], Samples], tmp_path: Path) -> None:
    samples = make(tmp_path)
    rows = np.array([6, 0, 3, 0])
    taken = samples.take(rows)
    assert taken.dtype == np.float32
    np.testing.assert_array_equal(taken, values()[rows])
    assert samples.latent_dim == DIM
    np.testing.assert_array_equal(samples.classes, CLASSES)
    taken[:] = 0  # a copy: what is stored stays
    np.testing.assert_array_equal(samples.take(rows), values()[rows])


def test_half_precision_is_widened() -> None:
    halves = values().astype(np.float16)
    taken = LabelledRows.of_array(halves, CLASSES).take(np.array([1]))
    assert taken.dtype == np.float32
    np.testing.assert_array_equal(taken[0], halves[1])


def test_classes_must_match(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\(6,\) for 7 latents"):
        LabelledRows.of_array(values(), CLASSES[:6])
    with pytest.raises(InputError, match="from 0 on"):
        LabelledRows.of_array(values(), CLASSES - 1)
    cache = LatentCache.open(tmp_path, QuadrantEncoder())
    with pytest.raises(InputError, match=r"\(7,\) for 2 latents"):
        LabelledRows(cache, np.zeros(2, np.int64), CLASSES)


# The official layout.


def test_official_files_in_order_of_origin_and_number(tmp_path: Path) -> None:
    names = ["a000017_2", "a000017_10", "a000017_0", "b000003_1", "a999999_0", "a000003_1"]
    for number, name in enumerate(names):
        np.save(tmp_path / f"{name}.npy", np.full(5, number, np.float32))
    (tmp_path / "README.txt").write_text("not a latent")
    samples = OfficialSamples.open(tmp_path)
    assert samples.latent_dim == 5
    order = ["a000003_1", "b000003_1", "a000017_0", "a000017_2", "a000017_10", "a999999_0"]
    assert samples.names.tolist() == [f"{name}.npy".encode() for name in order]
    assert samples.classes.tolist() == [0, 0, 1, 1, 1, 2]
    taken = samples.take(np.array([5, 0, 3]))
    assert taken.dtype == np.float32
    assert taken[:, 0].tolist() == [names.index(order[row]) for row in (5, 0, 3)]


def test_names_in_several_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    for number in range(11):
        np.save(tmp_path / f"x{number // 2:06}_{10**number}.npy", np.full(2, number, np.float32))
    samples = OfficialSamples.open(tmp_path)
    assert samples.classes.tolist() == [n // 2 for n in range(11)]
    assert samples.take(np.arange(11))[:, 0].tolist() == list(range(11))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
@pytest.mark.parametrize("shape", [(24,), (4, 2, 3), (1, 4, 2, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_float_and_shape(
    dtype: str, shape: tuple[int, ...], order: Any, tmp_path: Path
) -> None:
    exact = np.arange(24).reshape(shape)
    np.save(tmp_path / "a000000_0.npy", exact.astype(dtype, order=order))
    taken = OfficialSamples.open(tmp_path).take(np.array([0]))
    assert taken.tolist() == [list(range(24))]


def saved(value: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, value, **options)
    return file.getvalue()


def version_2() -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.zeros(4), version=(2, 0))
    return file.getvalue()


def header_of(text: str) -> bytes:
    """A file whose header says this, whether or not it means anything."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


GOOD = saved(np.zeros(4, np.float32))
BAD = {
    "empty": (b"", "no .npy"),
    "text": (b"hello", "no .npy"),
    "short": (GOOD[:-1], "buffer is smaller"),
    "header only": (GOOD[:40], "cannot be used"),
    "deep": (header_of("(" * 5000), "cannot be used"),
    "minus": (header_of("-" * 9000 + "1"), "cannot be used"),
    "no names": (header_of("{[]: 1}"), "cannot be used"),
    "python 2": (GOOD.replace(b"(4,), ", b"(4L,),"), "cannot be used"),
    "negative": (GOOD.replace(b"(4,), ", b"(-4,),"), "cannot be used"),
    "pickle": (saved(np.array([{}], object), allow_pickle=True), r"'descr': '\|O'"),
    "archive": (b"PK\x03\x04" + GOOD, "no .npy"),
    "version": (version_2(), "cannot be used"),
    "integers": (saved(np.zeros(4, np.int32)), "'descr': '<i4'"),
    "complex": (saved(np.zeros(4, complex)), "'descr': '<c16'"),
    "matrix": (saved(np.zeros((2, 2))), r"'shape': \(2, 2\)"),
    "batch": (saved(np.zeros((2, 1, 1, 4))), r"'shape': \(2, 1, 1, 4\)"),
    "nothing": (saved(np.zeros(0)), r"'shape': \(0,\)"),
    "scalar": (saved(np.float32(1)), r"'shape': \(\)"),
    "nan": (saved(np.array([1, np.nan])), "not finite"),
    "overflow": (saved(np.array([1e300])), "not finite"),
    "huge": (GOOD.replace(b"(4,)", b"(9" + b"9" * 18 + b",)"), "cannot be used"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_no_latent_is_named(case: str, tmp_path: Path) -> None:
    data, message = BAD[case]
    (tmp_path / "a000000_7.npy").write_bytes(data)
    with pytest.raises(InputError, match=rf"a000000_7\.npy .*{message}"):
        OfficialSamples.open(tmp_path)
    (tmp_path / "a000000_1.npy").write_bytes(GOOD)
    samples = OfficialSamples.open(tmp_path)
    with pytest.raises(InputError, match=rf"a000000_7\.npy .*{message}"):
        samples.take(np.array([0, 1]))


@given(place=st.integers(0, len(GOOD) - 1), damage=st.binary(min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_a_damaged_file_raises_nothing_else(
    place: int, damage: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    data = GOOD[:place] + damage + GOOD[place + len(damage) :]
    (folder / "a000000_0.npy").write_bytes(data)
    message = ""
    try:
        OfficialSamples.open(folder).take(np.array([0]))
    except InputError as error:
        message = error.given
    assert message == "" or "a000000_0.npy" in message


def test_another_number_of_components_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a000000_0.npy", np.zeros(4))
    np.save(tmp_path / "a000000_1.npy", np.zeros(5))
    samples = OfficialSamples.open(tmp_path)
    with pytest.raises(InputError, match=r"a000000_1\.npy holds 5 numbers\nexpected 4"):
        samples.take(np.array([1]))


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    for k in range(2):
        np.save(tmp_path / f"a000000_{k}.npy", np.zeros(4))
    samples = OfficialSamples.open(tmp_path)
    (tmp_path / "a000000_1.npy").unlink()
    with pytest.raises(InputError, match=r"a000000_1\.npy cannot be used"):
        samples.take(np.array([1]))


def test_names_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    np.save(tmp_path / "a000000_0.npy", np.zeros(4))
    for name in ("a00000_0", "a0000000_0", "ab000000_0", "a000000", "a000000_x"):
        np.save(tmp_path / f"{name}.npy", np.zeros(4))
    expected = r"holds a000000\.npy, a0000000_0\.npy, a000000_x\.npy and 2 more\n.*a000017_3"
    with pytest.raises(InputError, match=expected):
        OfficialSamples.open(tmp_path)


def test_a_folder_without_latents(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("")
    with pytest.raises(InputError, match=r"holds no \.npy file"):
        OfficialSamples.open(tmp_path)
    with pytest.raises(InputError, match=os.strerror(2)):
        OfficialSamples.open(tmp_path / "absent")
    with pytest.raises(InputError, match="README"):
        OfficialSamples.open(tmp_path / "README.txt")


# The stream within classes.


def slow_covariance(samples: Samples) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """The mean over classes of two and more of numpy's unbiased covariance."""
    latents = samples.take(np.arange(len(samples.classes)))
    classes = [latents[samples.classes == c] for c in np.unique(samples.classes)]
    several = [np.cov(rows.astype(np.float64).T) for rows in classes if len(rows) > 1]
    return np.asarray(np.mean(several, axis=0))


@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(lambda s: max(s) > 1),
    chunk=st.integers(1, 20),
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_the_stream_gives_the_mean_covariance(sizes: list[int], chunk: int, seed: int) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    classes = np.random.default_rng(seed).permutation(classes)
    offset = 10 * np.random.default_rng(seed + 1).standard_normal((len(sizes), DIM))
    samples = LabelledRows.of_array(
        (values(len(classes), seed) + offset[classes]).astype("f4"), classes
    )
    total, weight, seen = np.zeros((DIM, DIM)), 0.0, 0
    for rows, weights, of in within_class_rows(samples, chunk):
        assert rows.dtype == np.float32
        assert rows.shape == (len(weights), DIM)
        assert of.shape == weights.shape
        assert len(rows) <= chunk or len(set(of.tolist())) == 1
        total += rows.T.astype(np.float64) * weights @ rows
        weight += weights.sum()
        seen += len(rows)
    assert weight == pytest.approx(sum(size > 1 for size in sizes))
    assert seen == len(classes) - sizes.count(1)
    assert lone_classes(samples) == sizes.count(1)
    np.testing.assert_allclose(total / weight / 2, slow_covariance(samples), atol=1e-4)


def test_classes_of_two_are_pairs() -> None:
    origins, queries = values(20, 1), values(20, 2)
    both = LabelledRows.of_array(np.concatenate([origins, queries]), np.tile(np.arange(20), 2))
    basis = DctBasis(((3, 2, 2),), (np.inf,))
    of_pairs, of_classes = PairScatter(basis), PairScatter(basis)
    of_pairs.add(queries - origins, np.ones(20), np.arange(20))
    for rows, weights, classes in within_class_rows(both, chunk=6):
        of_classes.add(rows, weights, classes)
    assert of_classes.weight == pytest.approx(of_pairs.weight)
    for ours, theirs in zip(of_classes.moments(), of_pairs.moments(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_lone_classes_alone_give_nothing() -> None:
    samples = LabelledRows.of_array(values(3), np.arange(3))
    assert list(within_class_rows(samples)) == []
    assert lone_classes(samples) == 3
    empty = LabelledRows.of_array(values(0), np.zeros(0, np.int64))
    assert list(within_class_rows(empty)) == []
    assert lone_classes(empty) == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_among_the_files_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a000017_3.npy")
    with pytest.raises(InputError, match="it is a pipe or a device"):
        OfficialSamples.open(tmp_path)
