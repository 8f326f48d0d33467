"""Distillation: what the student learns, what is written, and what a cut-off run does."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from originid.collection.collection import create_collection, open_collection
from originid.encoders import Shape, open_encoder
from originid.errors import InputError, OriginidError
from originid.model import Model, open_model, save_model
from originid.testing import textured_image
from originid.training.closed_form import no_map
from originid.types import Image, Latents
from originid.verdict.calibration import Calibration
from originid.verdict.pareto_tail import BODY, Tail

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("accelerate")

from originid.encoders.onnx import OnnxEncoder  # noqa: E402
from originid.maps import DctBasis  # noqa: E402
from originid.training.distillation import export, fit  # noqa: E402
from originid.training.distillation.fit import distill  # noqa: E402
from originid.training.distillation.network import Student  # noqa: E402
from originid.training.distillation.settings import Distillation  # noqa: E402
from originid.training.distillation.views import View, draw_crops  # noqa: E402

SIDE = 64
SMALL = Distillation(
    fine=8, coarse=16, coarse_blocks=1, epochs=3, steps_per_epoch=30, batch=8, warmup=10, ema=0.9
)


@dataclass(frozen=True)
class Teacher:
    """Box means of red and the differences between columns of green: 2 x 8 x 8."""

    spec: str = "teacher"
    size: int = SIDE
    shapes: tuple[Shape, ...] = ((2, 8, 8),)
    cutoffs: tuple[float, ...] = (6.0,)
    identity: str = "teacher-1"

    def encode(self, images: Image) -> Latents:
        boxes = images.reshape(len(images), 8, 8, 8, 8, 3).mean(axis=(2, 4)) / 255
        latents = np.stack([boxes[..., 0], np.diff(boxes[..., 1], axis=2, append=0.5)], axis=1)
        return np.asarray(latents.reshape(len(images), -1), np.float32)


@pytest.fixture
def photos(write_photos: Callable[..., list[Path]]) -> Path:
    return write_photos(80)[0].parent


def test_the_student_learns_what_the_teacher_says(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"no image")
    longer = replace(SMALL, epochs=8)
    described, failures = distill(tmp_path / "e.onnx", [photos], Teacher(), longer)
    assert [Path(f.path).name for f in failures] == ["broken.jpg"]
    assert not (tmp_path / "e.onnx.training" / "latents").exists()
    assert (tmp_path / "e.onnx.training" / "log.csv").exists()
    assert described["error"]["latent"] < 0.2
    assert described["rounding"] < 0.1
    encoder = open_encoder(f"onnx:{tmp_path / 'e.onnx'}")
    assert (encoder.shapes, encoder.size, encoder.cutoffs) == (((2, 8, 8),), SIDE, (6.0,))
    images = np.stack([textured_image(seed, SIDE, SIDE) for seed in range(500, 516)])
    wanted, made = Teacher().encode(images), encoder.encode(images)
    spread = np.square(wanted - wanted.mean(axis=0)).sum()
    assert np.square(made - wanted).sum() < 0.3 * spread


def test_what_the_map_keeps_is_learned_better(photos: Path, tmp_path: Path) -> None:
    latents = Teacher().encode(np.stack([textured_image(s, SIDE, SIDE) for s in range(50)]))
    basis = DctBasis(((2, 8, 8),), (3.0,))
    keeps_little = no_map(basis, latents.mean(axis=0))
    few = replace(SMALL, epochs=2)
    with_map, _ = distill(tmp_path / "a.onnx", [photos], Teacher(), few, keeps_little)
    errors = with_map["error"]
    without, _ = distill(tmp_path / "b.onnx", [photos], Teacher(), few)
    assert errors["mapped"] < without["error"]["latent"]
    assert "mapped" not in without["error"]


def test_a_run_that_was_cut_off_ends_the_same(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(SMALL, epochs=2, steps_per_epoch=5, crops=1)
    distill(tmp_path / "whole.onnx", [photos], Teacher(), few)

    def cut(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        learn = fit._learn_epoch
        patch.setattr(fit, "_learn_epoch", lambda *a: cut() if a[3] == 1 else learn(*a))
        with pytest.raises(KeyboardInterrupt):
            distill(tmp_path / "parts.onnx", [photos], Teacher(), few)
    assert not (tmp_path / "parts.onnx").exists()
    distill(tmp_path / "parts.onnx", [photos], Teacher(), few)
    assert (tmp_path / "parts.onnx").read_bytes() == (tmp_path / "whole.onnx").read_bytes()


def test_other_settings_do_not_go_on_with_a_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(SMALL, epochs=1, steps_per_epoch=2)
    monkeypatch.setattr(fit, "_write", lambda *given: {})  # as if it had died before
    distill(tmp_path / "e.onnx", [photos], Teacher(), few)
    shutil.rmtree(photos)  # it is refused before anything is read or encoded
    with pytest.raises(InputError, match="coarse = 16, not 24"):
        distill(tmp_path / "e.onnx", [photos], Teacher(), replace(few, coarse=24))


def test_a_loss_that_is_no_number_stops_with_its_step(photos: Path, tmp_path: Path) -> None:
    class Broken(Teacher):
        def encode(self, images: Image) -> Latents:
            return np.zeros((len(images), 128), np.float32)  # no variance to compare with

    with pytest.raises(OriginidError, match="in epoch 0, step 0"):
        distill(tmp_path / "e.onnx", [photos], Broken(), SMALL)
    assert not (tmp_path / "e.onnx").exists()


def test_the_exported_network_gives_the_same_latents() -> None:
    torch.manual_seed(3)
    student = Student((2, 8, 8), SMALL).eval()
    for block in (*student.fine, *student.coarse):
        torch.nn.init.normal_(block.second.weight, std=0.05)
    images = np.stack([textured_image(seed, SIDE, SIDE) for seed in range(5)])
    with torch.inference_mode():
        wanted = student(torch.from_numpy(images)).flatten(1).numpy()
    floats = export.to_onnx(student, SIDE)
    description = {"format": 1, "size": SIDE, "shapes": [[2, 8, 8]], "cutoffs": [6.0]}
    made = fit._run(floats, description, images)
    assert export.difference(wanted, made) < 1e-5
    bits = export.to_eight_bits(floats, images)
    assert [n.op_type for n in bits.graph.node].count("QuantizeLinear") > 3
    rounded = fit._run(bits, description, images)
    assert 0 < export.difference(wanted, rounded) < 0.1


def test_crops_are_drawn_alike_each_time_and_lie_inside() -> None:
    views = list(draw_crops([Path("a"), Path("b")], 3, seed=1))
    assert views == list(draw_crops([Path("a"), Path("b")], 3, seed=1))
    assert [view.path.name for view in views] == ["a"] * 3 + ["b"] * 3
    for left, top, right, bottom in (view.box for view in views if view.box):
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1


def test_a_crop_shows_its_part(tmp_path: Path) -> None:
    from PIL import Image as PILImage

    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, 32:] = 200
    PILImage.fromarray(image).save(tmp_path / "i.png")
    crop = View(tmp_path / "i.png", (0.5, 0.0, 1.0, 0.5)).read(16)
    assert crop.shape == (16, 16, 3)
    assert (crop[1:-1, 1:-1] >= 195).all()


def test_what_does_not_fit_is_refused_before_anything_is_encoded(
    photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "there.onnx").touch()
    with pytest.raises(InputError, match="exists"):
        distill(tmp_path / "there.onnx", [photos], Teacher(), SMALL)
    with pytest.raises(InputError, match="an eighth"):
        distill(tmp_path / "e.onnx", [photos], open_encoder("tones+edges"), SMALL)
    basis = DctBasis(((1, 8, 8),), (6.0,))
    wrong = no_map(basis, np.zeros(64, np.float32))
    with pytest.raises(InputError, match="64 components"):
        distill(tmp_path / "e.onnx", [photos], Teacher(), SMALL, wrong)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="0 usable images"):
        distill(tmp_path / "e.onnx", [tmp_path / "empty"], Teacher(), SMALL)


def test_the_command_says_which_model_fits_and_wants_a_name_in_onnx(
    photos: Path, tmp_path: Path, model: Model, run: Callable[..., tuple[int, str, str]]
) -> None:
    command = ["distill", photos, "--teacher", "distilled", "--model", model.folder, "-o"]
    status, _, err = run(*command, tmp_path / "e.onnx")
    assert status == 1
    assert "trained on the teacher's latents" in err
    status, _, err = run(*command, tmp_path / "e")
    assert status == 2
    assert ".onnx" in err


@pytest.mark.parametrize(
    ("name", "value"), [("fine", 0), ("epochs", 0), ("rate", 0), ("ema", 1), ("map_weight", -1)]
)
def test_settings_out_of_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"{name} = {value}"):
        replace(SMALL, **{name: value})


def test_a_model_takes_its_encoder_with_it(photos: Path, tmp_path: Path) -> None:
    few = replace(SMALL, epochs=1, steps_per_epoch=2)
    distill(tmp_path / "e.onnx", [photos], Teacher(), few)
    encoder = open_encoder(f"onnx:{tmp_path / 'e.onnx'}+edges")
    images = np.stack([textured_image(seed, SIDE, SIDE) for seed in range(4)])
    basis = DctBasis(encoder.shapes, encoder.cutoffs)
    mean = encoder.encode(images).mean(axis=0)
    tail = Tail(tuple(np.linspace(-0.9, 0.6, len(BODY)).tolist()), shape=-0.1, scale=0.05)
    model = save_model(tmp_path / "m", encoder, no_map(basis, mean), Calibration(tail), {})
    vectors = model.encode(images)
    (tmp_path / "e.onnx").unlink()
    (tmp_path / "m").rename(tmp_path / "else+where")
    moved = open_model(tmp_path / "else+where")
    assert np.array_equal(moved.encode(images), vectors)
    assert moved.fingerprint == model.fingerprint
    create_collection(tmp_path / "c", moved)
    shutil.rmtree(tmp_path / "else+where")
    assert np.array_equal(open_collection(tmp_path / "c").model.encode(images), vectors)
    (tmp_path / "c" / "model" / "encoder.onnx").write_bytes(b"damaged")
    with open_collection(tmp_path / "c") as damaged:
        (failure,) = damaged.verify()
    assert (failure.path, "encoder cannot be used" in failure.reason) == ("model", True)
    with open_collection(tmp_path / "c") as damaged, pytest.raises(InputError) as caught:
        _ = damaged.model.encoder
    assert str(tmp_path / "c" / "model" / "encoder.onnx") in caught.value.given
    assert "restore it" in caught.value.todo
    assert isinstance(moved.encoder.parts[0], OnnxEncoder)  # type: ignore[attr-defined]
