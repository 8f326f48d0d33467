"""A command line that cannot be read: three parts, and what was perhaps meant."""

import pytest

from fixture_types import Run
from originid.system.text import closest

WRONG: dict[str, tuple[str, str, str]] = {
    "fnid x": ("no command fnid", "one of index, find, audit, explain, ", "did you mean find?"),
    "xyz": ("no command xyz", "one of index, ", "see originid --help"),
    "--verson": ("originid has no option --verson", "--version, --help", "mean --version?"),
    "index p --intoo c": ("originid index has no option --intoo", "--into, ", "mean --into?"),
    "show c --xyz": ("originid show has no option --xyz", "--verify, ", "see originid show --help"),
    "demo -x": ("originid demo has no option -x", "--output, ", "see originid demo --help"),
    "find p --in c --effort fast": ("--effort fast", "quick, normal, thorough", "find --help"),
    "find p --in c --effort=quik": ("--effort quik", "one of quick, normal,", "mean quick?"),
    "find p --in c --top 0": ("--top 0", "expected a number of at least 1", "find --help"),
    "serve c --port 99999": ("--port 99999", "a number of at most 65535", "serve --help"),
    "find p --report r": ("find has no option --report", "--in, ", "see originid find --help"),
    "find p --in c --top=x": ("--top x", "expected a whole number", "find --help"),
    "find p --in": ("--in without a value", "expected a value behind this option", "--help"),
    "find --in c": ("no query", "expected images, folders, or --list FILE", "--help"),
    "find p": ("missing: --in COLLECTION", "originid find [QUERY...] --in COLLECTION", "--help"),
    "index": ("missing: IMAGES...", "originid index IMAGES... --into COLLECTION", "--help"),
    "show": ("missing: COLLECTION", "expected originid show COLLECTION", "show --help"),
    "show c d": ("too much: d", "originid show COLLECTION and no more", "show --help"),
    "index p --into c --model defalt": ("model at 'defalt'", "default, neural", "mean default?"),
    "experiment tabel3 -o o": ("no experiment 'tabel3'", "one of data, ", "did you mean table3?"),
    "experiment data -o o --data realpair": ("'realpair'", "one of realpairs", "mean realpairs?"),
    "experiment data -o o --scale smal": ("scale 'smal'", "expected small", "mean small?"),
    "train p.csv -o m --map fulll": ("--map fulll", "one of raw, none", "did you mean full?"),
    "train p.csv -o m --encoder tone": ("encoder 'tone'", "one of pixels", "mean tones?"),
    "train p.csv -o m --encoder baseline:phsh": ("'phsh'", "expected one of ", "mean phash?"),
    "find p --in c --false-matches strikt": ("'strikt'", "expected strict", "mean strict?"),
    "evaluate p.csv --references p --model m --encoder e": (
        "--model and --encoder", "expected one of them", "see originid evaluate --help",
    ),
    "generate p -o o --generator smal-ddpm": ("'smal-ddpm'", "one of small-ddpm", "small-ddpm?"),
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_what_is_said_of_a_wrong_command_line(line: str, run: Run) -> None:
    if line.startswith("experiment"):
        pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    if line.startswith("generate"):
        pytest.importorskip("torch", reason="needs the extra [generate]")
    status, out, err = run(*line.split())
    assert status in (1, 2)
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("  expected ")
    for said, part in zip(lines, WRONG[line], strict=True):
        assert part in said


def test_no_words_at_all_show_the_help(run: Run) -> None:
    status, out, err = run()
    assert status == 2
    assert "Find the photo that an AI edit was made from." in out + err
    assert "error" not in err


def test_a_misspelt_attack_and_a_wrong_level_are_told_apart() -> None:
    from originid.errors import InputError
    from originid.evaluation.attacks import parse_attack

    with pytest.raises(InputError) as caught:
        parse_attack("jepg:30")
    assert caught.value.todo == "did you mean jpeg?"
    with pytest.raises(InputError) as caught:
        parse_attack("jpeg:300")
    assert caught.value.todo == "choose a name and a level; join several by +"


@pytest.mark.parametrize(
    ("given", "said"),
    [("Defalt", "did you mean default?"), ("neuarl", "did you mean neural?"), ("x", "no"),
     ("", "no"), ("DEFAULT", "did you mean default?")],
)  # fmt: skip
def test_the_closest_name_is_asked_for(given: str, said: str) -> None:
    assert closest(given, ["default", "neural"], "no") == said
