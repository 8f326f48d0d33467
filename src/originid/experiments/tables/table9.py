"""Table 9 (Appendix F): public models beside ours, by family of generators."""

from originid.datasets.oripid import GENERATORS
from originid.encoders.public.presets import BASELINES
from originid.experiments.harness.cells import round1
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.public_models import judge_models
from originid.experiments.paper import NOTES, TABLE_9, TABLE_10
from originid.experiments.report.report import ExperimentReport, Table, TableRow


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge every public model that can be loaded here, and our encoders.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: the data or an encoder cannot be used.
        ExtraError: the extra ``[vae]`` is not installed, and a VAE is given.
    """
    public, ours, skipped = judge_models(context)
    everything = {**public, **ours}
    families = list(next(iter(everything.values()))[1]["by"]["family"])
    rows = [
        (name, *(round1(judgement["by"]["family"][family]["mAP"]) for family in families))
        for name, (_, judgement) in everything.items()
    ]
    paper: list[TableRow] = [(name, *TABLE_9[name]) for name in BASELINES if name in TABLE_9]
    paper += [("ours, no map", *TABLE_10["none"]), ("ours", *TABLE_10["cosface"])]
    return ExperimentReport(
        "table9",
        "Table 9: publicly available models by generator",
        context.inputs,
        Table("mAP by kind of generator", ("model", *families), tuple(rows)),
        {"paper": Table("The paper's mAP", ("model", *GENERATORS), tuple(paper), NOTES[1])},
        skipped=skipped,
        note=context.dataset.note,
    )
