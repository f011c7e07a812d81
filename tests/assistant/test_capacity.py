from hypothesis import given
from hypothesis import strategies as st

from assistant import capacity
from assistant.capacity import Machine, fit, needed, recommended

GB = 1_000_000_000
SIZES = {"tiny": 98_000_000, "1.5B": 1_117_000_000, "4B": 2_497_000_000}


def test_what_machines_carry() -> None:
    table = {
        (memory, cores): [fit(size, Machine(memory * GB, cores)) for size in SIZES.values()]
        for memory, cores in ((2, 2), (4, 4), (6, 4), (8, 2), (8, 4), (32, 16))
    }
    assert table == {
        (2, 2): ["too large", "too large", "too large"],
        (4, 4): ["fits", "fits", "too large"],
        (6, 4): ["fits", "fits", "tight"],
        (8, 2): ["fits", "fits", "slow"],
        (8, 4): ["fits", "fits", "fits"],
        (32, 16): ["fits", "fits", "fits"],
    }


def test_the_largest_that_fits_well_is_recommended() -> None:
    assert recommended(SIZES, Machine(8 * GB, 2)) == "1.5B"
    assert recommended(SIZES, Machine(8 * GB, 4)) == "4B"
    assert recommended(SIZES, Machine(1 * GB, 4)) is None
    assert recommended(SIZES, Machine(None, 4)) is None


def test_an_unknown_memory_is_said_to_be() -> None:
    assert fit(1, Machine(None, 8)) == "unknown"


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 256))
def test_a_model_needs_more_than_its_file_and_a_larger_one_never_fits_better(
    size: int, memory: int, cores: int
) -> None:
    order = ["fits", "slow", "tight", "too large"]
    machine = Machine(memory, cores)
    assert needed(size) > size
    assert order.index(fit(size, machine)) <= order.index(fit(2 * size, machine))


def test_this_machine_is_known() -> None:
    here = capacity.machine()
    assert here.cores >= 1 and (here.memory_bytes is None or here.memory_bytes > 10**8)
    assert capacity.machine(threads=1).cores == 1


def test_a_system_that_does_not_tell_its_memory(monkeypatch) -> None:
    def refuse(name: str) -> int:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(capacity.os, "sysconf", refuse)
    assert capacity.machine().memory_bytes is None
