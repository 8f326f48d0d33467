"""What gradient descent changes: its average beside a loop, its tensors there and back, its log."""

import csv
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("tensorboardX", reason="needs the extra [train]")

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import InputError
from originid.maps import DenseMap
from originid.training.checkpoints import CHECKPOINT, COLUMNS, TrainingRun, digest, map_digest
from originid.training.state import Arrays, move_average, pack, unpack
from originid.types import Json


@settings(max_examples=25)
@given(
    st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.5, 0.9, 0.999]),
    st.integers(2, 20),
)
def test_the_average_is_that_of_a_loop(values: list[float], largest: float, warmup: int) -> None:
    average = {"w": torch.tensor([1.0, -2.0])}
    expected = [1.0, -2.0]
    for step, value in enumerate(values, start=1):
        now = torch.tensor([value, 2 * value], requires_grad=True)
        move_average(average, {"w": now, "unused": now}, step, largest, warmup)
        decay = min(largest, (1 + step) / (warmup + step))
        expected = [decay * mean + (1 - decay) * x for mean, x in zip(
            expected, (value, 2 * value), strict=True)]  # fmt: skip
    assert average["w"].tolist() == pytest.approx(expected, abs=1e-4)
    assert not average["w"].requires_grad


def test_counters_are_not_averaged() -> None:
    average = {"count": torch.tensor(3), "w": torch.zeros(1)}
    move_average(average, {"count": torch.tensor(9), "w": torch.ones(1)}, 1, 0.0)
    assert (int(average["count"]), float(average["w"])) == (3, 1.0)


class Line:
    """A learner of two numbers by Adam, which draws what it learns from by the step."""

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.parameters = {"w": torch.randn(2, generator=generator).requires_grad_()}
        self.average = {"w": self.parameters["w"].detach().clone()}
        self.optimizer = torch.optim.Adam(list(self.parameters.values()), lr=0.1)
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        self.optimizer.zero_grad()
        target = torch.tensor([np.sin(self.steps), 1.0], dtype=torch.float32)
        ((self.parameters["w"] - target) ** 2).sum().backward()
        self.optimizer.step()
        move_average(self.average, self.parameters, self.steps, 0.9)

    def tensors(self) -> Arrays:
        return pack(self.steps, self.parameters, self.average, {"adam": self.optimizer})

    def load(self, tensors: Arrays) -> None:
        self.steps = unpack(tensors, self.parameters, self.average, {"adam": self.optimizer})


def learned(seed: int, steps: int) -> Line:
    line = Line(seed)
    for _ in range(steps):
        line.step()
    return line


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_a_learner_that_is_packed_goes_on_as_it_was(cut: int, tmp_path: Path) -> None:
    before = learned(0, cut)
    TrainingRun(tmp_path, {}, writes=True).save(before, 1)
    after = Line(1)
    assert TrainingRun(tmp_path, {}, writes=True).resume(after) == 1
    for _ in range(7 - cut):
        after.step()
    for name, tensor in learned(0, 7).tensors().items():
        assert torch.equal(tensor, after.tensors()[name]), name


@pytest.mark.parametrize("name", ["parameter.w", "average.w", "steps"])
def test_a_checkpoint_that_lacks_a_tensor_is_refused(name: str, tmp_path: Path) -> None:
    class Forgetful(Line):
        def tensors(self) -> Arrays:
            return {key: each for key, each in super().tensors().items() if key != name}

    run = TrainingRun(tmp_path, {}, writes=True)
    run.save(Forgetful(0), 1)
    with pytest.raises(InputError) as caught:
        run.resume(Line(0))
    assert f"{tmp_path / CHECKPOINT} cannot be read: " in caught.value.given
    assert name in caught.value.given
    assert caught.value.expected == "expected a checkpoint that originid wrote in format 1"
    assert caught.value.todo == "remove the file to start the training again"


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ({"seed": 1}, {"seed": 2}, "seed = 1, not 2"),
        ({}, {"seed": 2}, "seed = None, not 2"),
        ({"a": 1, "b": 2}, {"a": 3, "b": 4}, "a = 1, not 3; b = 2, not 4"),
        ({"shape": (1, 2)}, {"shape": (2, 1)}, "shape = [1, 2], not [2, 1]"),
    ],
)
def test_a_run_of_another_origin_is_refused(
    then: Json, now: Json, said: str, tmp_path: Path
) -> None:
    TrainingRun(tmp_path, then, writes=True).save(Line(0), 2)
    assert TrainingRun(tmp_path, then, writes=False).check() == 2
    with pytest.raises(InputError) as caught:
        TrainingRun(tmp_path, now, writes=True).check()
    assert caught.value.given == f"the run in {tmp_path} has {said}"
    assert "choose another folder" in caught.value.todo


def test_a_process_that_only_reads_writes_nothing(tmp_path: Path) -> None:
    for run in (TrainingRun(tmp_path, {}, writes=False), TrainingRun(None, {}, writes=True)):
        run.save(Line(0), 1)
        with run.log(0, 5) as log:
            log.add(0, 0, 0.1, 1.0, 8)
        assert run.resume(Line(0)) == 0
    assert list(tmp_path.iterdir()) == []


def rows(folder: Path) -> list[list[str]]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.reader(file))


def test_the_log_has_means_and_forgets_the_steps_taken_again(tmp_path: Path) -> None:
    run = TrainingRun(tmp_path, {}, writes=True)
    with run.log(0, 45) as log:  # a row after every 2 steps, and one at the end
        for step in range(45):
            log.add(0, step, 0.5, float(step), 4)
        log.add(1, 0, 0.5, 7.0, 4)
    header, *written = rows(tmp_path)
    assert tuple(header) == COLUMNS
    assert [int(row[1]) for row in written] == [*range(1, 45, 2), 44]
    assert [float(row[3]) for row in written] == [step + 0.5 for step in range(0, 44, 2)] + [44]
    with (tmp_path / "log.csv").open("a") as file:
        file.write("1,2,0.5,1.0,0.1,9\n1,3,0.")  # the second row is half of one
    with run.log(1, 45):
        pass
    assert rows(tmp_path) == [header, *written]
    with run.log(0, 45):
        pass
    assert rows(tmp_path) == [header]


def test_a_digest_is_of_the_bytes_and_of_every_number() -> None:
    assert digest(b"ab", b"c") == digest(b"abc") != digest(b"abd")
    assert len(digest()) == 16
    matrix, mean = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
    whole = map_digest(DenseMap(matrix, mean))
    assert whole == map_digest(DenseMap(matrix.copy(), mean.copy()))
    changed = matrix.copy()
    changed[2, 1] = 1e-30
    assert map_digest(DenseMap(changed, mean)) != whole
