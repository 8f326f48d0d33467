"""originid evaluate: judge a model, or a way to learn the map, on a manifest of pairs."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import JsonOption, print_failures, print_json, progress_bar
from originid.cli.train import ENCODER, MAPS, map_settings
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.evaluation.report import Averages, Miss, Report
    from originid.model import Model


PairsArgument = Annotated[
    Path,
    typer.Argument(
        metavar="PAIRS.csv",
        help="Judge the pairs of this manifest, whose columns origin and query have paths.",
    ),
]
ReferencesOption = Annotated[
    Path, typer.Option(help="Search among the photos of this folder, besides the origins.")
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="Judge this model as it is, the name of a packaged model or a model folder. The "
        "default is the model default."
    ),
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        help="Judge maps that are learned by cross-validation on this encoder's latents, instead "
        f"of a model. {ENCODER}"
    ),
]
MapOption = Annotated[
    str | None,
    typer.Option(help=f"With --encoder, learn the map in this way: {MAPS}. The default is full."),
]
LatentsOption = Annotated[
    Path | None,
    typer.Option(
        help="Keep latents in this folder, and read those that are there. By default they are not "
        "kept."
    ),
]
ByOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Break the results down by this column of the manifest. It may be given several times."
    ),
]
AttackOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME:LEVEL+...",
        help="Change the queries, for example by jpeg:30, mirror, crop:25, or by several steps as "
        "in crop:25+mirror+jpeg:40. By default they stay as they are.",
    ),
]
FailuresOption = Annotated[
    Path | None,
    typer.Option(
        help="Write a contact sheet of the worst failures into this file, a .png or a .jpg."
    ),
]


def evaluate(
    pairs: PairsArgument,
    references: ReferencesOption,
    model: ModelOption = None,
    encoder: EncoderOption = None,
    map: MapOption = None,
    latents: LatentsOption = None,
    by: ByOption = None,
    attack: AttackOption = None,
    failures: FailuresOption = None,
    json: JsonOption = False,
) -> None:
    """Judge a model on pairs of origins and queries.

    The references are all origins of the manifest and the photos. Averages are taken over the
    queries of an origin group first, then over the groups. Projected values are those that are
    expected among 1,000,000 references. With --encoder, maps are judged by 4-fold
    cross-validation, in which all pairs of a source are in one fold.

    --attack changes the queries that are judged, but not the pairs that maps are learned from.
    Each is searched once, as it then is. The steps with a level are jpeg:QUALITY and
    social:QUALITY (compressed twice), 1 to 100; blur:SIGMA in pixels; resize:SCALE;
    watermark:OPACITY, up to 1; crop:PERCENT of the area; letterbox:PERCENT and pad:PERCENT, up to
    90; turn:DEGREES, up to 45; quarter:TURNS, 1 to 3. The others are mirror, square, story (the
    middle of 9:16), screenshot, side-by-side and caption. A + joins steps.
    """
    from originid.datasets.pairs import read_pairs
    from originid.encoders import open_encoder
    from originid.evaluation.attacks import parse_attack
    from originid.evaluation.protocol import Protocol
    from originid.evaluation.run import cross_validate, evaluate_model
    from originid.latents import LatentCache
    from originid.model import DEFAULT, Model, open_model

    _check(model, encoder, map, failures)
    settings = map_settings("full" if map is None else map)
    attacked = parse_attack(attack) if attack is not None else None
    judged = open_model(model or DEFAULT) if encoder is None else open_encoder(encoder)
    manifest = read_pairs(pairs)
    protocol = Protocol(by=tuple(by or ()))
    opened = judged.encoder if isinstance(judged, Model) else judged
    cache = LatentCache.open(latents, opened) if latents is not None else None
    with progress_bar("encoding") as bar:
        if isinstance(judged, Model):
            outcome = evaluate_model(manifest, references, judged, protocol, bar, cache, attacked)
        else:
            outcome = cross_validate(
                manifest, references, judged, settings, protocol, bar, cache, attacked
            )
    if json:
        what = {"model": None if encoder else model or DEFAULT, "encoder": opened.spec}
        what |= {"map": (map or "full") if encoder else None, "attack": attack}
        print_json({**what, **outcome.report.to_json()})
    else:
        print_failures(outcome.report.skipped, "--json lists them")
        _print(outcome.report)
        if isinstance(judged, Model):
            _print_training(judged)
    if failures is not None:
        _write_failures(failures, outcome.misses)


def _check(model: str | None, encoder: str | None, map: str | None, failures: Path | None) -> None:
    """Refuse options that contradict each other, and files that a sheet cannot be written to."""
    if model is not None and encoder is not None:
        raise typer.BadParameter("--model and --encoder: expected one of them; leave out the other")
    if map is not None and encoder is None:
        raise typer.BadParameter(
            "--map: a model has a map of its own; give --encoder to learn another one"
        )
    if failures is not None and failures.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise typer.BadParameter(f"--failures {failures}: expected a name ending in .png or .jpg")


def _print(report: "Report") -> None:
    print(
        f"{report.averages.queries} queries of {report.averages.groups} origin groups, "
        f"{report.references} references; macro averages in %"
    )
    print(f"{'':20}{'queries':>8}{'groups':>8}{'mAP':>8}{'Acc':>8}  projected to")
    print(f"{'':44}{report.averages.population:>14,}: mAP     Acc")
    _print_row("all", report.averages)
    for column, values in report.by.items():
        for value, averages in values.items():
            _print_row(f"{column} {value}", averages)
    for name, (low, high) in report.ci95.items():
        if not math.isnan(low):
            print(f"95 % interval of {name}: {100 * low:.1f} to {100 * high:.1f}")
    if math.isnan(report.averages.values["projected_acc"]):
        print("n/a: too few references to project from; some 400 are needed")


def _print_training(model: "Model") -> None:
    """Warn that a model cannot be judged on the pairs that it was learned from."""
    if "pairs" in model.training:
        print(
            f"The model was fitted to {model.training['pairs']} pairs: figures on them are no "
            f"result. Cross-validate instead: --encoder {printable(model.spec)}"
        )


def _print_row(name: str, averages: "Averages") -> None:
    value = averages.values
    print(
        f"{printable(name)[:20]:20}{averages.queries:8}{averages.groups:8}"
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
