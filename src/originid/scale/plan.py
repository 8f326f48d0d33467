"""What a number of references needs: bytes, machines, cost, time, and what answers are worth."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from originid.scale.choice import BUSY, Choice, a_second, choose
from originid.scale.expected import Curve, Expected
from originid.scale.growth import Basis, Growth
from originid.scale.tables import Constants, Engine, Prices
from originid.system.strict_json import JsonObject

MONTH = 730.0  # hours
SECONDS = 3600.0  # of an hour
DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class Figure:
    """One figure of a plan.

    Args:
        name: its name in JSON.
        value: the figure, or None if nothing is known.
        unit: its unit in words; ``%`` for a share.
        basis: where it comes from.
        note: what it rests on, in words.
        low: lower end of its 95 % interval, or None.
        high: upper end, or None.
    """

    name: str
    value: float | None
    unit: str
    basis: Basis
    note: str = ""
    low: float | None = None
    high: float | None = None

    def to_json(self) -> JsonObject:
        """Return the figure as ``plan --json`` prints it, without its name."""
        interval = None if self.low is None else [self.low, self.high]
        told = {"value": self.value, "unit": self.unit, "basis": self.basis.value}
        return {**told, "note": self.note, "ci95": interval}


@dataclass(frozen=True)
class Plan:
    """What a number of references needs.

    Args:
        references: the number.
        queries_per_second: the load.
        choice: the engine, why, and how many machines.
        figures: all figures, in the order in which they are shown.
        tested: what was tested of this, and what was not, a sentence each.
    """

    references: int
    queries_per_second: float
    choice: Choice
    figures: tuple[Figure, ...]
    tested: tuple[str, ...]

    def figure(self, name: str) -> Figure:
        """Return the figure of a name."""
        return next(each for each in self.figures if each.name == name)

    def to_json(self) -> JsonObject:
        """Return the plan as ``plan --json`` prints it."""
        return {
            "references": self.references,
            "queries_per_second": self.queries_per_second,
            "engine": {
                "name": self.choice.engine,
                "why": self.choice.why,
                "others": dict(self.choice.others),
            },
            "figures": {each.name: each.to_json() for each in self.figures},
            "tested": list(self.tested),
        }


def make_plan(
    references: int,
    queries_per_second: float,
    constants: Constants,
    expected: Expected,
    prices: Prices,
) -> Plan:
    """Plan for a number of references.

    Args:
        references: at least 1.
        queries_per_second: above 0.
        constants: what was measured.
        expected: what is expected of answers.
        prices: what machines cost.
    """
    choice = choose(references, queries_per_second, constants, prices)
    figures = (
        *_sizes(references, constants, choice),
        *_building(references, constants, prices, choice),
        *_searching(references, queries_per_second, prices, choice),
        *_answers(references, queries_per_second, expected),
    )
    tested = tuple(_tested(references, constants, expected, prices, choice))
    return Plan(references, queries_per_second, choice, figures, tested)


def _sizes(references: int, constants: Constants, choice: Choice) -> Iterator[Figure]:
    """Bytes on disk and in memory, and of a folder those that it has with fewer bits."""
    compact = constants.engines["compact"]
    for name in ("disk", "memory"):
        growth: Growth = getattr(choice.measured, name)
        whole = _grown(f"{name}_bytes", growth, references, "bytes", choice)
        if choice.machines > choice.parts:
            times = choice.machines / choice.parts
            whole = replace(whole, note=f"{whole.note}; the machines hold all {times:,.1f} times")
        yield whole
        basis, note = _basis(growth, growth.sizes[-1], choice)
        yield Figure(f"{name}_bytes_each", growth.slope, "bytes", basis, note)
        if choice.engine != "folder":
            note = "a server stores whole vectors"
            yield Figure(f"{name}_bytes_compact", None, "bytes", Basis.UNKNOWN, note)
        elif compact is None:
            yield Figure(f"{name}_bytes_compact", None, "bytes", Basis.UNKNOWN)
        else:
            fewer = _grown(f"{name}_bytes_compact", getattr(compact, name), references, "bytes")
            # Far below what was measured the line of a compact one lies above that of a whole one.
            yield replace(fewer, value=min(fewer.value or 0.0, growth.at(references)))
    part = choice.in_each_part(references)
    basis, note = _basis(choice.measured.query, part, choice)
    yield Figure("machines", choice.machines, "", basis, f"{choice.decided_by}; {note}")


def _building(
    references: int, constants: Constants, prices: Prices, choice: Choice
) -> Iterator[Figure]:
    """Time and cost of reading, encoding and storing images, and of making the index."""
    cores = choice.parts * prices.cores
    storing, how = _storing(references, constants, choice)
    for each, suffix in zip(constants.embedding, ("", "_large"), strict=False):
        rate, note = each.per_second, f"{each.kind}, {each.images:,} of them"
        yield Figure(f"images_per_second{suffix}", rate, "a second a core", Basis.MEASURED, note)
        encoding = references / rate / cores
        note = f"{cores:,} cores are taken to be as many times as fast as one"
        if storing > encoding:
            note = f"{how}; {cores:,} cores would encode them in {encoding / SECONDS:,.2g} hours"
        hours = max(encoding, storing) / SECONDS
        yield Figure(f"build_hours{suffix}", hours, "hours", Basis.EXTRAPOLATED, note)
        million = hours * choice.parts / references * 1e6
        note = f"{million:,.2g} hours of a machine"
        cost = million * prices.hour
        yield Figure(f"cost_per_million{suffix}", cost, prices.currency, Basis.ASSUMED, note)
    part = choice.in_each_part(references)
    yield _grown("index_seconds", choice.measured.build, part, "seconds", choice)


def _storing(references: int, constants: Constants, choice: Choice) -> tuple[float, str]:
    """Seconds in which references that are encoded are stored, and what takes them, in words."""
    part, rate = choice.in_each_part(references), constants.storing
    process = part / rate, f"a process maps and stores {rate:,.0f} a second"
    if choice.engine == "folder" or choice.borrowed:
        return process
    each = f" on each of {choice.parts:,} machines" if choice.parts > 1 else ""
    return max(process, (choice.measured.build.at(part), f"the server{each} stores its part so"))


def _searching(references: int, queries: float, prices: Prices, choice: Choice) -> Iterator[Figure]:
    """Time of a query, what the machines can do, and what queries cost."""
    engine, machines = choice.measured, choice.machines
    part = choice.in_each_part(references)
    basis, note = _basis(engine.query, part, choice)
    note = f"on one core of each machine, which holds {part:,.0f}; {note}"
    yield Figure("query_seconds", engine.query.at(part), "seconds", basis, note)
    basis, note = _basis(engine.query, engine.largest, choice)
    yield Figure("query_ns_each", 1e9 * engine.query.slope, "ns", basis, note)
    for growth, suffix, how in (
        (engine.query, "", "one at a time"),
        (engine.batch, "_in_batches", "200 at a time"),
    ):
        most = machines / choice.parts * prices.cores / growth.at(part)
        basis, note = _basis(growth, part, choice)
        note = f"{how}, with all cores busy; {note}"
        yield Figure(f"queries_per_second{suffix}", most, "a second", basis, note)
    disk = engine.disk.at(references) / 1e9 * prices.disk_month / MONTH
    hour = machines * prices.hour + disk
    thousand = hour / (queries * SECONDS) * 1000
    note = f"machines and disks cost {hour:,.2f} an hour, for {a_second(queries)}"
    yield Figure("cost_per_thousand_queries", thousand, prices.currency, Basis.ASSUMED, note)
    basis, note = _basis(engine.query, engine.largest, choice)
    yield Figure("recall", 100 * engine.recall, "%", basis, note)


def _answers(references: int, queries: float, expected: Expected) -> Iterator[Figure]:
    """Expected accuracy, verdicts, and false origins."""
    for band, curve in expected.acc.items():
        yield _share(f"acc_{band}", curve, references)
    for name, curve in expected.verdicts.items():
        yield _share(f"verdict_{name}", curve, references)
    note = "of queries without an origin, by the preset balanced of find, at any size"
    yield Figure("stated_rate", 100 * expected.stated, "%", Basis.STATED, note)
    day = expected.stated * queries * DAY
    note = f"if none had an origin, of {a_second(queries)}"
    yield Figure("false_origins", day, "a day", Basis.STATED, note)


def _share(name: str, curve: Curve, references: int) -> Figure:
    share, basis = curve.at(references)
    if share is None:
        return Figure(name, None, "%", basis, f"not projected beyond {curve.sizes[-1]:,}")
    note = f"counted up to {curve.counted:,}"
    if references < curve.sizes[0]:
        basis, note = Basis.EXTRAPOLATED, f"as among {curve.sizes[0]:,}, the fewest of the curve"
    return Figure(name, share.value, "%", basis, note, share.low, share.high)


def _grown(
    name: str, growth: Growth, references: float, unit: str, choice: Choice | None = None
) -> Figure:
    return Figure(name, growth.at(references), unit, *_basis(growth, references, choice))


def _basis(growth: Growth, references: float, choice: Choice | None) -> tuple[Basis, str]:
    """Say where a figure at a size comes from, in a word and in words."""
    if choice is not None and choice.borrowed:
        return Basis.ASSUMED, f"as of a folder of up to {growth.sizes[-1]:,}"
    inside = growth.sizes[0] <= references <= growth.sizes[-1]
    note = f"among {growth.sizes[0]:,} to {growth.sizes[-1]:,}"
    return Basis.MEASURED if inside else Basis.EXTRAPOLATED, note


def _tested(
    references: int, constants: Constants, expected: Expected, prices: Prices, choice: Choice
) -> Iterator[str]:
    """Say what was tested and what was not."""
    yield (
        f"measured on {constants.date} with version {constants.version} and the model "
        f"{constants.model}, one core of: {constants.machine}"
    )
    yield _largest("search", constants.folder, references)
    for name in ("postgresql", "milvus"):
        engine = constants.engines[name]
        if engine is None:
            stands = name == choice.engine
            yield f"{name}: not measured" + ("; the figures of a folder stand for it" * stands)
        else:
            yield _largest(name, engine, references)
    if choice.machines > 1:
        yield "several machines: arithmetic, nothing was run on more than one"
    if constants.engines["compact"] is None:
        yield "fewer bits (compact): not measured"
    counted = expected.acc["all"].counted
    yield (
        f"accuracy on {expected.date}, with the model {expected.model}, on {expected.pairs}: "
        f"counted among up to {counted:,} references, and projected beyond; the intervals say how "
        "much other edits would change, and not how far the projection may be off"
    )
    yield (
        "verdicts: projected for references that differ; many series of nearly the same picture "
        "get fewer right ones (docs/plan.md)"
    )
    yield f"at most {100 * BUSY:.0f} % of the cores are busy with queries"
    yield f"prices of {prices.date} are {prices.source}"


def _largest(name: str, engine: Engine, references: int) -> str:
    if references <= engine.largest:
        return f"{name}: measured up to {engine.largest:,} references"
    return f"{name}: measured up to {engine.largest:,} references, and extrapolated from there"
