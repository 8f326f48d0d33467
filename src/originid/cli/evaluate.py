"""originid evaluate: judge a model, or a way to learn the map, on a manifest of pairs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.evaluation_text import draw, print_outcome
from originid.cli.named_encoder import open_named_encoder
from originid.cli.output import JsonOption, print_json, progress_bar
from originid.cli.train import ENCODER, MAPS, map_settings
from originid.system.text import counted, printable

if TYPE_CHECKING:
    from originid.encoders import Encoder
    from originid.evaluation.attacks import Attack
    from originid.evaluation.run import Evaluation
    from originid.latents import LatentCache
    from originid.model import Model
    from originid.training.fitting import Settings
    from originid.types import Pair

FEW_GROUPS = 10  # origin groups; with fewer, one miss moves Acc by more than 10 points

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
    Each changed query is searched once, without a second look. The steps with a level are
    jpeg:QUALITY and social:QUALITY (compressed twice), 1 to 100; blur:SIGMA in pixels;
    resize:SCALE; watermark:OPACITY, up to 1; crop:PERCENT of the area; letterbox:PERCENT and
    pad:PERCENT, up to 90; turn:DEGREES, up to 45; quarter:TURNS, 1 to 3. The others are mirror,
    square, story (the middle of 9:16), screenshot, side-by-side and caption. A + joins steps.

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
    _note_few(manifest)
    cache = LatentCache.open(latents, opened) if latents is not None else None
    outcome = _judge(judged, settings, manifest, references, cache, attacked, strangers)
    if json:
        fingerprint = judged.fingerprint if isinstance(judged, Model) else None
        what = {"model": None if encoder else model or DEFAULT, "fingerprint": fingerprint}
        what |= {"encoder": opened.spec, "map": (map or "full") if encoder else None}
        what["attack"] = attack
        print_json({**what, **outcome.to_json()})
    else:
        about = (
            f"model {model or DEFAULT} ({judged.fingerprint[:8]})"
            if isinstance(judged, Model)
            else f"encoder {opened.spec}, map {map or 'full'}, learned from other pairs"
        )
        changed = "" if attack is None else f", each query changed by {attack}"
        print(printable(f"{pairs}: {about}{changed}"))
        print_outcome(outcome, judged if isinstance(judged, Model) else None)
    if pictures is not None:
        draw(outcome, pictures)


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


def _note_few(pairs: "list[Pair]") -> None:
    """Say on standard error, before the work begins, that the pairs are few."""
    groups = len({pair.group for pair in pairs})
    if groups < FEW_GROUPS:
        print(
            f"the pairs are of {counted(groups, 'origin group')}, which is few: one miss more "
            f"moves Acc by {100 / groups:.0f} points; with 100 groups it is 1 point",
            file=sys.stderr,
        )
