import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PILImage

from originid.datasets.pairs import read_pairs
from originid.encoders import open_encoder
from originid.errors import ImageError, InputError
from originid.evaluation.attacks import ATTACKS, Attack, Step, parse_attack
from originid.evaluation.degradations import jpeg
from originid.evaluation.encoded_pairs import attack_queries, encode_all
from originid.evaluation.protocol import Protocol
from originid.evaluation.run import cross_validate
from originid.latents import LatentCache
from originid.testing import textured_image
from originid.training.fitting import NoMap
from originid.types import Pair

LEVELS = ("jpeg:5", "blur:3", "resize:0.25", "resize:2", "watermark:0.5")
SEVERAL = ("mirror", "crop:25+mirror+jpeg:40", "side-by-side+screenshot", "mirror+mirror")


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(float) - second).mean())


@pytest.mark.parametrize("text", LEVELS + SEVERAL)
def test_an_attack_is_its_text(text: str) -> None:
    assert str(parse_attack(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "jpeg",
        "jpeg:",
        "jpeg:0",
        "jpeg:101",
        "jpeg:2.5",
        "jpeg:x",
        "blur:0",
        "blur:-1",
        "blur:nan",
        "blur:inf",
        "blur:1e9",
        "resize:0",
        "resize:5",
        "watermark:1.5",
        "mirror:1",
        "crop",
        "crop:0",
        "crop:95",
        "quarter:4",
        "",
        "zoom:2",
    ],
)
def test_an_unknown_attack_or_level_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_attack(text)
    assert repr(text) in caught.value.given
    assert all(name in caught.value.expected for name in ATTACKS)


@pytest.mark.parametrize("text", ["jpeg:30+", "+mirror", "mirror++crop:5", "crop:25+zoom:2"])
def test_one_wrong_step_refuses_the_attack(text: str) -> None:
    with pytest.raises(InputError, match="expected jpeg:QUALITY"):
        parse_attack(text)


def test_steps_are_done_in_their_order() -> None:
    image = textured_image(3, 96, 128)
    steps = [Step("crop", 25), Step("mirror"), Step("jpeg", 40)]
    expected = image
    for step in steps:
        expected = Attack((step,)).apply(expected)
    np.testing.assert_array_equal(parse_attack("crop:25+mirror+jpeg:40").apply(image), expected)


@given(
    st.sampled_from(LEVELS), st.integers(1, 40), st.integers(1, 40), st.sampled_from([0, 99, 255])
)
@settings(max_examples=50, deadline=None)
def test_any_image_stays_an_image(text: str, height: int, width: int, value: int) -> None:
    image = np.full((height, width, 3), value, np.uint8)
    image.flags.writeable = False
    attacked = parse_attack(text).apply(image)
    assert (str(attacked.dtype), attacked.ndim, attacked.shape[2]) == ("uint8", 3, 3)
    assert "resize" in text or attacked.shape == image.shape
    np.testing.assert_array_equal(parse_attack(text).apply(image), attacked)


@pytest.mark.parametrize(
    ("name", "levels"), [("jpeg", (90, 50, 5)), ("blur", (0.5, 2, 8)), ("watermark", (0.1, 0.5, 1))]
)
def test_a_stronger_level_changes_more(name: str, levels: tuple[float, ...]) -> None:
    image = textured_image(3, 96, 128)
    changes = [distance(Attack((Step(name, level),)).apply(image), image) for level in levels]
    assert changes == sorted(changes)
    assert changes[0] > 0


def test_a_blur_has_the_variance_that_it_says() -> None:
    dot = np.zeros((101, 101, 3), np.uint8)
    dot[46:55, 46:55] = 255
    x = np.arange(101) - 50.0

    def variance(image: np.ndarray) -> float:
        profile = image[..., 0].astype(float).sum(axis=0)
        return float((profile * x**2).sum() / profile.sum())

    added = variance(Attack((Step("blur", 5),)).apply(dot)) - variance(dot)
    assert added == pytest.approx(25, rel=0.1)


def test_resizing_scales_both_sides() -> None:
    image = textured_image(0, 100, 60)
    assert Attack((Step("resize", 0.5),)).apply(image).shape == (50, 30, 3)
    assert Attack((Step("resize", 1),)).apply(image).tolist() == image.tolist()


def test_a_watermark_of_full_opacity_is_white_and_black_and_covers_a_part() -> None:
    grey = np.full((256, 256, 3), 100, np.uint8)
    marked = Attack((Step("watermark", 1),)).apply(grey)
    assert set(np.unique(marked)) == {0, 100, 255}
    assert 0.02 < (marked != 100).any(axis=2).mean() < 0.3
    half = Attack((Step("watermark", 0.5),)).apply(grey)
    assert set(np.unique(half)) == {50, 100, 178}


def test_a_side_beyond_jpeg_is_an_error_of_the_image() -> None:
    with pytest.raises(ImageError, match="65500"):
        jpeg(np.zeros((1, 65_501, 3), np.uint8), 50)


# In an evaluation


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 origins of 4 sources, each its own query, and 40 other photos."""
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "photos").mkdir()
    lines = ["origin,query,source"]
    for seed in range(12):
        PILImage.fromarray(textured_image(seed)).save(folder / f"o{seed}.png")
        PILImage.fromarray(textured_image(seed)).save(folder / f"q{seed}.bmp")
        lines.append(f"o{seed}.png,q{seed}.bmp,source{seed % 4}")
    for seed in range(40):
        PILImage.fromarray(textured_image(100 + seed)).save(folder / "photos" / f"{seed}.png")
    (folder / "pairs.csv").write_text("\n".join(lines))
    return folder


def test_only_what_is_judged_is_attacked(folder: Path, tmp_path: Path) -> None:
    encoder, pairs = open_encoder("pixels"), read_pairs(folder / "pairs.csv")
    cache = LatentCache.open(tmp_path, encoder)
    plain = encode_all(pairs, [folder / "photos"], encoder, cache=cache)
    files = len(cache)
    attack = Attack((Step("watermark", 1),))
    attacked = attack_queries(plain, encoder, attack, cache=cache)
    paths = [pair.query for pair in plain.pairs]
    np.testing.assert_array_equal(attacked.take(paths), plain.take(paths))
    expected = [encoder.encode(_squashed(attack, path))[0] for path in paths]
    np.testing.assert_allclose(attacked.queries(range(12)), np.stack(expected), atol=1e-5)
    assert len(cache) == files + 12
    again = attack_queries(plain, encoder, attack, cache=cache)
    assert len(cache) == files + 12
    np.testing.assert_array_equal(again.queries([3]), attacked.queries([3]))


def test_latents_are_the_same_held_or_in_a_cache(folder: Path, tmp_path: Path) -> None:
    encoder, pairs = open_encoder("pixels"), read_pairs(folder / "pairs.csv")
    photos = [folder / "photos", folder / "o0.png"]  # the second is a copy of an origin
    held = encode_all(pairs, photos, encoder)
    kept = encode_all(pairs, photos, encoder, cache=LatentCache.open(tmp_path, encoder))
    assert (held.rows, held.references, held.pairs) == (kept.rows, kept.references, kept.pairs)
    assert len(held.references) == 12 + 40
    np.testing.assert_array_equal(held.take(held.references), kept.take(kept.references))
    assert kept.take([]).shape == held.take([]).shape == (0, held.store.latent_dim)


def _squashed(attack: Attack, path: Path) -> np.ndarray:
    with PILImage.open(path) as opened:
        image = attack.apply(np.asarray(opened))
    size = open_encoder("pixels").size
    squashed = PILImage.fromarray(image).resize((size, size), PILImage.Resampling.BILINEAR)
    return np.asarray(squashed)[None]


def test_a_query_that_is_gone_is_skipped(folder: Path, tmp_path: Path) -> None:
    encoder, pairs = open_encoder("pixels"), read_pairs(folder / "pairs.csv")
    copy = tmp_path / "q.bmp"
    copy.write_bytes(pairs[0].query.read_bytes())
    pairs[0] = Pair(pairs[0].origin, copy, pairs[0].group, pairs[0].fields)
    material = encode_all(pairs, [folder / "photos"], encoder)
    copy.unlink()
    attacked = attack_queries(material, encoder, Attack((Step("blur", 1),)))
    assert len(attacked.pairs) == 11
    assert [failure.path for failure in attacked.skipped] == [str(copy)]
    alone = encode_all(pairs[1:2], [folder / "photos"], encoder)
    alone.pairs[:] = pairs[:1]
    with pytest.raises(InputError, match="blur:1"):
        attack_queries(alone, encoder, Attack((Step("blur", 1),)))


def test_an_attack_that_changes_nothing_changes_no_figure(folder: Path) -> None:
    encoder, pairs = open_encoder("pixels"), read_pairs(folder / "pairs.csv")
    no_map = NoMap(subtract_mean=True)
    reports = [
        cross_validate(pairs, folder / "photos", encoder, no_map, Protocol(), attack=attack).report
        for attack in (None, Attack((Step("resize", 1),)))
    ]
    assert reports[0].to_json() == reports[1].to_json()


@pytest.mark.parametrize(
    "judged", [["--model", "default"], ["--encoder", "pixels", "--map", "none"]]
)
def test_the_command_attacks(
    judged: list[str], folder: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    references = folder / "photos"
    command = ["evaluate", folder / "pairs.csv", "--references", references, *judged, "--json"]
    plain, attacked = (run(*command, *attack) for attack in ([], ["--attack", "blur:60"]))
    assert plain[0] == attacked[0] == 0
    found, spoilt = json.loads(plain[1]), json.loads(attacked[1])
    assert found["acc"] == 100
    assert spoilt["mAP"] < 100
    assert (found["attack"], spoilt["attack"]) == (None, "blur:60")
    model, encoder, map = (found[name] for name in ("model", "encoder", "map"))
    expected = [model] if judged[0] == "--model" else [encoder, map]
    assert expected == judged[1::2]
    assert map == (None if model else "none")


def test_the_command_refuses_an_unknown_attack(
    folder: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    status, out, err = run(
        "evaluate", folder / "pairs.csv", "--references", folder, "--attack", "zoom:2"
    )
    assert (status, out) == (1, "")
    assert "watermark:OPACITY" in err
