"""Judging what is learned: who may learn from what, and what `evaluate` would say."""

import json
from pathlib import Path

import numpy as np
import pytest

from originid import cli
from originid.datasets import Dataset
from originid.datasets.pairs import read_pairs
from originid.encoders import Encoder
from originid.experiments import (
    ExperimentContext,
    ExperimentInputs,
)
from originid.experiments.harness.cells import accuracy_gain
from originid.experiments.harness.judging import judge_map, split_folds
from originid.experiments.harness.pooling import pool
from originid.maps import Map
from originid.training import fitting
from originid.training.examples import Examples
from originid.training.fitting import Settings


def test_attacks_share_the_maps_of_what_is_not_attacked(
    context: ExperimentContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[object] = []
    fit = fitting.fit_map

    def counted(examples: Examples, encoder: Encoder, settings: Settings) -> Map:
        fits.append(settings)
        return fit(examples, encoder, settings)

    monkeypatch.setattr("originid.evaluation.fold_split.fit_map", counted)
    judge_map(context, "tones", "structured")
    shared = judge_map(context, "tones", "structured", attack="blur:1")
    assert len(fits) == 4
    judge_map(context, "tones", "none", attack="blur:1")
    assert len(fits) == 8
    fresh = ExperimentContext(context.inputs)
    alone = judge_map(fresh, "tones", "structured", attack="blur:1")
    assert {**alone, "fit_seconds": 0} == {**shared, "fit_seconds": 0}


def test_judging_is_what_evaluate_prints(
    context: ExperimentContext, material: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", material / "pairs" / "manifest.csv", "--references"]
    arguments += [material / "photos", "--encoder", "tones", "--map", "structured", "--json"]
    assert cli.run([str(each) for each in arguments]) == 0
    printed = json.loads(capsys.readouterr().out)
    judged = judge_map(context, "tones", "structured")
    for name in ("queries", "groups", "references", "mAP", "acc", "projected", "ci95"):
        assert judged[name] == printed[name]
    assert np.mean(list(judged["acc_of_group"].values())) == pytest.approx(judged["acc"] / 100)


def test_what_is_learned_saw_no_unseen_generator(context: ExperimentContext) -> None:
    _, found = context.encoded_pairs("tones")
    trial = split_folds(context, found, seen=True)
    everything = np.ones(len(found.pairs), bool)
    taught = trial.trainable(everything)
    assert {found.pairs[row].fields["model"] for row in np.flatnonzero(taught)} == {"SD 1.4"}
    assert split_folds(context, found, seen=True, upper=True).trainable(everything).all()
    for fold in range(4):
        inside = {found.pairs[row].group for row in np.flatnonzero(trial.folds == fold)}
        outside = {found.pairs[row].group for row in np.flatnonzero(trial.folds != fold)}
        assert not inside & outside


def test_a_data_set_with_training_pairs_is_judged_on_the_others(material: Path) -> None:
    pairs = read_pairs(material / "pairs" / "manifest.csv")
    data = Dataset("x", tuple(pairs[:60]), tuple(pairs[60:]), (material / "photos",), "", "", "")
    context = ExperimentContext(ExperimentInputs(), dataset=data)
    _, found = context.encoded_pairs("tones")
    trial = split_folds(context, found, seen=False)
    assert [pair.query for pair in trial.tested] == [pair.query for pair in pairs[60:]]
    assert not {pair.origin for pair in pairs[:60]} & set(trial.references)
    assert judge_map(context, "tones", "structured")["queries"] == len(pairs) - 60


def test_pooled_latents_are_means_of_four(context: ExperimentContext) -> None:
    encoder, found = context.encoded_pairs("tones")
    small, pooled = pool(encoder, found)
    (c, h, w), (_, half, _) = encoder.shapes[0], small.shapes[0]
    assert half == h // 2
    block = found.store.take(np.array([3]))[0, : c * h * w].reshape(c, h, w)
    mine = pooled.store.take(np.array([3]))[0, : c * half * half].reshape(c, half, half)
    assert mine[1, 2, 0] == pytest.approx(block[1, 4:6, 0:2].mean(), abs=1e-5)
    images = np.zeros((1, encoder.size, encoder.size, 3), np.uint8)
    assert small.encode(images).shape == (1, pooled.store.latent_dim)


def test_ahead_is_the_mean_gain_over_shared_groups() -> None:
    ours = {"acc_of_group": {"a": 1.0, "b": 1.0, "c": 0.0}}
    other = {"acc_of_group": {"a": 0.0, "b": 1.0}}
    assert str(accuracy_gain(ours, other, 0)).startswith("+50.0 [+0.0, +100.0]")
