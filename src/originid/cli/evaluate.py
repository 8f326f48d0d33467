"""originid evaluate: judge a model, or a way to fit one, on a manifest of pairs."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import print_failures, print_json, progress_bar
from originid.cli.train import MAPS, map_settings
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.evaluation.report import Averages, Miss, Report
    from originid.model import Model


def evaluate(
    pairs: Annotated[Path, typer.Argument(metavar="PAIRS.csv", help="The manifest of pairs.")],
    references: Annotated[Path, typer.Option(help="Folder of photos that stand as distractors.")],
    model: Annotated[
        str | None, typer.Option(help="Judge this packaged model or model folder as it is.")
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Instead: cross-validate maps fitted on this encoder."),
    ] = None,
    map: Annotated[
        str | None, typer.Option(help=f"With --encoder: {MAPS}; by default full.")
    ] = None,
    latents: Annotated[
        Path | None, typer.Option(help="Read latents from this folder, and keep them there.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Manifest columns to break the results down by.")
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option(help="Degrade the queries: jpeg:30, blur:3, resize:0.5 or watermark:0.5."),
    ] = None,
    failures: Annotated[
        Path | None, typer.Option(help="Write a contact sheet of the worst failures here.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Judge a model on pairs of origins and queries.

    The references are all origins of the manifest and the photos. Averages are taken over the
    queries of an origin group first, then over the groups. With --encoder, 4-fold
    cross-validation keeps all pairs of a source in one fold. Projected figures are what is to be
    expected among 1,000,000 references. --attack NAME:LEVEL degrades the queries that are judged,
    not what maps are fitted to: jpeg by its quality, blur by its sigma in pixels, resize by its
    scale, watermark by its opacity.
    """
    from originid.datasets.pairs import read_pairs
    from originid.encoders import open_encoder
    from originid.evaluation.attacks import parse_attack
    from originid.evaluation.protocol import Protocol
    from originid.evaluation.run import cross_validate, evaluate_model
    from originid.latents import LatentCache
    from originid.model import DEFAULT, Model, open_model

    if model is not None and encoder is not None:
        raise typer.BadParameter("give --model or --encoder, not both")
    if map is not None and encoder is None:
        raise typer.BadParameter("--map: a model has its own; give --encoder with it")
    if failures is not None and failures.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise typer.BadParameter(f"--failures {failures}: expected a name ending in .png or .jpg")
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
    if rows:
        write_sheet(path, "the worst failures, one of each origin group", rows, columns=3)
