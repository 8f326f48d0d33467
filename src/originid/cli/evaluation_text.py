"""What originid evaluate prints of an evaluation, and the pictures that it draws of it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from originid.cli.output import print_failures
from originid.system.text import counted, printable

if TYPE_CHECKING:
    from originid.evaluation.report import Averages, Miss, Report
    from originid.evaluation.run import Evaluation
    from originid.evaluation.trust import Estimate, Trust
    from originid.model import Model

LABEL = 20  # characters of a row's name before its figures


def print_outcome(outcome: "Evaluation", model: "Model | None") -> None:
    """Print what was measured, and warn if the model was learned from pairs."""
    print_failures(outcome.report.skipped, "--json lists them")
    _print(outcome.report)
    _print_trust(outcome.trust)
    if model is not None:
        _print_training(model)


def draw(outcome: "Evaluation", folder: Path) -> None:
    """Write the pictures of the worst failures and of the stated rates into a folder."""
    from originid.evaluation.reliability import draw_reliability
    from originid.system.storage import storage_errors

    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _write_failures(folder / "failures.png", outcome.misses)
    if outcome.trials is not None:
        draw_reliability(outcome.trials, folder / "reliability.png")


def _print(report: "Report") -> None:
    count = report.averages.queries
    queries = "1 query" if count == 1 else f"{count:,} queries"
    print(
        f"{queries} of "
        f"{counted(report.averages.groups, 'origin group')}, "
        f"{counted(report.references, 'reference')}; macro averages in %"
    )
    print(f"{'':{LABEL}}{'queries':>8}{'groups':>8}{'mAP':>8}{'Acc':>8}  projected to")
    print(f"{'':44}{report.averages.population:>14,}: mAP     Acc")
    _print_row("all", report.averages)
    for column, values in report.by.items():
        for value, averages in values.items():
            _print_row(f"{column} {value}", averages)
    for name, (low, high) in report.averages.ci95.items():
        if not math.isnan(low):
            print(f"95 % interval of {name}: {100 * low:.1f} to {100 * high:.1f}")
    if math.isnan(report.averages.values["projected_acc"]):
        print("n/a: too few references to project from; some 400 are needed")


def _print_trust(trust: "Trust | None") -> None:
    """Print at each preset how often queries with and without an origin get the verdict origin."""
    from originid.verdict.presets import PRESETS

    if trust is None:
        print("n/a: too few images to tell what a stated rate of false matches is worth")
        return
    rows = (
        ("wrong, group left out", "false_origin"),
        ("wrong, photos alone", "false_origin_among_photos"),
        ("wrong, strangers", "false_origin_of_strangers"),
        ("right", "true_origin"),
        ("right, where it is first", "true_of_first"),
    )
    print(f"verdict origin, in % of the queries{'':9}" + "".join(f"{n:>24}" for n in PRESETS))
    stated = [f"{100 * rate:g}" for rate in PRESETS.values()]
    print(f"{'stated rate of false matches':44}" + "".join(f"{rate:>24}" for rate in stated))
    for text, measure in rows:
        cells = [_estimate(trust.presets[name][measure]) for name in PRESETS]
        if set(cells) != {"n/a"}:
            print(f"{text:44}" + "".join(f"{cell:>24}" for cell in cells))
    print(
        f"micro-AP of queries with and without origin: {_percent(trust.micro_ap)} by the stated "
        f"rate, {_percent(trust.micro_ap_by_score)} by the bare score"
    )
    print(f"expected calibration error of the stated rate: {trust.calibration_error:.3f}")


def _estimate(estimate: "Estimate") -> str:
    value, low, high = (100 * each for each in estimate)
    return "n/a" if math.isnan(value) else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _print_training(model: "Model") -> None:
    """Warn that a model cannot be judged on the pairs that it was learned from."""
    if "pairs" in model.training:
        print(
            f"The model was fitted to {model.training['pairs']} pairs. If these are among them, "
            f"figures say little: cross-validate instead, by --encoder {printable(model.spec)}"
        )


def _print_row(name: str, averages: "Averages") -> None:
    value = averages.values
    label = printable(name)
    if len(label) > LABEL:  # on a line of its own: two may begin alike
        print(label)
        label = ""
    print(
        f"{label:{LABEL}}{averages.queries:8}{averages.groups:8}"
        f"{_percent(value['mAP']):>8}{_percent(value['acc']):>8}"
        f"{_percent(value['projected_mAP']):>20}{_percent(value['projected_acc']):>8}"
    )


def _percent(share: float) -> str:
    return "n/a" if math.isnan(share) else f"{100 * share:.1f}"


def _write_failures(path: Path, misses: "list[Miss]") -> None:
    from originid.images.contact_sheet import Tile, write_sheet
    from originid.images.decode import decode, read_bytes

    rows = [
        [
            Tile(decode(read_bytes(miss.query)).image, ("query", miss.query.name)),
            Tile(
                decode(read_bytes(miss.origin)).image,
                (f"origin, rank {miss.rank}", f"score {miss.origin_score:.2f}"),
            ),
            Tile(
                decode(read_bytes(miss.stranger)).image,
                ("best stranger", f"score {miss.stranger_score:.2f}"),
            ),
        ]
        for miss in misses
    ]
    if rows:  # without a miss there is nothing to show, and no file
        write_sheet(path, "the worst failures, one of each origin group", rows, columns=3)
