"""What `originid distill` prints, and what it hands on, with a teacher that is not asked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")
pytest.importorskip("tensorboardX", reason="needs the extra [train]")

from originid.model import Model
from originid.training.distillation.settings import Distillation
from originid.types import Failure

Run = Callable[..., tuple[int, str, str]]
Calls = list[tuple[Any, ...]]
MAPPED = {"latent": 0.25, "mapped": 0.0312}


@pytest.fixture
def distill(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Calls]:
    """Puts a stand-in in the place of the learning; gives what it was called with."""

    def stand_in(error: dict[str, float], failures: tuple[Failure, ...] = ()) -> Calls:
        calls: Calls = []

        def learn(*arguments: Any) -> tuple[dict[str, Any], list[Failure]]:
            calls.append(arguments)
            return {"error": error, "views": 12}, list(failures)

        monkeypatch.setattr("originid.training.distillation.fit.distill", learn)
        return calls

    return stand_in


def test_the_line_says_what_is_missed(distill: Callable[..., Calls], run: Run) -> None:
    calls = distill({"latent": 0.1234})
    status, out, err = run("distill", "photos", "--teacher", "pixels", "-o", "small.onnx")
    assert (status, err) == (0, "")
    assert out == "small.onnx: misses 12.3% of the teacher's variance\n"
    ((path, images, teacher, settings, map, latents, *_),) = calls
    assert (path, images, latents, map) == (Path("small.onnx"), [Path("photos")], None, None)
    assert teacher.spec == "pixels"
    assert settings == Distillation()


def test_with_a_model_the_line_says_what_its_map_keeps(
    distill: Callable[..., Calls], run: Run, model: Model
) -> None:
    calls = distill(MAPPED)
    command = ("distill", "a", "b", "--teacher", model.encoder.spec, "--model", model.folder)
    status, out, _ = run(*command, "-o", "s.onnx", "--epochs", 3, "--crops", 2, "--latents", "l")
    assert status == 0
    assert out == "s.onnx: misses 25.0% of the teacher's variance, 3.1% of what the map keeps\n"
    ((_, images, _, settings, map, latents, *_),) = calls
    assert images == [Path("a"), Path("b")]
    assert (settings.epochs, settings.crops, latents) == (3, 2, Path("l"))
    assert map.dim == model.map.dim


def test_files_that_could_not_be_read_are_told_on_stderr(
    distill: Callable[..., Calls], run: Run
) -> None:
    distill({"latent": 0.5}, (Failure("/p/bad.png", "no image"),))
    status, out, err = run("distill", "p", "--teacher", "pixels", "-o", "s.onnx")
    assert status == 0
    assert "bad.png" not in out
    assert "/p/bad.png" in err
    assert "no image" in err


def test_as_json_the_same_is_one_object(distill: Callable[..., Calls], run: Run) -> None:
    distill(MAPPED, (Failure("/p/bad.png", "no image"),))
    status, out, err = run("distill", "p", "--teacher", "pixels", "-o", "s.onnx", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == {
        "encoder": "s.onnx",
        "error": MAPPED,
        "views": 12,
        "skipped": [{"path": "/p/bad.png", "reason": "no image"}],
    }


def test_a_name_cannot_write_to_the_terminal(distill: Callable[..., Calls], run: Run) -> None:
    distill({"latent": 0.5})
    _, out, _ = run("distill", "p", "--teacher", "pixels", "-o", "a\x1b[2Jb.onnx")
    assert "\x1b" not in out
    assert out.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("-o", "small"), ".onnx"),
        (("-o", "small.ONNX"), ".onnx"),
        (("-o", "s.onnx", "--epochs", 0), "--epochs"),
        (("-o", "s.onnx", "--epochs", "many"), "--epochs"),
        (("-o", "s.onnx", "--crops", -1), "--crops"),
    ],
)
def test_wrong_usage_learns_nothing(
    options: tuple[object, ...], named: str, distill: Callable[..., Calls], run: Run
) -> None:
    calls = distill({"latent": 0.5})
    status, out, err = run("distill", "p", "--teacher", "pixels", *options)
    assert (status, out, calls) == (2, "", [])
    assert named in err


def test_a_teacher_that_is_none_is_an_error_of_three_lines(
    distill: Callable[..., Calls], run: Run
) -> None:
    calls = distill({"latent": 0.5})
    status, out, err = run("distill", "p", "--teacher", "no-such", "-o", "s.onnx")
    assert status == 1
    assert (out, calls) == ("", [])
    assert "no-such" in err
    assert "expected" in err
    assert "Traceback" not in err
