"""Which engine holds a number of references, on how many machines, and why."""

from dataclasses import dataclass

from originid.scale.growth import largest, times
from originid.scale.tables import Constants, Engine, Prices, read_constants, read_prices
from originid.system.strict_json import JsonObject

FULL = 0.8  # of a machine's memory and disk that may be used; the rest is the system's
BUSY = 0.6  # of its cores that queries may use at the stated load, so that they seldom wait
SLOWEST = 0.5  # seconds that a query may take on one core of each machine: a person waits for it
MOST = 10**12  # references; more than all photos of the largest services


@dataclass(frozen=True)
class Choice:
    """The engine of a plan.

    Args:
        engine: ``folder`` or ``milvus``.
        why: the reason in a sentence.
        others: for each other engine what speaks for or against it.
        parts: among how many machines the references are divided, at least 1.
        machines: how many there are, at least as many: each part is held by several, where the load
            asks for it.
        decided_by: what asks for that number.
        measured: the engine whose measurements are used.
        borrowed: whether they are those of a folder, because this engine was not measured.
    """

    engine: str
    why: str
    others: dict[str, str]
    parts: int
    machines: int
    decided_by: str
    measured: Engine
    borrowed: bool

    def in_each_part(self, references: int) -> float:
        """How many of the references each part holds."""
        return references / self.parts


def parts_for(references: int, engine: Engine, prices: Prices) -> dict[str, int]:
    """Return among how many machines each thing divides references, by the name of the thing.

    Args:
        references: the number of references.
        engine: what was measured of the engine.
        prices: what a machine has.
    """
    quick = engine.query.most(SLOWEST, MOST)  # references that one core searches quickly enough
    return {
        "memory": times(engine.memory.at(references), FULL * prices.memory),
        "disk": times(engine.disk.at(references), FULL * prices.disk),
        "the time of a query": times(references, max(1, quick)),
    }


def machines_for(
    references: int, parts: int, queries_per_second: float, engine: Engine, prices: Prices
) -> int:
    """Return how many machines answer a load, at least one for each part.

    A query is work for one machine of each part.

    Args:
        references: the number of references.
        parts: among how many machines they are divided.
        queries_per_second: the load.
        engine: what was measured of the engine.
        prices: what a machine has.
    """
    seconds = engine.query.at(references / parts)  # of a core
    return max(parts, times(parts * queries_per_second * seconds, BUSY * prices.cores))


def folder_limit(queries_per_second: float, constants: Constants, prices: Prices) -> int:
    """Return the largest number of references that a folder on one machine should hold.

    Args:
        queries_per_second: the load.
        constants: what was measured.
        prices: what a machine has.
    """

    def fits(references: int) -> bool:
        folder = constants.folder
        if max(parts_for(references, folder, prices).values()) > 1:
            return False
        return machines_for(references, 1, queries_per_second, folder, prices) == 1

    return largest(fits, MOST)


def growth_of(references: int) -> JsonObject:
    """Return what ``show --json`` tells of a folder's size, by the packaged tables.

    Args:
        references: the number of references that it has.

    Returns:
        ``query_seconds``, the time of a query on one core of the machine that was measured;
        ``folder_until``, up to which a folder is enough at one query a second, rounded down to two
        digits; ``then``, what to consider beyond.
    """
    constants = read_constants()
    return {
        "query_seconds": constants.folder.query.at(references),
        "folder_until": _rounded_down(folder_limit(1.0, constants, read_prices())),
        "then": "milvus",
    }


def choose(
    references: int, queries_per_second: float, constants: Constants, prices: Prices
) -> Choice:
    """Choose the engine: a folder as long as one machine is enough, then Milvus.

    Args:
        references: the number of references.
        queries_per_second: the load.
        constants: what was measured.
        prices: what a machine has.
    """
    limit = _rounded_down(folder_limit(queries_per_second, constants, prices))
    up_to = f"about {limit:,} references at {a_second(queries_per_second)}"
    inside = references <= limit
    name = "folder" if inside else "milvus"
    found = constants.engines[name]
    measured = found or constants.folder
    wanted = parts_for(references, measured, prices)
    parts = max(wanted.values())
    machines = machines_for(references, parts, queries_per_second, measured, prices)
    decisive = next(thing for thing, count in wanted.items() if count == parts)
    if inside:
        why = f"one machine is enough, with nothing to run beside it: a folder holds up to {up_to}"
        others = {
            "postgresql": "if you run one already, or if many machines add references",
            "milvus": f"needed beyond {up_to}",
        }
    else:
        holds = f"a folder on one machine holds up to {up_to}"
        if not limit:
            holds = f"no machine of this kind answers {a_second(queries_per_second)} with a folder"
        why = f"{holds}; Milvus divides more among machines"
        others = {
            "folder": f"up to {up_to}" if limit else "too slow for this load",
            "postgresql": "one server searches as one machine does: it is too small as well",
        }
    decided_by = _decided_by(parts, machines, decisive)
    return Choice(name, why, others, parts, machines, decided_by, measured, found is None)


def _decided_by(parts: int, machines: int, decisive: str) -> str:
    """Say what asks for so many machines."""
    if machines == 1:
        return "one machine is enough"
    each = f"{parts:,} hold all, because of {decisive}" if parts > 1 else "one holds all"
    return each if machines == parts else f"{each}; the others are for the load"


def a_second(queries: float) -> str:
    """Return a load in words, such as ``2 queries a second``."""
    return f"{queries:,.12g} {'query' if queries == 1 else 'queries'} a second"


def _rounded_down(count: int) -> int:
    """Return a whole number with all digits but the first two zero."""
    unit: int = 10 ** max(0, len(str(count)) - 2)
    return count // unit * unit
