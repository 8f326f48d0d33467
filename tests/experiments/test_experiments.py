"""All experiments by their names, and all of them from the command line."""

from pathlib import Path

import numpy as np
import pytest

from originid import cli
from originid.errors import InputError
from originid.experiments import (
    EXPERIMENTS,
    ExperimentContext,
    ExperimentInputs,
    open_experiment,
    paper,
)
from originid.experiments.tables import table11


def test_every_experiment_can_be_opened() -> None:
    pytest.importorskip("torch", reason="needs the extra [train]")
    assert all(callable(open_experiment(name)) for name in (*EXPERIMENTS, "table8"))
    numbers = {int(name.removeprefix("table")) for name in EXPERIMENTS if name.startswith("table")}
    assert numbers | {8} == set(range(1, 12))


def test_inputs_are_one_or_the_other() -> None:
    with pytest.raises(InputError, match="either"):
        ExperimentInputs(data="realpairs", references=Path("x"))
    with pytest.raises(InputError, match="expected a data set"):
        _ = ExperimentContext(ExperimentInputs()).dataset


def test_the_paper_agrees_with_itself() -> None:
    for name, values in paper.TABLE_10.items():
        if name != "upper":
            assert values[0] == paper.TABLE_3[name][0]
        assert np.mean(values[1:]) == pytest.approx(paper.TABLE_3[name][2], abs=0.06)
    for acc in paper.TABLE_8.values():
        assert len(acc) == len(paper.STRENGTHS)
        assert list(acc) == sorted(acc, reverse=True)


def test_all_of_them_from_the_command_line(
    material: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    some = {name: EXPERIMENTS[name] for name in ("table5", "table11")}
    monkeypatch.setattr("originid.experiments.EXPERIMENTS", some)
    monkeypatch.setattr(table11, "MAPS", ("raw", "none"))  # which need no fit
    arguments = ["experiment", "all", "-o", tmp_path / "out", "--data", f"realpairs:{material}"]
    assert cli.run([str(each) for each in arguments]) == 0
    printed = capsys.readouterr()
    assert "not run: table5: no VAE" in printed.out
    assert "index.html" in printed.out
    assert "experiment 1 of 2: table5\n" in printed.err
    assert "experiment 2 of 2: table11; less than a minute left for all, if " in printed.err
    assert "map: data realpairs, encoder tones+edges" in printed.err
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Table 11" in page
    assert cli.run([str(each) for each in arguments]) == 0
    assert "map: data" not in capsys.readouterr().err  # everything came from the parts
    assert (tmp_path / "out" / "index.html").read_text() == page
