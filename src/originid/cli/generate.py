"""originid generate: make queries from origins with a diffusion model."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import JsonOption, print_failures, print_json, progress_bar
from originid.errors import UsageError
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.generation.diffusion.presets import Generator
    from originid.generation.sets.plan import JobPlan
    from originid.generation.sets.run import SetInputs, SetSummary


FoldersArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FOLDER...", help="Edit the images of these folders: the origins."),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Write the set into this folder, a new one or one of a set that goes on.",
    ),
]
GeneratorOption = Annotated[
    str | None,
    typer.Option(
        help="Edit with this generator: a name that --list shows, a folder or a Hugging Face id of "
        "diffusers, or a .json file of settings."
    ),
]
PromptsOption = Annotated[
    str,
    typer.Option(
        metavar="SOURCE[:COUNT]",
        help="Take prompts from this source: names (templates with the names of the files), "
        "styles (the 18 templates that the small generators have learned), chat:MODEL (a model "
        "behind OpenAI's API, at OPENAI_BASE_URL and with the key OPENAI_API_KEY), or a .csv file "
        "with the columns path and prompt, or path and caption, and paths relative to that file. "
        "COUNT is the number of prompts for each origin, at least 1; without it there are 20.",
    ),
]
StrengthOption = Annotated[
    str | None,
    typer.Option(
        help="Edit with this strength, above 0 and at most 1, or with several that are separated "
        "by commas, such as 0.3,0.6,0.9. The default is the generator's own."
    ),
]
TestOption = Annotated[
    float,
    typer.Option(
        help="Keep the pairs of this share of the origins for tests; at least 0 and below 1."
    ),
]
RayOption = Annotated[
    bool,
    typer.Option(
        "--ray", help="Share the work among all GPUs of a Ray cluster, or of this machine."
    ),
]
PlanOption = Annotated[
    bool,
    typer.Option("--plan", help="Print what the work would take, and make nothing."),
]
ListOption = Annotated[bool, typer.Option("--list", help="Print the known generators.")]


def generate(
    folders: FoldersArgument = None,
    output: OutputOption = None,
    generator: GeneratorOption = None,
    prompts: PromptsOption = "names",
    strength: StrengthOption = None,
    test: TestOption = 0.0,
    ray: RayOption = False,
    plan: PlanOption = False,
    list_: ListOption = False,
    json: JsonOption = False,
) -> None:
    """Make pairs for training and tests: a query from each origin and prompt.

    OUTPUT gets images/, pairs.csv, failures.csv and sheet.jpg. With --test it also gets train.csv
    and test.csv. If the command was cut off, the same command goes on. If it is started several
    times at once, on one machine or on many that share OUTPUT, the processes share the work. A set
    can have pairs of several generators. To try again what failed, remove failures.csv.

    A file of settings for --generator, such as {"generator": "sd2", "seed": 7}, may have seed,
    batch, steps, guidance and size, and in options further arguments of the pipeline. In the
    manifest, the generator then has the name of that file, and OUTPUT/generators keeps what it is.
    Another seed makes other images; for other settings give the file another name.

    --ray needs the extra [ray]. It uses the cluster that RAY_ADDRESS or `ray start` names, or if
    there is none, the devices of this machine. All machines need originid, and the origins and
    OUTPUT under the same paths.
    """
    from originid.generation.diffusion.chosen import choose
    from originid.generation.prompts import open_prompts, read_count
    from originid.generation.sets.job import JobSettings
    from originid.generation.sets.plan import plan_job
    from originid.generation.sets.run import find_inputs
    from originid.generation.sets.shards import SetSettings

    if list_:
        _print_generators(json)
        return
    if not folders or output is None or generator is None:
        raise _incomplete(folders, output, generator)
    shared, chosen = SetSettings(test), choose(generator)
    made = chosen.generator
    settings = JobSettings(
        made.name, made.kind, _strengths(strength, made), chosen.batch, chosen.seed, made.how
    )
    source = open_prompts(*read_count(prompts), output / "prompts")
    with progress_bar("reading") as bar:
        inputs = find_inputs(folders, output, shared, source, settings, bar)
    _print_plan(plan_job(inputs, made.size), to_stdout=plan, json=json)
    if not plan:
        _make(inputs, made, ray, json)


def _incomplete(
    folders: list[Path] | None, output: Path | None, generator: str | None
) -> UsageError:
    parts = (("FOLDER...", folders), ("-o OUTPUT", output), ("--generator NAME", generator))
    return UsageError(
        f"missing: {', '.join(name for name, given in parts if not given)}",
        "expected originid generate FOLDER... -o OUTPUT --generator NAME",
        "add what is missing; to see the generators: originid generate --list",
    )


def _make(inputs: "SetInputs", generator: "Generator", ray: bool, json: bool) -> None:
    from originid.generation.diffusion.making import open_maker
    from originid.generation.sets.job import run_job
    from originid.generation.sets.run import make_set
    from originid.model import open_model

    opener = partial(open_maker, generator)
    # Origins that look alike must not be divided between training and tests, so they are compared.
    model = open_model() if inputs.image_set.settings.test else None
    run = run_job
    if ray:
        from originid.generation.sets.on_ray import run_on_ray

        run = run_on_ray
    with progress_bar("comparing") as comparing, progress_bar("making") as making:
        done = make_set(inputs, opener, model, comparing, making, run)
    print_failures(inputs.unreadable, "failures.csv lists them")
    _print(done, inputs.image_set.folder, json)
    # A set without pairs is of no use, so the command failed.
    if not done.counts.pairs:
        raise typer.Exit(1)


def _strengths(text: str | None, generator: "Generator") -> tuple[float | None, ...]:
    if text is None:
        return (generator.strength,)
    if generator.strength is None:
        expected = f"expected no strength, because {generator.name} has none"
        raise UsageError(f"--strength {text}", expected, "leave --strength out")
    try:
        return tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError as error:
        expected = "expected numbers above 0 and at most 1, such as 0.3,0.6"
        raise UsageError(f"--strength {text}", expected, "give other numbers") from error


def _print_generators(json: bool) -> None:
    from originid.generation.diffusion.presets import GENERATORS

    if json:
        print_json({"generators": [asdict(generator) for generator in GENERATORS.values()]})
        return
    rows = [("name", "kind", "size", "strength", "gated", "source", "licence")]
    for one in GENERATORS.values():
        strength = "-" if one.strength is None else f"{one.strength:g}"
        gated = "yes" if one.gated else "no"
        rows.append((one.name, one.kind, str(one.size), strength, gated, one.source, one.licence))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _print_plan(plan: "JobPlan", to_stdout: bool, json: bool) -> None:
    """Print a plan: on standard error before a run, as standard output is for the run's result."""
    if to_stdout and json:
        print_json(asdict(plan))
        return
    lines = [
        f"{plan.origins:,} origins, {plan.images:,} images, {plan.made:,} of them made",
        *([f"{plan.unprompted:,} origins have no prompt"] if plan.unprompted else []),
        f"time    {_time(plan.seconds)}",
        f"disk    {_size(plan.bytes)}, free {_size(plan.free)}",
    ]
    if plan.cost:
        usd = "its price is not known" if plan.cost.usd is None else f"{plan.cost.usd:,.2f} USD"
        lines.append(
            f"prompts at most {plan.cost.requests:,} requests, {plan.cost.tokens_read:,} tokens "
            f"read and {plan.cost.tokens_written:,} written: {usd}"
        )
    if plan.bytes > plan.free:
        lines.append("the disk will be full before the end")
    for line in lines:
        typer.echo(line, err=not to_stdout)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "not known before some images of this generator are made"
    hours, minutes = divmod(-(-seconds // 60), 60)  # minutes are rounded up
    return f"{hours:.0f} h {minutes:.0f} min on one device"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _print(done: "SetSummary", output: Path, json: bool) -> None:
    outcome, counts = done.outcome, done.counts
    if json:
        sheet = None if done.sheet is None else str(done.sheet)
        print_json(
            {
                "output": str(output),
                **asdict(outcome),
                **asdict(counts),
                "leaks": done.leaks,
                "sheet": sheet,
            }
        )
        return
    name = printable(str(output))
    print(f"{outcome.made} made, {outcome.known} known, {outcome.failed} failed")
    print(f"{name}: {counts.pairs} pairs, {counts.failures} failures")
    if counts.test or done.leaks:
        print(
            f"{counts.train} for training, {counts.test} for tests; {done.leaks} origins that "
            "look like training origins went to training"
        )
    if outcome.busy:
        print(f"another process is at {outcome.busy} of 64 parts: run again when it has ended")
    if done.sheet:
        print(f"look at {printable(str(done.sheet))}")
