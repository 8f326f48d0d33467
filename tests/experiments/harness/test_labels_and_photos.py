"""Labels of pairs, pooled latents, and the choice of photos, without any data set."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.datasets import Dataset
from originid.encoders import latent_dim
from originid.errors import InputError
from originid.experiments.harness.labels import FAMILIES, PARADIGMS, label_pair
from originid.experiments.harness.latents import ListedFiles, encode_files, list_files, spread_out
from originid.experiments.harness.pooling import PooledEncoder
from originid.testing import QuadrantEncoder, write_photos
from originid.types import Image, Latents, Pair


def labels(name: str, column: str, seen: str, **fields: str) -> tuple[str, str, str]:
    dataset = Dataset(name, None, (), (), column, seen, "")
    found = label_pair(Pair(Path("o"), Path("q"), "g", fields), dataset).fields
    assert fields.items() <= found.items()
    return found["family"], found["training"], found["paradigm"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_generator_belongs_to_the_family_its_name_begins_with(family: str) -> None:
    assert labels("pairs", "model", "", model=f"{family}.5 x")[0] == family


@pytest.mark.parametrize(
    ("name", "generator", "family"),
    [
        ("pairs", "Kolors", "Kolors"),
        ("realpairs", "Kolors", "other"),
        ("pairs", "", "unknown"),
        ("realpairs", "", "other"),
        ("pairs", "sdxl", "sdxl"),  # names are told apart by case
    ],
)
def test_a_generator_of_no_family(name: str, generator: str, family: str) -> None:
    assert labels(name, "model", "", model=generator)[0] == family


@pytest.mark.parametrize(
    ("column", "seen", "training"),
    [
        ("model", "SD 1", "seen"),
        ("model", "SD 2", "unseen"),
        ("model", "", "seen"),
        ("", "SD 1", "unseen"),  # nothing names the generator
        ("", "", "seen"),
        ("absent", "SD 1", "unseen"),
    ],
)
def test_what_training_may_see(column: str, seen: str, training: str) -> None:
    assert labels("pairs", column, seen, model="SD 1.4")[1] == training


@pytest.mark.parametrize("paradigm", PARADIGMS)
@pytest.mark.parametrize("column", ["method", "kind", "generator"])
def test_a_paradigm_is_named_in_any_of_three_columns(paradigm: str, column: str) -> None:
    for word in PARADIGMS[paradigm]:
        assert labels("pairs", "", "", **{column: f"by {word.upper()}!"})[2] == paradigm


def test_several_paradigms_are_none() -> None:
    assert labels("pairs", "", "", method="EDICT", kind="pnp")[2] == ""
    assert labels("pairs", "", "", method="EDICT", kind="edict")[2] == "EDICT"
    assert labels("pairs", "", "", model="edict")[2] == ""  # another column


# --- pooling ---


class Blocks:
    """An encoder of two blocks, whose latent is a row of numbers that begins with the image's."""

    spec, size, identity = "blocks", 4, "blocks-1"
    shapes = ((2, 4, 6), (1, 2, 2))
    cutoffs = (3.0, np.inf)

    def encode(self, images: Image) -> Latents:
        first = images.reshape(len(images), -1)[:, :1].astype(np.float32)
        places = np.arange(latent_dim(self.shapes), dtype=np.float32)
        return np.asarray(first + places, np.float32)


@given(st.integers(0, 99), st.integers(0, 4))
def test_pooling_is_a_loop_over_positions(seed: int, n: int) -> None:
    latents = np.random.default_rng(seed).normal(size=(n, 52)).astype(np.float32)
    found = PooledEncoder(Blocks()).pool(latents)
    assert found.shape == (n, 13)
    assert found.dtype == np.float32
    for row, pooled in zip(latents, found, strict=True):
        expected, start = [], 0
        for c, h, w in Blocks.shapes:
            block = row[start : start + c * h * w].reshape(c, h, w)
            start += c * h * w
            expected += [
                block[i, y : y + 2, x : x + 2].mean()
                for i in range(c)
                for y in range(0, h, 2)
                for x in range(0, w, 2)
            ]
        assert np.allclose(pooled, expected, atol=1e-6)


def test_a_pooled_encoder_is_another_encoder() -> None:
    pooled = PooledEncoder(Blocks())
    assert pooled.shapes == ((2, 2, 3), (1, 1, 1))
    assert pooled.cutoffs == (2, 1)  # a block has no higher frequencies than its height
    assert (pooled.identity, pooled.size, pooled.spec) == ("pooled:blocks-1", 4, "blocks")
    image = np.full((1, 4, 4, 3), 7, np.uint8)
    assert np.array_equal(pooled.encode(image), pooled.pool(Blocks().encode(image)))


# --- photos ---


@settings(max_examples=40)
@given(st.integers(1, 60))
def test_chosen_photos_are_spread_evenly(images: int) -> None:
    folder = Path(__file__).parent
    files = sorted(folder.glob("*.py"))
    # Every file stands for a photo here: only names count, and files are named one by one.
    with pytest.MonkeyPatch.context() as patch:
        target = "originid.experiments.harness.latents.find_images"
        patch.setattr(target, lambda photos, on_failure: iter(list(photos) * 5))
        chosen = spread_out(files, images)
    whole = [path.resolve() for path in files * 5]
    assert len(chosen) == min(images, len(whole))
    assert chosen[0] == whole[0]
    if len(chosen) > 1:
        assert chosen[-1] == whole[-1]
    if images >= len(whole):
        assert list(chosen) == whole


def test_photos_of_folders_and_of_files_are_listed_once(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "p", 4)
    (tmp_path / "link.png").symlink_to(photos[0])
    pair = Pair(photos[1], tmp_path / "q.png", "g")
    files = list_files([pair], [tmp_path / "p", tmp_path / "link.png"], 100)
    assert files.paths[:2] == [photos[1], tmp_path / "q.png"]
    assert sorted(files.paths[2:]) == [photos[0], *photos[2:]]
    assert files.failures == []


def test_no_photos_are_no_files(tmp_path: Path) -> None:
    assert spread_out([], 3) == ()
    assert spread_out([tmp_path], 3) == ()
    with pytest.raises(InputError, match="none-here"):
        spread_out([tmp_path / "none-here"], 3)


def test_copies_among_the_photos_are_no_strangers(tmp_path: Path) -> None:
    photos = write_photos(tmp_path, 4)
    copy = tmp_path / "zz.png"
    copy.write_bytes(photos[2].read_bytes())
    (tmp_path / "bad.png").write_bytes(b"no image")
    pair = Pair(photos[0], photos[1], "g")
    files = ListedFiles([pair], [photos[2], copy, photos[3], tmp_path / "bad.png", photos[0]], [])
    found = encode_files("q", QuadrantEncoder(), files)
    assert len(found.photos) == 3  # without the copy and the damaged file
    assert [Path(each.path).name for each in found.encoded_pairs.skipped] == ["bad.png"]
    assert len(found.encoded_pairs.references) == 3


def test_nothing_readable_is_an_error_of_three_parts(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(InputError) as caught:
        encode_files("q", QuadrantEncoder(), ListedFiles([], [tmp_path / "bad.png"], []))
    assert caught.value.given == "none of 1 images can be read"
    assert caught.value.expected == "expected readable image files"
    assert "manifest" in caught.value.todo
