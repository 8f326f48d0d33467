"""The command line: contracts of its output, exit statuses, and what it says when things fail."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as PILImage

from fixture_types import Run, WritePhotos
from originid import cli
from originid.cli.output import progress_bar
from originid.model import Model
from originid.testing import textured_image


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        status = cli.run([str(argument) for argument in arguments])
        output = capfd.readouterr()
        assert "Traceback" not in output.err
        return status, output.out, output.err

    return call


def test_find_prints_one_json_line_per_query(indexed: Path, stranger: Path, run: Run) -> None:
    photo = indexed.parent / "photos" / "0003.png"
    status, out, _ = run("find", photo, stranger, "--in", indexed, "--top", 2, "--json")
    assert status == 0
    first, second = map(json.loads, out.splitlines())
    assert set(first) == {"query", "verdict", "reason", "matches", "error", "note"}
    assert (first["query"], first["verdict"], first["error"]) == (str(photo), "origin", None)
    fields = "rank reference score confidence false_match_rate view box copies exists trusted"
    later = "id description credentials"
    assert list(first["matches"][0]) == [*fields.split(), *later.split()]
    assert first["matches"][0]["reference"] == str(photo)
    assert [match["rank"] for match in first["matches"]] == [1, 2]
    assert second["verdict"] in ("none", "uncertain")


def test_find_without_origin_exits_3(indexed: Path, stranger: Path, run: Run) -> None:
    status, out, _ = run("find", stranger, "--in", indexed)
    assert status == 3
    assert "none" in out or "uncertain" in out


def test_unreadable_queries_are_lines_and_the_others_go_on(
    indexed: Path, tmp_path: Path, run: Run
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no image")
    photo = indexed.parent / "photos" / "0003.png"
    status, out, _ = run("find", bad, tmp_path / "missing.jpg", photo, "--in", indexed, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [line["verdict"] for line in lines] == [None, None, "origin"]
    assert all(line["error"] and line["matches"] == [] for line in lines[:2])
    status, _, _ = run("find", bad, "--in", indexed, "--json")
    assert status == 1


def test_a_query_can_come_from_standard_input(
    indexed: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = indexed.parent / "photos" / "0003.png"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(photo.read_bytes())))
    status, out, _ = run("find", "-", "--in", indexed, "--json")
    answer = json.loads(out)
    assert (status, answer["query"], answer["verdict"]) == (0, "-", "origin")


def test_a_folder_of_queries_is_walked(indexed: Path, run: Run) -> None:
    status, out, _ = run("find", indexed.parent / "photos", "--in", indexed, "--json")
    assert status == 0
    assert len(out.splitlines()) == 30


def test_index_reads_paths_from_standard_input(
    tmp_path: Path, model: Model, write_photos: WritePhotos, run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    paths = write_photos(3)
    text = b"\0".join(os.fsencode(path) for path in paths)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    status, out, _ = run(
        "index", "-", "-0", "--into", tmp_path / "c", "--model", model.folder, "--json"
    )
    assert status == 0
    assert json.loads(out)["added"] == 3


def test_index_reports_what_it_passed_over(indexed: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "photos" / "a\nb.jpg").write_bytes(b"")
    status, out, err = run("index", tmp_path / "photos", "--into", indexed)
    assert status == 0
    assert "30 unchanged, 1 skipped" in out
    assert "a\\nb.jpg" in err
    status, out, _ = run("show", indexed, "--json")
    shown = json.loads(out)
    assert shown["references"] == 30
    assert [Path(row["path"]).name for row in shown["skipped"]] == ["a\nb.jpg"]


def test_indexing_nothing_usable_fails(tmp_path: Path, model: Model, run: Run) -> None:
    status, _, err = run(
        "index", tmp_path / "nowhere", "--into", tmp_path / "c", "--model", model.folder
    )
    assert status == 1
    assert "nowhere" in err


def test_show_and_verify(indexed: Path, run: Run) -> None:
    status, out, _ = run("show", indexed)
    assert status == 0
    assert "pictures           30" in out
    status, out, _ = run("show", indexed, "--verify", "--json")
    assert (status, json.loads(out)["problems"]) == (0, [])
    (indexed.parent / "photos" / "0000.png").unlink()
    status, out, _ = run("show", indexed, "--verify")
    assert status == 1
    assert "0000.png: missing" in out


def test_remove(indexed: Path, run: Run) -> None:
    photo = indexed.parent / "photos" / "0003.png"
    status, out, _ = run("remove", photo, "--from", indexed, "--json")
    assert (status, json.loads(out)) == (
        0,
        {"removed": 1, "further_names": 0, "references": 29, "unknown": []},
    )
    assert photo.exists()
    status, out, _ = run("remove", photo, "--from", indexed)
    assert status == 1
    assert "not in the collection" in out


def test_another_model_is_refused(indexed: Path, model: Model, tmp_path: Path, run: Run) -> None:
    other = tmp_path / "other"
    shutil.copytree(model.folder, other)
    description = json.loads((other / "model.json").read_text())
    description["encoder"]["identity"] = "pixels-0"
    (other / "model.json").write_text(json.dumps(description))
    status, _, err = run("index", tmp_path / "photos", "--into", indexed, "--model", other)
    assert status == 1
    assert "one model per collection" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["find", "x.jpg"],
        ["find", "x.jpg", "--in", "c", "--top", "0"],
        ["index", "x.jpg"],
        ["fnid"],
        ["index", "", "--into", "c"],
        ["evaluate", "p.csv", "--references", ".", "--encoder", "pixels", "--map", "best"],
        ["evaluate", "p.csv", "--references", ".", "--map", "none"],
        ["evaluate", "p.csv", "--references", ".", "--map", "none", "--model", "default"],
        ["evaluate", "p.csv", "--references", ".", "--model", "m", "--encoder", "e"],
        ["train", "p.csv", "-o", "m", "--map", "none"],
        ["train", "p.csv", "-o", "m", "--dim", "0"],
    ],
)
def test_wrong_usage_exits_2_and_makes_nothing(
    arguments: list[str], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["find", "x.jpg", "--in", "{}/none"], "originid index PHOTOS --into"),
        (["show", "{}/none"], "no collection at"),
        (["index", "x.jpg", "--into", "{}/c", "--model", "nope"], "default"),
        (["evaluate", "{}/none.csv", "--references", "{}"], "none.csv"),
        (["train", "{}/none.csv", "-o", "{}/m"], "none.csv"),
        (["train", "{}/none.csv", "-o", "{}/m", "--encoder", "what"], "pixels"),
    ],
)
def test_errors_have_three_parts_and_exit_1(
    arguments: list[str], says: str, tmp_path: Path, run: Run
) -> None:
    status, out, err = run(*(argument.format(tmp_path) for argument in arguments))
    assert (status, out) == (1, "")
    assert says in err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 3


def test_version(run: Run) -> None:
    status, out, _ = run("--version")
    assert status == 0
    assert out.startswith("originid 0.")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "originid", *map(str, arguments)]


def test_interrupting_says_what_is_kept(indexed: Path, write_photos: WritePhotos) -> None:
    write_photos(1200, "many", first=1000)
    process = subprocess.Popen(
        command("index", indexed.parent / "many", "--into", indexed, "--workers", 1),
        stderr=subprocess.PIPE,
        text=True,
        # Who runs the tests in the background of a shell has its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for_growth(indexed, 30, process)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 130
    assert "Traceback" not in err
    assert "kept" in err


STUCK = """
import sys, threading
from originid import cli

def run(arguments):
    try:
        print("ready", flush=True)
        threading.Event().wait()
    finally:
        print("cleaning", flush=True)
        threading.Event().wait()  # as for an encoder that is at a batch

cli.run, cli.PATIENCE = run, float(sys.argv[1])
cli.main()
"""


@pytest.mark.parametrize(("patience", "signals"), [(0.01, 1), (1000, 2)])
def test_what_does_not_end_after_an_interrupt_is_left(patience: float, signals: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(patience)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    for line in ("ready\n", "cleaning\n")[:signals]:
        assert process.stdout.readline() == line
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "interrupted; what was committed is kept\n")


def test_an_ignored_interrupt_stays_ignored() -> None:
    code = "import signal; from originid import cli; cli.run = lambda a: %s; cli.main()"
    code %= "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN) or 0"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ).stdout
    assert printed == "True\n"


def test_progress_without_a_terminal_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("originid.cli.output.time.monotonic", lambda: now)
    with progress_bar("encoding") as progress:
        for now in (5.0, 29.0, 31.0, 45.0, 62.0):
            progress(int(now), 100)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "encoding: 31 of 100 images, about 1 minute left\n"
        "encoding: 62 of 100 images, less than a minute left\n"
    )


def test_each_stage_has_its_own_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, rates = [0.0], []
    monkeypatch.setattr("originid.cli.output.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    monkeypatch.setattr("rich.progress.Progress.update", lambda *_, rate, **__: rates.append(rate))
    with progress_bar("encoding") as progress:
        for now, done, total in ((10.0, 20, 40), (20.0, 40, 40), (100.0, 1, 30), (102.0, 21, 30)):
            clock[0] = now
            progress(done, total)
    assert [rate.split("/")[0] for rate in rates] == ["2 images", "2 images", "10 images"]


def wait_for_growth(collection: Path, size: int, process: "subprocess.Popen[str]") -> None:
    from originid.collection.collection import open_collection

    with open_collection(collection) as opened:
        while len(opened) <= size and process.poll() is None:
            pass


def test_a_closed_pipe_is_no_traceback(indexed: Path) -> None:
    find = command("find", indexed.parent / "photos", "--in", indexed, "--top", 30)
    process = subprocess.Popen(find, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)


def test_an_interrupt_while_the_commands_are_loaded_ends_quietly() -> None:
    code = """
import sys
from originid.__main__ import main

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == "originid.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is full")
def test_output_that_finds_no_room_is_told_as_that() -> None:
    command = [sys.executable, "-m", "originid", "--version"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the disk that the output goes to is full\n")


def test_the_reference_page_is_up_to_date() -> None:
    root = Path(__file__).parents[2]
    check = [sys.executable, str(root / "tools" / "make_cli_reference.py"), "--check"]
    assert subprocess.run(check, capture_output=True).returncode == 0


def test_no_command_has_more_than_eight_options_of_its_own() -> None:
    import typer.main

    common = {"json", "null", "yes"}  # of all commands, and of all that read lists
    for name, each in vars(typer.main.get_command(cli.app))["commands"].items():
        options = [p for p in each.params if p.param_type_name == "option" and p.name not in common]
        # One for each thing that may be stored; and for each kind of data and weights.
        most = {"index": 13, "experiment": 9}.get(name, 8)
        assert len(options) <= most, name
        assert each.help, name
        assert all(p.help for p in each.params), name


def test_an_index_can_be_made_in_the_folder_one_is_in(
    tmp_path: Path, model: Model, write_photos: WritePhotos, run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    write_photos(2)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    status, _, _ = run("index", tmp_path / "photos", "--into", ".", "--model", model.folder)
    assert status == 0
    status, out, _ = run("find", tmp_path / "photos" / "0001.png", "--in", ".", "--top", 10**10)
    assert status == 0
    assert "0001.png" in out


def test_names_too_long_for_the_system_are_errors(indexed: Path, run: Run) -> None:
    status, out, _ = run("find", "x" * 300, "--in", indexed, "--json")
    assert (status, json.loads(out)["verdict"]) == (1, None)
    status, _, err = run("show", "x" * 300)
    assert status == 1
    assert "no collection" in err


@pytest.mark.parametrize("command", ["find", "remove"])
def test_an_empty_name_is_refused(command: str, indexed: Path, run: Run) -> None:
    """As a script with an unset variable gives it; it must not mean the current folder."""
    where = "--in" if command == "find" else "--from"
    status, _, _ = run(command, "", where, indexed)
    assert status == 2
    assert json.loads(run("show", indexed, "--json")[1])["references"] == 30


def test_a_blank_query_has_no_origin(indexed: Path, tmp_path: Path, run: Run) -> None:
    for colour in ("black", "white", "navy"):
        PILImage.new("RGB", (300, 200), colour).save(tmp_path / f"{colour}.png")
        status, out, _ = run("find", tmp_path / f"{colour}.png", "--in", indexed, "--json")
        assert (status, json.loads(out)["verdict"]) == (3, "none")


def test_nothing_to_search_is_a_failure(indexed: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty").mkdir()
    assert run("find", tmp_path / "empty", "--in", indexed)[0] == 1


def test_index_counts_the_folders_that_it_passes_over(
    indexed: Path, tmp_path: Path, run: Run
) -> None:
    photos = tmp_path / "photos"
    for name in ("#recycle", "sub/@eaDir"):
        (photos / name).mkdir(parents=True)
        PILImage.fromarray(textured_image(400 + len(name))).save(photos / name / "old.png")
    status, out, _ = run("index", photos, "--into", indexed)
    assert status == 0
    assert out.splitlines()[1] == (
        "2 folders passed over (recycle bins and thumbnails): --all-folders takes them"
    )
    status, out, _ = run("index", photos, "--into", indexed, "--json")
    assert (json.loads(out)["passed_over"], json.loads(out)["references"]) == (2, 30)
    status, out, _ = run("index", photos, "--into", indexed, "--all-folders", "--json")
    assert (json.loads(out)["passed_over"], json.loads(out)["references"]) == (0, 32)
