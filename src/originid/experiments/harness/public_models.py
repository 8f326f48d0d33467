"""Public models as they are, and ours, judged on the same queries: what Tables 2 and 9 show."""

from originid.encoders.public.presets import BASELINES
from originid.errors import ExtraError, InputError
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.types import Json

Judged = dict[str, tuple[str, Json]]
"""The family and the result of each model, by its name."""


def judge_models(context: ExperimentContext) -> tuple[Judged, Judged, dict[str, str]]:
    """What every model that can be loaded reaches, what ours do, and why others were not run."""
    found: Judged = {}
    skipped: dict[str, str] = {}
    for name, baseline in BASELINES.items():
        try:
            report = judge_map(context, f"baseline:{name}", "raw")
        except (InputError, ExtraError) as error:
            skipped[name] = f"{error.given}; {error.todo}"
        else:
            found[name] = (baseline.family, report)
    ours: Judged = {}
    for label, spec in context.encoders.items():
        for map in ("raw", "full"):
            name = f"{label}, map {map}"
            try:
                ours[name] = ("ours", judge_map(context, spec, map))
            except InputError as error:
                if map == "raw":
                    raise
                skipped[name] = f"{error.given}; {error.todo}"  # too few pairs to learn from
    return found, ours, skipped
