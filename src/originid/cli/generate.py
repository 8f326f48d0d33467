"""originid generate: make queries from origins with a diffusion model."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import print_failures, print_json, progress_bar
from originid.errors import UsageError
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.generation.diffusion.presets import Generator
    from originid.generation.sets.plan import JobPlan
    from originid.generation.sets.run import SetInputs, SetSummary


def generate(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="FOLDER...", help="Folders of origins.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The set's folder: new, or to go on with.")
    ] = None,
    generator: Annotated[
        str | None,
        typer.Option(
            help="A name from --list, a folder or hub id of diffusers, or a .json file of settings."
        ),
    ] = None,
    prompts: Annotated[
        str,
        typer.Option(
            metavar="SOURCE[:COUNT]",
            help="names (templates over file names), chat:MODEL (OpenAI's API, by OPENAI_BASE_URL "
            "and OPENAI_API_KEY), or a .csv with the columns path and prompt, or path and caption. "
            "names:5 is five prompts an origin; without a number 20.",
        ),
    ] = "names",
    strength: Annotated[
        str | None,
        typer.Option(help="One, or several with commas between, as 0.3,0.6,0.9; by default its."),
    ] = None,
    test: Annotated[
        float, typer.Option(help="Share of the origins whose pairs are for tests.")
    ] = 0.0,
    ray: Annotated[
        bool,
        typer.Option("--ray", help="Share the work among all GPUs of a Ray cluster, or of here."),
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what it would take, and make nothing.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Print the known generators.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make pairs for training and tests: from each origin and prompt a query.

    OUTPUT gets images/, pairs.csv, failures.csv and sheet.jpg, with --test also train.csv and
    test.csv. The same command goes on where it was cut off; started several times at once, on one
    machine or many that share OUTPUT, the processes share the work. Other generators can be added
    to a set. What failed is tried again when failures.csv is removed.

    A file of settings for --generator, such as {"generator": "sd2", "seed": 7}, may state seed,
    batch, steps, guidance, size, and as options other arguments of the pipeline; its name is what
    the pairs call the generator. Another seed makes other images.

    --ray takes the extra [ray] and the cluster that RAY_ADDRESS or `ray start` names, else this
    machine's devices. All machines need originid, and the origins and OUTPUT under the same path.
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
        made.name, made.kind, _strengths(strength, made), chosen.batch, chosen.seed
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
        "`originid generate --list` names the generators",
    )


def _make(inputs: "SetInputs", generator: "Generator", ray: bool, json: bool) -> None:
    from originid.generation.diffusion.making import open_maker
    from originid.generation.sets.job import run_job
    from originid.generation.sets.run import make_set
    from originid.model import open_model

    opener = partial(open_maker, generator)
    model = open_model() if inputs.image_set.settings.test else None
    run = run_job
    if ray:
        from originid.generation.sets.on_ray import run_on_ray

        run = run_on_ray
    with progress_bar("comparing") as comparing, progress_bar("making") as making:
        done = make_set(inputs, opener, model, comparing, making, run)
    print_failures(inputs.unreadable, "failures.csv lists them")
    _print(done, inputs.image_set.folder, json)
    if not done.counts.pairs:
        raise typer.Exit(1)


def _strengths(text: str | None, generator: "Generator") -> tuple[float | None, ...]:
    if text is None:
        return (generator.strength,)
    if generator.strength is None:
        expected = f"expected none, as {generator.name} knows no strength"
        raise UsageError(f"--strength {text}", expected, "leave it out")
    try:
        return tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError as error:
        expected = "expected numbers above 0 and up to 1, as 0.3,0.6"
        raise UsageError(f"--strength {text}", expected, "choose others") from error


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
    """Before a run on stderr, as stdout is for its result."""
    if to_stdout and json:
        print_json(asdict(plan))
        return
    lines = [
        f"{plan.origins:,} origins, {plan.images:,} images, {plan.made:,} of them made",
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
    hours, minutes = divmod(-(-seconds // 60), 60)
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
