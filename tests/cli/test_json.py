"""What each command prints with ``--json``: the keys, the types, and that it is said once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PILImage

from fixture_types import Run, WritePhotos
from originid.model import Model, open_model

RunJson = Callable[..., Any]


def assert_shape(value: Any, shape: Any) -> None:
    """That a value has the keys and types of a shape; a list has one shape for all its items."""
    if isinstance(shape, dict):
        assert isinstance(value, dict)
        assert list(value) == list(shape)
        for key, inner in shape.items():
            assert_shape(value[key], inner)
    elif isinstance(shape, list):
        assert isinstance(value, list)
        for item in value:
            assert_shape(item, shape[0])
    else:
        assert isinstance(value, shape), f"{value!r} is no {shape}"
        assert shape is bool or not isinstance(value, bool)


AVERAGES = {
    "queries": int,
    "groups": int,
    "mAP": float,
    "acc": float,
    "recall": {"5": float, "10": float},
    "projected": {"N": int, "mAP": float | None, "acc": float | None},
    "ci95": {"mAP": [float], "acc": [float], "projected_acc": [float | None]},
}
SHARES = (
    "false_origin",
    "false_origin_among_photos",
    "false_origin_of_strangers",
    "true_origin",
    "true_of_first",
    "wrong_origin",
)
PRESET = {
    "stated": float,
    **dict.fromkeys(SHARES, float | None),
    "ci95": {share: [float | None] for share in SHARES},
}
TRUST = {
    "queries": {"with_origin": int, "without_origin": int, "strangers": int},
    "presets": {"strict": PRESET, "balanced": PRESET, "wide": PRESET},
    "micro_ap": float,
    "micro_ap_by_score": float,
    "expected_calibration_error": float,
}
SKIPPED = [{"path": str, "reason": str}]


def test_the_shape_of_a_shape_can_fail() -> None:
    for value, shape in (
        ({"a": 1}, {"a": str}),
        ({"a": 1, "b": 2}, {"a": int}),
        ([1, "a"], [int]),
        (True, int),
        ([], {}),
    ):
        with pytest.raises(AssertionError):
            assert_shape(value, shape)


def test_index(run_json: RunJson, indexed: Path) -> None:
    done = run_json("index", indexed.parent / "photos", "--into", indexed)
    assert_shape(
        done,
        {
            "collection": str,
            "references": int,
            "added": int,
            "updated": int,
            "moved": int,
            "unchanged": int,
            "further_names": int,
            "gone": int,
            "pruned": int,
            "kept": [],
            "passed_over": int,
            "skipped": SKIPPED,
            "notes": [],
            "seconds": float,
        },
    )
    assert done["collection"] == str(indexed)
    assert (done["references"], done["added"], done["unchanged"]) == (30, 0, 30)


def test_find(run_json: RunJson, indexed: Path) -> None:
    answer = run_json("find", indexed.parent / "photos" / "0001.png", "--in", indexed, "--top", 3)
    match = {
        "rank": int,
        "reference": str,
        "score": float,
        "confidence": float,
        "false_match_rate": float,
        "view": str,
        "box": type(None),
        "copies": [str],
        "exists": bool,
        "trusted": bool,
        "id": int,
        "description": type(None),
        "credentials": bool,
    }
    whole = {"query": str, "verdict": str, "reason": str, "matches": [match]}
    whole |= {"error": type(None), "note": str}
    assert_shape(answer, whole)
    assert answer["reason"] == "the same file"
    assert len(answer["matches"]) == 3
    for match in answer["matches"]:
        assert -1 <= match["score"] <= 1
        assert match["confidence"] == 1 - match["false_match_rate"]
        assert 0 <= match["confidence"] <= 1


def test_show(run_json: RunJson, indexed: Path, model: Model) -> None:
    facts = {
        "collection": str,
        "references": int,
        "since": str,
        "blank": int,
        "margins_cut": int,
        "with_details": int,
        "further_names": int,
        "described": int,
        "thumbnails": int,
        "by_fingerprint": int,
        "with_credentials": int,
        "compact": bool,
        "megabytes": float,
        "calibration": {
            "by": str,
            "sampled": int,
            "followed": bool,
            "second_looks": int,
            "false_match_rate": float,
            "score_needed": {"few": float, "middle": float, "many": float},
        },
        "growth": {"query_seconds": float, "folder_until": int, "then": str},
        "searched_by": type(None),
        "model": str,
        "newer_model": type(None),
        "upgrade_begun": bool,
        "copy_begun": bool,
        "encoder": str,
        "dim": int,
        "fingerprint": str,
        "skipped": SKIPPED,
    }
    shown = run_json("show", indexed)
    assert_shape(shown, facts)
    assert (shown["fingerprint"], shown["dim"]) == (model.fingerprint, model.dim)
    verified = run_json("show", indexed, "--verify")
    assert_shape(verified, {**facts, "problems": SKIPPED, "compared": str})
    assert verified["problems"] == []


def test_remove(run_json: RunJson, indexed: Path) -> None:
    done = run_json("remove", indexed.parent / "photos" / "0001.png", "--from", indexed)
    assert_shape(done, {"removed": int, "further_names": int, "references": int, "unknown": [str]})
    assert (done["removed"], done["references"]) == (1, 29)


def test_evaluate_a_model(run_json: RunJson, pairs: Path, model: Model) -> None:
    photos = pairs.parent / "photos"
    done = run_json("evaluate", pairs, "--references", photos, "--model", model.folder)
    by = done["by"]
    assert list(by) == ["kind", "source", "strength"]
    for column in list(by)[1:]:
        for averages in by.pop(column).values():
            assert_shape(averages, AVERAGES)
    assert_shape(
        done,
        {
            "model": str,
            "fingerprint": str,
            "encoder": str,
            "map": type(None),
            "attack": type(None),
            **AVERAGES,
            "references": int,
            "leaks": int,
            "by": {"kind": {"a": AVERAGES, "b": AVERAGES}},
            "skipped": SKIPPED,
            "trust": TRUST,
        },
    )
    assert (done["queries"], done["groups"], done["references"]) == (24, 12, 52)
    assert done["by"]["kind"]["a"]["queries"] == 12
    for measure in ("mAP", "acc"):
        low, high = done["ci95"][measure]
        assert 0 <= low <= done[measure] <= high <= 100
    assert done["acc"] <= done["recall"]["5"] <= done["recall"]["10"] <= 100
    assert done["projected"] == {"N": 1_000_000, "mAP": None, "acc": None}  # too few references


def test_evaluate_asks_strangers(
    run_json: RunJson, pairs: Path, model: Model, write_photos: WritePhotos
) -> None:
    """Strangers that are references, or have the bytes of one, are none."""
    photos = pairs.parent / "photos"
    others = write_photos(5, "others", first=900)
    (others[0].parent / "copy.png").write_bytes((photos / "07.png").read_bytes())
    command = ("evaluate", pairs, "--references", photos, "--model", model.folder)
    plain = run_json(*command)
    done = run_json(*command, "--strangers", others[0].parent)
    assert done["trust"]["queries"] == {"with_origin": 24, "without_origin": 24, "strangers": 5}
    assert (done["references"], done["acc"]) == (plain["references"], plain["acc"])
    for name, measures in done["trust"]["presets"].items():
        assert measures["false_origin_of_strangers"] is not None
        assert plain["trust"]["presets"][name]["false_origin_of_strangers"] is None
        assert measures["true_origin"] == plain["trust"]["presets"][name]["true_origin"]


def test_evaluate_draws_a_reliability_diagram(
    run: Run, pairs: Path, model: Model, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    command = ("evaluate", pairs, "--references", pairs.parent / "photos", "--model", model.folder)
    status, _, err = run(*command, "--pictures", tmp_path / "made" / "here")
    assert (status, err) == (0, "")
    with PILImage.open(tmp_path / "made" / "here" / "reliability.png") as picture:
        assert picture.format == "PNG"


def test_evaluate_an_encoder(run_json: RunJson, pairs: Path) -> None:
    command = ("evaluate", pairs, "--references", pairs.parent / "photos", "--encoder", "tones")
    done = run_json(*command, "--map", "structured", "--attack", "blur:1")
    assert (done["model"], done["encoder"]) == (None, "tones")
    assert (done["map"], done["attack"]) == ("structured", "blur:1")
    assert list(done["by"]) == ["kind", "source", "strength"]
    assert set(done["by"]["strength"]) == {"0.3", "0.4"}
    assert sum(each["queries"] for each in done["by"]["strength"].values()) == 24


def test_train(run_json: RunJson, pairs: Path, tmp_path: Path) -> None:
    command = ("train", pairs, "--origins", pairs.parent / "photos", "--encoder", "tones")
    done = run_json(*command, "--map", "structured", "-o", tmp_path / "m")
    assert done["model"] == str(tmp_path / "m")
    assert_shape(done["skipped"], SKIPPED)
    assert done["pairs"] == 24
    model = open_model(tmp_path / "m")
    assert done["dim"] == model.dim
    assert {key: done[key] for key in model.training} == model.training


def test_demo(run_json: RunJson, tmp_path: Path) -> None:
    done = run_json("demo", "-o", tmp_path / "demo")
    trial = {
        "query": str,
        "origin": str | None,
        "prompt": str,
        "generator": str,
        "strength": float,
        "dress": str | None,
        "verdict": str,
        "found": str | None,
        "score": float,
        "confidence": float,
        "false_match_rate": float,
        "reason": str,
        "right": bool,
    }
    whole = {"references": int, "queries": int, "right": int, "seconds": float}
    assert_shape(done, {**whole, "sheet": str, "trials": [trial]})
    assert done["right"] == sum(each["right"] for each in done["trials"])
    assert {each["origin"] for each in done["trials"] if each["verdict"] == "origin"} == {
        each["found"] for each in done["trials"] if each["verdict"] == "origin"
    }


def test_experiment(run_json: RunJson, pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    inputs = ("--pairs", pairs, "--references", pairs.parent / "photos")
    done = run_json("experiment", "data", "-o", tmp_path / "out", *inputs)
    assert_shape(done["summary"], [{"what": str, "here": int, "paper": int | None}])
    assert list(done) == [
        "experiment",
        "inputs",
        "note",
        "summary",
        "tables",
        "skipped",
        "unreadable",
    ]
    assert done["experiment"] == "data"
    assert {row["what"]: row["here"] for row in done["summary"]}["queries"] == 24
    assert done["inputs"]["pairs"] == str(pairs.resolve())


def test_generate_lists_and_plans(run_json: RunJson, pairs: Path, tmp_path: Path) -> None:
    listed = run_json("generate", "--list")
    assert {"sd2", "small-ddpm"} <= {each["name"] for each in listed["generators"]}
    command = ("generate", pairs.parent / "photos", "-o", tmp_path / "set", "--generator", "sd2")
    plan = run_json(*command, "--prompts", "names:2", "--plan")
    assert (plan["origins"], plan["images"], plan["made"]) == (40, 80, 0)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("command", ["index", "find", "decide", "remove", "show", "evaluate",
                                     "train", "distill", "generate", "import-official",
                                     "experiment", "demo"])  # fmt: skip
def test_every_command_takes_json(command: str, run: Run) -> None:
    status, out, _ = run(command, "--help")
    assert status == 0
    assert "--json" in out
