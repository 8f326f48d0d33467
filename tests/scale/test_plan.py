"""Plans by hand, and that more references never need fewer bytes or machines."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.scale.choice import (
    BUSY,
    FULL,
    MOST,
    choose,
    folder_limit,
    growth_of,
    machines_for,
    parts_for,
)
from originid.scale.expected import BANDS, VERDICTS, Curve, Expected, Share, read_expected
from originid.scale.growth import Basis, Growth
from originid.scale.plan import Plan, make_plan
from originid.scale.tables import (
    Constants,
    Embedding,
    Engine,
    Prices,
    read_constants,
    read_prices,
)

SIZES = (1000, 1_000_000)


def straight(each: float, fixed: float = 0.0) -> Growth:
    """A quantity that grows by so much a reference."""
    return Growth(SIZES, tuple(fixed + each * size for size in SIZES))


FOLDER = Engine(
    "folder",
    disk=straight(1000),
    memory=straight(100),
    query=straight(1e-8, 0.001),
    batch=straight(1e-9, 0.001),
    build=straight(1e-6),
    recall=0.99,
)
CONSTANTS = Constants(
    "2026-01-02",
    "9.9",
    "a machine",
    "default",
    (Embedding("small images", 500, 100.0), Embedding("large images", 50, 10.0)),
    1e6,
    {"folder": FOLDER, "compact": None, "postgresql": None, "milvus": None},
)
PRICES = Prices("2026-01-03", "a shop", "EUR", 10, 100e9, 1000e9, 2.0, 0.1)
CURVE = Curve((1000, 1_000_000), (Share(80, 70, 90), Share(60, 40, 70)), 1000)
EXPECTED = Expected(
    "2026-01-04", "default", "some edits", 0.001, dict.fromkeys(BANDS, CURVE),
    dict.fromkeys(VERDICTS, CURVE),
)  # fmt: skip


def plan(references: int, queries: float = 1.0, constants: Constants = CONSTANTS) -> Plan:
    return make_plan(references, queries, constants, EXPECTED, PRICES)


def value(of: Plan, name: str) -> float:
    found = of.figure(name).value
    assert found is not None
    return found


def test_a_plan_by_hand() -> None:
    made = plan(1_000_000, 2.0)
    assert made.choice.engine == "folder"
    hand = {
        "disk_bytes": 1e9,
        "disk_bytes_each": 1000,
        "memory_bytes": 1e8,
        "memory_bytes_each": 100,
        "machines": 1,
        "build_hours": 1e6 / 100 / 10 / 3600,
        "build_hours_large": 1e6 / 10 / 10 / 3600,
        "cost_per_million": 1e6 / 100 / 10 / 3600 * 2,
        "index_seconds": 1,
        "query_seconds": 0.011,
        "query_ns_each": 10,
        "queries_per_second": 10 / 0.011,
        "queries_per_second_in_batches": 10 / 0.002,
        # 2 an hour for the machine, and 1 GB at 0.1 for 730 hours; 7,200 queries in an hour.
        "cost_per_thousand_queries": (2 + 0.1 / 730) / 7.2,
        "recall": 99,
        "acc_all": 60,
        "stated_rate": 0.1,
        "false_origins": 0.001 * 2 * 86400,
    }
    assert {name: value(made, name) for name in hand} == pytest.approx(hand)
    assert (made.figure("acc_all").low, made.figure("acc_all").high) == (40, 70)


def test_what_was_measured_is_told_from_what_is_extrapolated() -> None:
    small, large = plan(1000), plan(2_000_000)
    assert small.figure("disk_bytes").basis is Basis.MEASURED
    assert large.figure("disk_bytes").basis is Basis.EXTRAPOLATED
    assert small.figure("acc_all").basis is Basis.MEASURED
    assert plan(1001).figure("acc_all").basis is Basis.EXTRAPOLATED
    assert plan(999).figure("acc_all").basis is Basis.EXTRAPOLATED
    assert "as among 1,000" in plan(999).figure("acc_all").note
    assert large.figure("acc_all").value is None
    assert large.figure("acc_all").basis is Basis.UNKNOWN
    assert small.figure("memory_bytes_compact").basis is Basis.UNKNOWN
    assert small.figure("cost_per_million").basis is Basis.ASSUMED
    assert small.figure("stated_rate").basis is Basis.STATED


def test_an_engine_that_was_not_measured_borrows_the_figures_of_a_folder() -> None:
    made = plan(10**9)
    assert made.choice.engine == "milvus"
    assert made.figure("disk_bytes").basis is Basis.ASSUMED
    assert "milvus: not measured; the figures of a folder stand for it" in made.tested
    assert "postgresql: not measured" in made.tested
    milvus = replace(FOLDER, name="milvus", disk=straight(3000))
    known = replace(CONSTANTS, engines={**CONSTANTS.engines, "milvus": milvus})
    assert value(plan(10**9, constants=known), "disk_bytes") == pytest.approx(3e12)
    assert plan(10**9, constants=known).figure("disk_bytes").basis is Basis.EXTRAPOLATED


def test_a_folder_with_fewer_bits_stands_beside_a_whole_one() -> None:
    compact = replace(FOLDER, name="compact", disk=straight(300))
    known = replace(CONSTANTS, engines={**CONSTANTS.engines, "compact": compact})
    assert value(plan(10**6, constants=known), "disk_bytes_compact") == pytest.approx(3e8)
    larger = replace(compact, disk=straight(300, 1e6))
    known = replace(CONSTANTS, engines={**CONSTANTS.engines, "compact": larger})
    below = plan(500, constants=known).figure("disk_bytes_compact")
    assert (below.value, below.basis) == (500_000, Basis.EXTRAPOLATED)
    # A server stores whole vectors.
    assert plan(10**9, constants=known).figure("disk_bytes_compact").value is None


def test_accuracy_between_two_sizes_goes_by_their_logarithms() -> None:
    share, _ = CURVE.at(31_623)  # the middle of 10^3 and 10^6
    assert share is not None
    assert share.value == pytest.approx(70, abs=0.01)
    assert CURVE.at(10)[0] == Share(80, 70, 90)


def test_among_how_many_machines_references_are_divided() -> None:
    assert parts_for(10**9, FOLDER, PRICES) == {
        "memory": 2,  # 100 GB, of which one machine may use 80
        "disk": 2,  # 1,000 GB, of 800
        "the time of a query": 21,  # 10 s on one core, of which one machine may use 0.499
    }
    # 100 queries a second, each of 0.001 + 10 / 21 s on one core of 21 machines, of 6 cores.
    assert machines_for(10**9, 21, 100.0, FOLDER, PRICES) == 168
    assert machines_for(10**9, 21, 1.0, FOLDER, PRICES) == 21
    made = plan(10**9, 100.0)
    assert value(made, "machines") == 168
    told = "21 hold all, because of the time of a query; the others are for the load"
    assert told in made.figure("machines").note
    each = value(made, "query_seconds")
    assert each == pytest.approx(0.001 + 1e-8 * 10**9 / 21)
    assert value(made, "queries_per_second") == pytest.approx(168 / 21 * 10 / each)
    assert value(made, "queries_per_second") * BUSY >= 100


@pytest.mark.parametrize(("rate", "seconds"), [(2000.0, 1e6 / 2000), (500.0, 1e6 / 500)])
def test_one_process_stores_what_many_cores_encode(rate: float, seconds: float) -> None:
    made = plan(1_000_000, constants=replace(CONSTANTS, storing=rate))
    encoding = 1e6 / 100 / 10
    assert value(made, "build_hours") * 3600 == pytest.approx(max(seconds, encoding))
    told = made.figure("build_hours").note
    assert ("a process maps and stores 500 a second" in told) == (rate == 500)


def test_a_server_stores_no_faster_than_it_was_measured() -> None:
    milvus = replace(FOLDER, name="milvus", build=straight(0.01))
    known = replace(CONSTANTS, engines={**CONSTANTS.engines, "milvus": milvus})
    made = plan(10**9, constants=known)
    assert value(made, "build_hours") * 3600 == pytest.approx(10**9 / made.choice.parts * 0.01)
    assert "each of 21 machines" in made.figure("build_hours").note
    assert value(made, "cost_per_million") == pytest.approx(10_000 / 3600 * 2)


def test_the_limit_of_a_folder_is_where_one_machine_ends() -> None:
    limit = folder_limit(1.0, CONSTANTS, PRICES)
    assert limit == pytest.approx(49_900_000, rel=1e-6)  # half a second, less 1 ms, by 10 ns
    # What is told is rounded down to two digits, and holds.
    assert choose(49_000_000, 1.0, CONSTANTS, PRICES).engine == "folder"
    assert "about 49,000,000 references" in choose(1000, 1.0, CONSTANTS, PRICES).why
    assert choose(49_000_001, 1.0, CONSTANTS, PRICES).engine == "milvus"
    busy = folder_limit(100.0, CONSTANTS, PRICES)
    assert 100 * FOLDER.query.at(busy) == pytest.approx(BUSY * 10, rel=1e-4)
    little = replace(PRICES, memory=1e6 / FULL)
    assert folder_limit(1.0, CONSTANTS, little) == 10_000
    assert folder_limit(1e6, CONSTANTS, PRICES) == 0


SIZE = st.integers(1, MOST)


@given(sizes=st.tuples(SIZE, SIZE), queries=st.floats(0.001, 1e6))
def test_more_references_never_need_fewer_bytes_or_machines(
    sizes: tuple[int, int], queries: float
) -> None:
    few, many = (plan(size, queries) for size in sorted(sizes))
    for name in ("disk_bytes", "memory_bytes", "machines"):
        assert value(few, name) <= value(many, name) * (1 + 1e-9)


@given(sizes=st.tuples(SIZE, SIZE))
def test_the_same_holds_for_what_was_measured(sizes: tuple[int, int]) -> None:
    constants, prices = read_constants(), read_prices()
    few, many = (parts_for(size, constants.folder, prices) for size in sorted(sizes))
    assert all(few[thing] <= many[thing] for thing in few)


@given(references=SIZE, loads=st.tuples(st.floats(0.001, 1e6), st.floats(0.001, 1e6)))
def test_a_higher_load_never_needs_fewer_machines(
    references: int, loads: tuple[float, float]
) -> None:
    low, high = (value(plan(references, load), "machines") for load in sorted(loads))
    assert low <= high


def test_the_packaged_tables_are_whole() -> None:
    constants, expected = read_constants(), read_expected()
    assert constants.folder.largest >= 100_000
    assert constants.model == expected.model == "default"
    for curve in (*expected.acc.values(), *expected.verdicts.values()):
        assert curve.sizes[-1] == 10**9
        for share in curve.shares:
            assert 0 <= share.low <= share.value <= share.high <= 100
    for curve in expected.acc.values():
        values = [share.value for share in curve.shares]
        assert values == sorted(values, reverse=True)


def test_what_show_tells_of_growth() -> None:
    told = growth_of(1000)
    constants = read_constants()
    assert told["query_seconds"] == constants.folder.query.at(1000)
    limit = folder_limit(1.0, constants, read_prices())
    assert 0.9 * limit < told["folder_until"] <= limit
