"""Public models as they are, and ours, judged on the same queries: what Tables 2 and 9 show."""

from originid.encoders.public.presets import BASELINES
from originid.errors import ExtraError, InputError
from originid.experiments.harness.cells import Judgement
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map

JudgedModels = dict[str, tuple[str, Judgement]]
"""The family of each model and how well it finds origins, by the model's name."""


def judge_models(context: ExperimentContext) -> tuple[JudgedModels, JudgedModels, dict[str, str]]:
    """Judge every public model that can be loaded here, and our encoders with and without a map.

    Args:
        context: the data, the encoders and the results that are kept.

    Returns:
        The public models, our models, and for each model that could not be judged the reason.

    Raises:
        InputError: the data cannot be used.
    """
    public: JudgedModels = {}
    skipped: dict[str, str] = {}
    for name, baseline in BASELINES.items():
        try:
            source = context.inputs.baselines.get(name, "")
            spec = f"baseline:{name}:{source}" if source else f"baseline:{name}"
            judgement = judge_map(context, spec, "raw")
        except (InputError, ExtraError) as error:
            skipped[name] = f"{error.given}; {error.todo}; here by --baseline {name}:SOURCE"
        else:
            public[name] = (baseline.family, judgement)
    ours: JudgedModels = {}
    for label, spec in context.encoders.items():
        for map in ("raw", "full"):
            name = f"{label}, map {map}"
            try:
                ours[name] = ("ours", judge_map(context, spec, map))
            except InputError as error:
                if map == "raw":
                    raise
                # There are too few pairs to learn a map from; the other rows can still be shown.
                skipped[name] = f"{error.given}; {error.todo}"
    return public, ours, skipped
