"""The theory experiment: identities to rounding, measures by hand, and the command as a whole."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from originid import cli
from originid.encoders import open_encoder
from originid.errors import InputError
from originid.experiments import (
    ExperimentContext,
    ExperimentInputs,
    ExperimentReport,
    open_experiment,
)
from originid.experiments.harness.latents import EncodedFiles, encode_files, list_files
from originid.experiments.report.report import Plot, Table
from originid.experiments.report.writing import write_report
from originid.experiments.scale import Scale
from originid.experiments.theory import distances, spectra, tables
from originid.maps import DenseMap
from originid.testing import textured_image
from originid.training.closed_form import ClosedForm
from originid.training.fitting import NoMap
from originid.types import Pair
from small_context import SMALLEST

MODELS = ("SD 1.4", "SD 1.5 x", "SDXL-Turbo", "SDXL fp16")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 origins of 4 sources and 2 families of generators with an edit each, 12 photos."""
    folder = tmp_path_factory.mktemp("theory")
    rng = np.random.default_rng(0)
    (folder / "photos").mkdir()
    for seed in range(12):
        PILImage.fromarray(textured_image(seed + 900)).save(folder / "photos" / f"{seed:02}.png")
    with open(folder / "pairs.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["origin", "query", "source", "model"])
        for i in range(48):
            origin = textured_image(i)
            tint, noise = rng.uniform(0.3, 1, 3), rng.normal(0, 12, origin.shape)
            query = np.clip(origin * tint + rng.uniform(0, 80, 3) + noise, 0, 255)
            PILImage.fromarray(origin).save(folder / f"o{i}.png")
            PILImage.fromarray(query.astype(np.uint8)).save(folder / f"q{i}.png")
            writer.writerow([f"o{i}.png", f"q{i}.png", f"source{i % 4}", MODELS[i % 4]])
    return folder


@pytest.fixture(scope="module")
def coded(material: Path) -> EncodedFiles:
    inputs = ExperimentInputs(pairs=material / "pairs.csv", references=material / "photos")
    files = list_files(*ExperimentContext(inputs).pairs_and_photos, inputs.scale.images)
    return encode_files("pixels", open_encoder("pixels"), files)


@pytest.fixture(scope="module")
def vaes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three tiny autoencoders: one, its copy, and one with more channels."""
    diffusers = pytest.importorskip("diffusers", reason="needs the extra [vae]")
    torch = pytest.importorskip("torch", reason="needs the extra [vae]")
    torch.manual_seed(0)
    widths = {"encoder_block_out_channels": (4,) * 4, "decoder_block_out_channels": (4,) * 4}
    folder = tmp_path_factory.mktemp("vaes")
    one = diffusers.AutoencoderTiny(**widths)
    one.save_pretrained(folder / "one")
    one.save_pretrained(folder / "copy-xl")
    diffusers.AutoencoderTiny(**widths, latent_channels=6).save_pretrained(folder / "six")
    return [folder / "one", folder / "copy-xl", folder / "six"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few frequencies and images: a fit takes milliseconds."""
    monkeypatch.setattr(spectra, "COEFFICIENTS", 200)
    monkeypatch.setattr(tables, "IMAGES", 2)
    monkeypatch.setattr(tables, "ClosedForm", lambda: ClosedForm(cutoff=6))


def natural(n: int, seed: int = 0) -> np.ndarray:
    """Latents (n, 2, 8, 8) whose low frequencies vary most."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((n, 2, 8, 8)).cumsum(axis=2).cumsum(axis=3)
    return np.asarray(steps / 4 + 1)


@pytest.mark.parametrize("scheduler", ["DDPM", "DDIM", "flow matching"])
@pytest.mark.parametrize("time", [0.02, 0.5, 0.95])
def test_the_identity_holds_for_any_denoiser(scheduler: str, time: float) -> None:
    pytest.importorskip("diffusers", reason="needs the extra [vae]")
    from originid.experiments.theory import identity

    z_0 = natural(5)
    optimal = identity.GaussianLatents.fit(natural(300, seed=1)).estimate
    random = identity.random_network((2, 8, 8), seed=0)
    sizes = []
    for denoiser in (optimal, random):
        both = identity.identity(scheduler, z_0, denoiser, time, seed=3)
        assert both.difference() < 1e-5
        assert np.allclose(both.estimate - z_0, both.left)
        sizes.append(both.norms()[0])
    assert sizes[0] < sizes[1]  # the identity is algebra; what is small is up to the denoiser


def test_the_schedulers_agree_with_the_formula_by_hand() -> None:
    pytest.importorskip("diffusers", reason="needs the extra [vae]")
    from originid.experiments.theory import identity

    # The schedule of Stable Diffusion, computed anew.
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    alpha_bar = np.cumprod(1 - betas)
    for time in (0.0, 0.3, 0.9):
        signal, noise = identity.noise_levels("DDPM", time)
        assert signal == pytest.approx(alpha_bar[round(1000 * time)] ** 0.5, rel=1e-5)
        assert signal**2 + noise**2 == pytest.approx(1)
    z_0 = natural(2)
    both = identity.identity("DDIM", z_0, lambda noisy, s, n: z_0, 0.4, seed=0)
    assert np.abs(both.left).max() < 1e-5  # who knows the clean latent makes no error


def test_the_gaussian_denoiser_is_the_posterior_mean() -> None:
    pytest.importorskip("diffusers", reason="needs the extra [vae]")
    from originid.experiments.theory.identity import GaussianLatents

    white = np.random.default_rng(0).normal(3, 2, (20_000, 1, 2, 2))
    model = GaussianLatents.fit(white)
    noisy = np.full((1, 1, 2, 2), 7.0)
    # Of N(3, 4): 3 + s 4 / (4 s^2 + n^2) (7 - 3 s) at each of the four places.
    expected = 3 + 0.8 * 4 / (4 * 0.64 + 0.36) * (7 - 2.4)
    assert np.allclose(model.estimate(noisy, 0.8, 0.6), expected, rtol=0.03)
    assert np.allclose(model.estimate(noisy, 0.0, 1.0), 3, atol=0.05)
    assert np.allclose(model.estimate(noisy, 1.0, 1e-6), 7)


def test_a_random_network_leaves_the_global_generator_alone() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra [vae]")
    pytest.importorskip("diffusers", reason="needs the extra [vae]")
    from originid.experiments.theory import identity

    before = torch.get_rng_state()
    denoiser = identity.random_network((2, 8, 8), seed=0)
    identity.identity("DDPM", natural(2), denoiser, 0.5, seed=0)
    assert torch.equal(before, torch.get_rng_state())


def test_distances_by_hand() -> None:
    identity = DenseMap(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    origins = np.array([[1, 0], [0, 1]], np.float32)
    queries = np.array([[2, 0], [0, 1]], np.float32)
    others = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    found = distances.measure(identity, origins, queries, ["a", "b"], others, ["a", "b", ""])
    # Strangers of the first query: 5 and 9 away, squared; of the second: 2 and 2.
    assert found.relative.tolist() == pytest.approx([1 / 4.5, 0])
    assert found.pair_cosines.tolist() == pytest.approx([1, 1])
    assert found.stranger_cosines.tolist() == pytest.approx([-0.5, 0])
    assert found.separation[0] == pytest.approx(1.5 / 0.5)  # strangers' cosines are 0 and -1


def test_the_distance_does_not_depend_on_the_scale_of_the_map(coded: EncodedFiles) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((5, 3072), np.float32)
    mean = coded.photos.mean(axis=0)
    rows = list(range(48))
    one, ten = (
        distances.measure_rows(DenseMap(k * matrix, mean), coded.encoded_pairs, rows)
        for k in (1, 10)
    )
    assert np.allclose(one.relative, ten.relative, rtol=1e-4)


def test_theorem_1_the_distance_shrinks_on_unseen_sources(coded: EncodedFiles) -> None:
    before = distances.cross_validate(coded.encoded_pairs, coded.encoder, NoMap(subtract_mean=True))
    after = distances.cross_validate(coded.encoded_pairs, coded.encoder, ClosedForm(cutoff=8))
    assert after.averages()[0] < 0.6 * before.averages()[0]
    assert after.averages()[1] > before.averages()[1]
    assert after.averages()[3] > before.averages()[3]
    low, high = after.interval()
    assert low < after.averages()[0] < high


def test_singular_values_are_those_of_the_textbook() -> None:
    matrix = np.random.default_rng(0).standard_normal((6, 20), np.float32)
    expected = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    assert np.allclose(spectra.singular_values(matrix), expected)
    assert spectra.spectrum_cosine(expected, 3 * expected) == pytest.approx(1)
    assert spectra.spectrum_cosine(np.array([1.0, 0]), np.array([1.0, 1])) == pytest.approx(
        0.5**0.5
    )


def test_even_random_matrices_have_nearly_parallel_spectra() -> None:
    a, b = (spectra.random_spectrum(64, 512, np.random.default_rng(seed)) for seed in (0, 1))
    assert spectra.spectrum_cosine(a, b) > 0.999


def test_families_of_generators() -> None:
    models = ["SD 1.4", "SD 1.5 ip2p", "SDXL-Turbo", "SDXL fp16", "SD", "SD 3", "", "7"]
    pairs = [Pair(Path("o"), Path("q"), "g", {"model": model, "source": "s"}) for model in models]
    assert spectra.families(pairs) == {
        **{"SD 1": [0, 1], "SDXL": [2, 3], "": [6], "7": [7]},
        **{"SD": [4], "SD 3": [5]},
    }
    names = ["SD2", "SD3", "SDXL", "Kandinsky-3"]  # OriPID's
    oripid = [Pair(Path("o"), Path("q"), "g", {"generator": name}) for name in names]
    assert list(spectra.families(oripid)) == ["Kandinsky", "SD2", "SD3", "SDXL"]
    assert list(spectra.families(pairs))[:2] == ["SD 1", "SDXL"]
    assert spectra.families([Pair(Path("o"), Path("q"), "g", {"source": "a 1"})]) == {"a 1": [0]}


def test_observation_1_has_its_controls(coded: EncodedFiles, quick: None) -> None:
    (found,) = spectra.compare(coded.encoded_pairs, coded.encoder, repeats=8)
    assert (found.generator, found.other, found.pairs) == ("SD 1", "SDXL", 12)
    assert set(found.cosines) == {"other", "same", "shuffled", "random"}
    assert all(0 < c <= 1 + 1e-9 for values in found.cosines.values() for c in values)
    assert all(len(values) == 8 for values in found.distances.values())
    # Another generator's map helps, as Theorem 2 says; wrong pairs do not, whatever the spectra.
    assert np.mean(found.distances["other"]) < np.mean(found.distances["shuffled"])


def test_one_generator_has_nothing_to_be_compared_with(coded: EncodedFiles) -> None:
    from dataclasses import replace

    few = replace(coded.encoded_pairs, pairs=coded.encoded_pairs.pairs[:8])
    with pytest.raises(InputError, match="at least 20 pairs"):
        spectra.compare(few, coded.encoder)


def test_weights_and_latents_of_equal_vaes_have_cosine_1(vaes: list[Path]) -> None:
    from originid.experiments.theory import vaes as measures

    one, copy, six = (measures.as_vae(open_encoder(f"diffusers:{path}")) for path in vaes)
    convolutions = [measures.last_convolution(each) for each in (one, copy, six)]
    assert [len(weights) for weights in convolutions] == [4, 4, 6]
    assert measures.weight_cosine(*convolutions[:2]) == pytest.approx(1)
    assert measures.weight_cosine(convolutions[0], convolutions[2]) is None
    with pytest.raises(InputError, match="VAE"):
        measures.as_vae(open_encoder("pixels"))


def test_latent_measures_by_hand() -> None:
    pytest.importorskip("diffusers", reason="needs the extra [vae]")
    from originid.experiments.theory import vaes as measures

    rng = np.random.default_rng(0)
    a = rng.standard_normal((10, 2 * 3 * 3), np.float32)
    blocks = a.reshape(10, 2, 9)
    swapped = np.stack([blocks[:, 1], -blocks[:, 0], blocks.sum(axis=1)], axis=1).reshape(10, 27)
    assert measures.latent_cosine(a, a) == pytest.approx(1)
    assert measures.latent_cosine(a, -a) == pytest.approx(-1)
    assert measures.latent_cosine(a + 5, a - 5) < -0.9  # type: ignore[operator]
    assert measures.latent_cosine(a + 5, a - 5, centred=True) == pytest.approx(1)
    assert measures.latent_cosine(a, swapped) is None
    assert measures.explained(a, (2, 3, 3), swapped + 7, (3, 3, 3)) == pytest.approx(1)
    assert measures.explained(swapped[:, :9], (1, 3, 3), a, (2, 3, 3)) == pytest.approx(
        0.5, abs=0.1
    )
    assert measures.explained(a, (2, 3, 3), a, (18, 1, 1)) is None


def test_a_vae_that_keeps_nothing_loses_everything_on_the_round_trip(vaes: list[Path]) -> None:
    from originid.experiments.theory import vaes as measures

    encoder = measures.as_vae(open_encoder(f"diffusers:{vaes[0]}"))
    images = measures.decode(encoder, np.zeros((2, 4, 32, 32), np.float32))
    assert images.shape == (2, 256, 256, 3)
    assert images.dtype == np.uint8
    assert np.array_equal(images[0], images[1])
    assert measures.scaling(encoder) == (1.0, 0.0)


def test_the_command_writes_json_markdown_and_plots(
    material: Path,
    vaes: list[Path],
    tmp_path: Path,
    quick: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    (material / "photos" / "broken.png").write_bytes(b"no image")
    (tmp_path / "scale.json").write_text('{"images": 13}')
    arguments = ["experiment", "theory", "-o", tmp_path / "out", "--scale", tmp_path / "scale.json"]
    arguments += ["--references", material / "photos"]
    arguments += [part for path in vaes for part in ("--vae", path)]
    assert cli.run(list(map(str, arguments))) == 0
    output = capsys.readouterr()
    assert "not run: theorem1" in output.out
    assert "--pairs" in output.out
    assert "broken.png" in output.err
    results = json.loads((tmp_path / "out" / "theory.json").read_text())
    rows = results["tables"]["table4"]
    assert [(row["VAE"], row["other"]) for row in rows] == [
        ("one", "copy-xl"),
        ("one", "six"),
        ("copy-xl", "six"),
    ]
    assert rows[0]["convolution"] == rows[0]["latents"] == pytest.approx(1)
    assert rows[0]["explained"] == pytest.approx(1)
    assert (rows[0]["paper: convolution"], rows[0]["paper: latents"]) == ("0.169", "0.120")
    assert rows[1]["convolution"] is rows[1]["latents"] is None
    lemma = results["tables"]["lemma1"]
    assert len(lemma) == 3 * 3 * 2 * len(tables.TIMES)
    # To the rounding of the noise, whose length is 64: the latents themselves are tiny here.
    assert all(row["difference"] * row["left"] < 1e-4 for row in lemma)
    assert set(results["skipped"]) == {"theorem1", "observation1"}
    assert len(results["unreadable"]) == 1
    page = (tmp_path / "out" / "theory.md").read_text()
    assert "| n/a |" in page
    assert "flow matching" in page
    assert "(theory-lemma1.png)" in page
    with PILImage.open(tmp_path / "out" / "theory-lemma1.png") as plot:
        assert plot.width > 500


def test_pairs_alone_need_no_torch_and_are_reproducible(
    material: Path, tmp_path: Path, quick: None
) -> None:
    inputs = ExperimentInputs(pairs=material / "pairs.csv", scale=Scale(images=5))
    reports = [open_experiment("theory")(ExperimentContext(inputs)) for _ in range(2)]
    assert json.dumps(reports[0].to_json()) == json.dumps(reports[1].to_json())
    assert set(reports[0].tables) == {"theorem1", "observation1"}
    before, after = reports[0].tables["theorem1"].to_json()
    assert after["distance"] < before["distance"]
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    write_report(tmp_path / "out", reports[0])
    names = {path.name for path in (tmp_path / "out").iterdir()}
    parts = ("theorem1", "observation1")
    assert names == {"theory.json", "theory.csv", "theory.md"} | {
        f"theory-{part}.{ending}" for part in parts for ending in ("csv", "png")
    }


def test_a_manifest_without_sources_skips_what_needs_them(
    material: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("originid.experiments.theory.run.PACKAGED", SMALLEST)
    lines = (material / "pairs.csv").read_text().splitlines()
    (material / "bare.csv").write_text(
        "origin,query\n" + "\n".join(",".join(line.split(",")[:2]) for line in lines[1:])
    )
    report = open_experiment("theory")(
        ExperimentContext(ExperimentInputs(pairs=material / "bare.csv"))
    )
    assert set(report.tables) == {"theorem1"}  # origins alone are kept apart
    assert "source" in report.skipped["observation1"]


def test_bad_inputs_are_named(
    material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: object) -> str:
        assert cli.run([str(each) for each in ("experiment", *arguments)]) in (1, 2)
        return capsys.readouterr().err

    out = tmp_path / "out"
    assert "theory" in run("theorem9", "-o", out)
    assert "--references" in run("theory", "-o", out)
    photos = ("--references", material / "photos")
    assert "--pairs" in run("theory", "-o", out, *photos)
    assert "no folder" in run("theory", "-o", out, "--pairs", material / "pairs.csv",
                              "--references", tmp_path / "absent")  # fmt: skip
    assert "absent.csv" in run("theory", "-o", out, "--pairs", tmp_path / "absent.csv")
    assert "exists" in run("theory", "-o", material, "--pairs", material / "pairs.csv")
    assert "medium" in run("theory", "-o", out, "--scale", "medium", *photos)
    assert [path.name for path in out.iterdir()] == ["inputs.json"]  # and so it may be begun


def test_an_empty_folder_has_nothing_to_run_on(vaes: list[Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    inputs = ExperimentInputs(vaes=(str(vaes[0]),), references=tmp_path / "empty")
    with pytest.raises(InputError, match="none of 0 images"):
        open_experiment("theory")(ExperimentContext(inputs))


def test_few_photos_skip_the_lemma(
    vaes: list[Path], tmp_path: Path, write_photos: Callable[..., list[Path]]
) -> None:
    photos = write_photos(3)[0].parent
    with pytest.raises(InputError, match="3 readable photos"):
        open_experiment("theory")(
            ExperimentContext(ExperimentInputs(vaes=(str(vaes[0]),), references=photos))
        )
    both = ExperimentInputs(vaes=(str(vaes[0]), str(vaes[2])), references=photos)
    report = open_experiment("theory")(ExperimentContext(both))
    assert "3 readable photos" in report.skipped["lemma1"]
    assert set(report.tables) == {"table4"}


def test_a_report_says_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    table = Table("T", ("a|b", "c"), ((1.0, None), ("x", 0.123456789)), "A note.")
    bars = Plot("P", "x", "y", {"one": (["a", "b"], [1, 2]), "two": (["a"], [3])}, bars=True)
    report = ExperimentReport(
        "r", "R", ExperimentInputs(), table, {"t": table}, {"p": bars}, skipped={"s": "why"}
    )
    write_report(tmp_path / "r", report)
    page = (tmp_path / "r" / "r.md").read_text()
    assert "| a\\|b | c |" in page
    assert "| 1 | n/a |" in page
    assert "| x | 0.123457 |" in page
    assert "- s: why" in page
    assert "A note." in page
