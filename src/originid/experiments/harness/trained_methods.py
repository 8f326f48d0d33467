"""Trained networks and maps, judged on the same queries: what Tables 3 and 10 show."""

from originid.experiments.harness.cells import Judgement
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.harness.judging_networks import judge_network
from originid.experiments.trained_networks.settings import PRESETS

MAPS = {"raw": "none", "cosface": "cosface", "full": ""}
"""The ways to learn the map, and for each the key of the paper's row of the same kind.

The key is empty where the paper has no such row.
"""

NOTE = """\
Everything that is learned saw pairs of the seen generator only. It is judged on origins that it did
not see. Map cosface is the paper's W; map full is the closed form. The rows "all generators" are
the paper's upper bound: there the map may learn from pairs of every generator. The column "ours
ahead" is the Acc of the packaged encoder with map full less the Acc of this row, with the 95 %
interval of the difference. """
SMALL = """\
The networks here are small and begin from random weights, and their images have 64 px. Those of the
paper are ViT-B/16 and ResNet-50, and begin from weights that were trained on ImageNet. """


def judge_methods(context: ExperimentContext) -> dict[str, tuple[str, Judgement]]:
    """Judge every trained network, and our encoders with every map of `MAPS`.

    Args:
        context: the data, the encoders and the results that are kept.

    Returns:
        For each method the key of its row in `originid.experiments.paper` and the judgement.

    Raises:
        InputError: the data cannot be used, or there are too few pairs to learn from.
        ExtraError: torch or pytorch-metric-learning are not installed.
    """
    found: dict[str, tuple[str, Judgement]] = {}
    for name in PRESETS:
        found[name] = (name, judge_network(context, name))
    for label, spec in context.encoders.items():
        for map, key in MAPS.items():
            found[f"{label}, map {map}"] = (key, judge_map(context, spec, map, seen=True))
        upper_bound = judge_map(context, spec, "full", seen=True, upper=True)
        found[f"{label}, map full, all generators"] = ("upper", upper_bound)
    return found


def note(context: ExperimentContext) -> str:
    """Return the sentences that stand under both tables; they say how large the networks are."""
    return NOTE if context.inputs.scale.paper else NOTE + SMALL
