"""originid evaluate: judge a model, or a way to learn the map, on a manifest of pairs."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.named_encoder import open_named_encoder
from originid.cli.output import JsonOption, print_failures, print_json, progress_bar
from originid.cli.train import ENCODER, MAPS, map_settings
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.encoders import Encoder
    from originid.evaluation.attacks import Attack
    from originid.evaluation.report import Averages, Miss, Report
    from originid.evaluation.run import Evaluation
    from originid.evaluation.trust import Estimate, Trust
    from originid.latents import LatentCache
    from originid.model import Model
    from originid.training.fitting import Settings
    from originid.types import Pair


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
AttackOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME:LEVEL+...",
        help="Change the queries, for example by jpeg:30, mirror, crop:25, or by several steps as "
        "in crop:25+mirror+jpeg:40. By default they stay as they are.",
    ),
]
StrangersOption = Annotated[
    Path | None,
    typer.Option(
        help="Ask the images of this folder too. None of them may have an origin among the "
        "references: they show how often a query without an origin is given one."
    ),
]
PicturesOption = Annotated[
    Path | None,
    typer.Option(
        help="Write pictures into this folder: failures.png, the worst failures, and "
        "reliability.png, stated against observed rates of false matches, which needs the extra "
        "[experiments]."
    ),
]


def evaluate(
    pairs: PairsArgument,
    references: ReferencesOption,
    model: ModelOption = None,
    encoder: EncoderOption = None,
    map: MapOption = None,
    latents: LatentsOption = None,
    attack: AttackOption = None,
    strangers: StrangersOption = None,
    pictures: PicturesOption = None,
    json: JsonOption = False,
) -> None:
    """Judge a model on pairs of origins and queries.

    The references are all origins of the manifest and the photos. Averages are taken over the
    queries of an origin group first, then over the groups. Projected values are those that are
    expected among 1,000,000 references. They are broken down by each column of the manifest that
    has 2 to 12 different values. With --encoder, maps are judged by 4-fold
    cross-validation, in which all pairs of a source are in one fold.

    --attack changes the queries that are judged, but not the pairs that maps are learned from.
    Each is searched once, as it then is. The steps with a level are jpeg:QUALITY and
    social:QUALITY (compressed twice), 1 to 100; blur:SIGMA in pixels; resize:SCALE;
    watermark:OPACITY, up to 1; crop:PERCENT of the area; letterbox:PERCENT and pad:PERCENT, up to
    90; turn:DEGREES, up to 45; quarter:TURNS, 1 to 3. The others are mirror, square, story (the
    middle of 9:16), screenshot, side-by-side and caption. A + joins steps.

    Every query is asked again with the references of its origin group left out. So the report also
    says how often a query without an origin gets the verdict origin at each preset of find.
    """
    from originid.datasets.pairs import read_pairs
    from originid.evaluation.attacks import parse_attack
    from originid.latents import LatentCache
    from originid.model import DEFAULT, Model, open_model

    _check(model, encoder, map, pictures)
    settings = map_settings("full" if map is None else map)
    attacked = parse_attack(attack) if attack is not None else None
    judged = open_model(model or DEFAULT) if encoder is None else open_named_encoder(encoder)
    manifest = read_pairs(pairs)
    opened = judged.encoder if isinstance(judged, Model) else judged
    cache = LatentCache.open(latents, opened) if latents is not None else None
    outcome = _judge(judged, settings, manifest, references, cache, attacked, strangers)
    if json:
        what = {"model": None if encoder else model or DEFAULT, "encoder": opened.spec}
        what |= {"map": (map or "full") if encoder else None, "attack": attack}
        print_json({**what, **outcome.to_json()})
    else:
        _print_outcome(outcome, judged if isinstance(judged, Model) else None)
    if pictures is not None:
        _draw(outcome, pictures)


def _check(
    model: str | None,
    encoder: str | None,
    map: str | None,
    pictures: Path | None,
) -> None:
    """Refuse options that contradict each other, and pictures that cannot be drawn."""
    from originid.evaluation.reliability import refuse_missing_matplotlib

    if model is not None and encoder is not None:
        raise typer.BadParameter("--model and --encoder: expected one of them; leave out the other")
    if map is not None and encoder is None:
        raise typer.BadParameter(
            "--map: a model has a map of its own; give --encoder to learn another one"
        )
    if pictures is not None:
        if pictures.exists() and not pictures.is_dir():
            raise typer.BadParameter(f"--pictures {pictures}: expected a folder, not a file")
        refuse_missing_matplotlib()


def _judge(
    judged: "Model | Encoder",
    settings: "Settings",
    manifest: "list[Pair]",
    references: Path,
    cache: "LatentCache | None",
    attacked: "Attack | None",
    strangers: Path | None,
) -> "Evaluation":
    """Judge a model as it is, or maps that are learned on an encoder's latents."""
    from originid.evaluation.folds import few_valued
    from originid.evaluation.protocol import Protocol
    from originid.evaluation.run import cross_validate, evaluate_model
    from originid.model import Model

    protocol = Protocol(by=few_valued(manifest))
    with progress_bar("encoding") as bar:
        if isinstance(judged, Model):
            return evaluate_model(
                manifest, references, judged, protocol, bar, cache, attacked, strangers
            )
        return cross_validate(
            manifest, references, judged, settings, protocol, bar, cache, attacked, strangers
        )


def _print_outcome(outcome: "Evaluation", model: "Model | None") -> None:
    """Print what was measured, and warn if the model was learned from pairs."""
    print_failures(outcome.report.skipped, "--json lists them")
    _print(outcome.report)
    _print_trust(outcome.trust)
    if model is not None:
        _print_training(model)


def _draw(outcome: "Evaluation", folder: Path) -> None:
    """Write the pictures of the worst failures and of the stated rates into a folder."""
    from originid.evaluation.reliability import draw_reliability
    from originid.system.storage import storage_errors

    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    _write_failures(folder / "failures.png", outcome.misses)
    if outcome.trials is not None:
        draw_reliability(outcome.trials, folder / "reliability.png")


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
