"""The tables that a plan reads: what benchmarks measured, what is expected of it, and prices."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from originid.errors import InputError
from originid.scale.growth import Growth
from originid.system.strict_json import JsonObject, read_json
from originid.system.text import quoted

FORMAT = 1
FOLDER = Path(str(files("originid") / "data" / "plan"))
ENGINES = ("folder", "compact", "postgresql", "milvus")
"""What may hold references: a folder, one made with fewer bits, and two servers."""
Table = TypeVar("Table")


@dataclass(frozen=True)
class Engine:
    """What was measured of an engine, with one core.

    Args:
        name: one of `ENGINES`.
        disk: bytes of all files, by the number of references.
        memory: most bytes that the searching process occupied.
        query: seconds of one query, when they come one at a time.
        batch: seconds a query, when 200 come at a time.
        build: seconds in which the index is made from what is stored; on a server, in which
            references are added, since it makes the index meanwhile.
        recall: the share of best references that it returns, at its largest size.
    """

    name: str
    disk: Growth
    memory: Growth
    query: Growth
    batch: Growth
    build: Growth
    recall: float

    @property
    def largest(self) -> int:
        """The largest number of references that was measured."""
        return self.query.sizes[-1]


@dataclass(frozen=True)
class Embedding:
    """How fast images of one kind are read, encoded and stored.

    Args:
        kind: the images in words.
        images: how many were measured.
        per_second: images a second on one core.
    """

    kind: str
    images: int
    per_second: float


@dataclass(frozen=True)
class Constants:
    """What benchmarks/plan_constants.py measured.

    Args:
        date: the day.
        version: the version of originid.
        machine: the machine in words.
        model: the name of the model.
        embedding: each kind of images, at least one.
        storing: encoded images a second that one process maps and stores in a folder, at most.
        engines: each of `ENGINES`; None where it was not measured. The folder always was.
    """

    date: str
    version: str
    machine: str
    model: str
    embedding: tuple[Embedding, ...]
    storing: float
    engines: dict[str, Engine | None]

    @property
    def folder(self) -> Engine:
        """The engine of a collection that is a folder."""
        engine = self.engines["folder"]
        assert engine is not None  # `read_constants` refuses a table without it
        return engine


@dataclass(frozen=True)
class Prices:
    """What machines cost: an assumption that a user can replace.

    Args:
        date: the day from which the prices are.
        source: where they come from.
        currency: their unit.
        cores: of one machine.
        memory: bytes of one machine.
        disk: bytes that one machine can have.
        hour: price of a machine for an hour, without its disk.
        disk_month: price of 10^9 bytes of disk for a month.
    """

    date: str
    source: str
    currency: str
    cores: int
    memory: float
    disk: float
    hour: float
    disk_month: float


def read_constants(path: Path = FOLDER / "constants.json") -> Constants:
    """Read what was measured.

    Args:
        path: a file that benchmarks/plan_constants.py wrote.

    Raises:
        InputError: it is missing, or something else.
    """
    return read_table(
        path, _constants, "a table that benchmarks/plan_constants.py wrote", REINSTALL
    )


def read_prices(path: Path = FOLDER / "prices.json") -> Prices:
    """Read a table of prices.

    Args:
        path: a JSON file with the same entries as the packaged one.

    Raises:
        InputError: it is missing, or something else.
    """
    todo = f"copy {quoted(FOLDER / 'prices.json')} and change its numbers"
    return read_table(path, _prices, "a table of prices with the entries of the packaged one", todo)


REINSTALL = "install originid again: pip install --force-reinstall originid"


def _constants(table: JsonObject) -> Constants:
    measured = {name: table["engines"].get(name) for name in ENGINES}
    if measured["folder"] is None:
        raise ValueError("it lacks the engine folder")
    return Constants(
        date=str(table["date"]),
        version=str(table["version"]),
        machine=str(table["machine"]),
        model=str(table["model"]),
        embedding=tuple(map(_embedding, table["embedding"])),
        storing=number_of(table, "storing_per_second", least=1e-6),
        engines={
            name: None if got is None else _engine(name, got) for name, got in measured.items()
        },
    )


def _embedding(row: JsonObject) -> Embedding:
    return Embedding(
        str(row["kind"]),
        int(number_of(row, "images", least=1)),
        number_of(row, "per_second", least=1e-6),
    )


def _engine(name: str, points: list[JsonObject]) -> Engine:
    points = sorted(points, key=lambda point: int(point["references"]))
    sizes = tuple(int(number_of(point, "references", least=1)) for point in points)
    if not sizes or len(set(sizes)) < len(sizes):
        raise ValueError(f"the engine {name} needs sizes that differ")

    def grown(measure: str) -> Growth:
        return Growth(sizes, tuple(number_of(point, measure) for point in points))

    return Engine(
        name=name,
        disk=grown("disk_bytes"),
        memory=grown("memory_bytes"),
        query=grown("query_s"),
        batch=grown("batch_s"),
        build=grown("build_s"),
        recall=number_of(points[-1], "recall"),
    )


def _prices(table: JsonObject) -> Prices:
    machine = table["machine"]
    cores = number_of(machine, "cores", least=1)
    if cores != int(cores):
        raise ValueError(f"cores is '{cores}', expected a whole number")
    return Prices(
        date=str(table["date"]),
        source=str(table["source"]),
        currency=str(table["currency"]),
        cores=int(cores),
        memory=number_of(machine, "memory_gb", least=0.1) * 1e9,
        disk=number_of(machine, "disk_gb", least=0.1) * 1e9,
        hour=number_of(machine, "per_hour"),
        disk_month=number_of(table, "disk_gb_month"),
    )


def number_of(table: JsonObject, name: str, least: float = 0.0) -> float:
    """Return an entry of a table that must be a number of an ordinary size.

    Args:
        table: the table.
        name: the name of the entry.
        least: the smallest number that is allowed.

    Raises:
        KeyError: it is missing.
        ValueError: it is something else.
    """
    value: Any = table[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= 1e15:
        raise ValueError(f"{name} is {str(value)[:40]!r}, expected a number of at least {least:g}")
    return float(value)


def read_table(path: Path, build: Callable[[JsonObject], Table], expected: str, todo: str) -> Table:
    """Read a JSON file and build a table from it.

    Args:
        path: the file.
        build: makes the table; it may raise ``KeyError``, ``TypeError`` or ``ValueError``.
        expected: what the file should be.
        todo: what to do if it is not.

    Raises:
        InputError: it is missing, or something else.
    """
    try:
        table = read_json(path)
        if table["format"] != FORMAT:
            raise ValueError(f"format {table['format']!r}, this version reads {FORMAT}")
        return build(table)
    except KeyError as error:
        reason = f"it lacks {error}"
    except OSError as error:
        reason = error.strerror or str(error)
    except ValueError as error:
        reason = str(error)
    except (TypeError, AttributeError):  # such as a number in the place of an object
        reason = "an entry is of another kind than expected"
    raise InputError(f"{os.fspath(path)}: {reason}", f"expected {expected}", todo)
