"""Trained networks and maps, judged on the same queries: what Tables 3 and 10 show."""

from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.harness.judging_networks import judge_network
from originid.experiments.trained_networks.settings import PRESETS
from originid.types import Json

MAPS = {"raw": "none", "cosface": "cosface", "full": ""}
"""Ways to learn the map, and the paper's row that is of the same kind."""

NOTE = """\
Everything learned saw pairs of the seen generator only, and is judged on origins that it did not
see. map cosface is the paper's W, full the closed form. all generators is the paper's upper bound:
the map may see pairs of every generator. ours ahead is the Acc of the last row of the packaged
encoder's seen maps less this row's, with its 95 % interval. """
SMALL = """\
The networks are small and begin from random weights (images of 64 px; the paper's are ViT-B/16
and ResNet-50 that begin from ImageNet). """


def judge_methods(context: ExperimentContext) -> dict[str, tuple[str, Json]]:
    """The paper's key and the result of every method."""
    found: dict[str, tuple[str, Json]] = {}
    for name in PRESETS:
        found[name] = (name, judge_network(context, name))
    for label, spec in context.encoders.items():
        for map, key in MAPS.items():
            found[f"{label}, map {map}"] = (key, judge_map(context, spec, map, seen=True))
        found[f"{label}, map full, all generators"] = ("upper", _upper(context, spec))
    return found


def _upper(context: ExperimentContext, spec: str) -> Json:
    """A map that saw every generator, on the same folds."""
    return judge_map(context, spec, "full", seen=True, upper=True)


def note(context: ExperimentContext) -> str:
    """What the tables of trained methods have to say: the same for both."""
    return NOTE if context.inputs.scale.paper else NOTE + SMALL
