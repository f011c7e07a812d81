"""The password of the page: said right, said wrong, guessed."""

import asyncio
import base64

import pytest

from indexers.errors import UsageError
from ui.password import Password

WORD = "Gänse im Nebel"


class Time:
    """A clock that goes on only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def basic(password: str, user: str = "me") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def statuses(password: Password, *said: str | None, client: str = "10.0.0.2") -> list[int]:
    return [asyncio.run(password.status(each, client)) for each in said]


def test_the_right_one_is_right_whoever_says_it() -> None:
    password = Password(WORD)
    assert statuses(password, basic(WORD), basic(WORD, ""), basic(WORD, "Zoë").replace("Basic", "bAsIc")) == [200] * 3


def test_one_with_a_colon_is_taken_whole() -> None:
    assert statuses(Password("one:two:three"), basic("one:two:three")) == [200]


@pytest.mark.parametrize(
    "said",
    ["", "Basic", "Basic ", "Basic %%%", "Basic YQ==", f"Bearer {WORD}", "Basic /w==", basic(""), basic("x" * 9)],
)
def test_anything_else_is_wrong_and_takes_a_second(said: str) -> None:
    time = Time()
    assert statuses(Password(WORD, clock=time.clock, sleep=time.sleep), said) == [401]
    assert time.now == 1


def test_saying_none_is_no_guess() -> None:
    time = Time()
    password = Password(WORD, clock=time.clock, sleep=time.sleep)
    assert statuses(password, *[None] * 50) == [401] * 50
    assert time.now == 0
    assert statuses(password, basic(WORD)) == [200]


def test_after_ten_guesses_nothing_is_looked_at_until_the_minute_is_over() -> None:
    time = Time()
    password = Password(WORD, clock=time.clock, sleep=time.sleep)
    assert statuses(password, *[basic("wrong")] * 10) == [401] * 10
    assert statuses(password, basic(WORD), None, basic("wrong")) == [429] * 3
    assert statuses(password, basic(WORD), client="10.0.0.3") == [200]
    time.now = 61.0
    assert statuses(password, basic(WORD)) == [200]


def test_a_guesser_is_known_by_the_network_of_version_6_and_by_its_own_number_of_version_4() -> None:
    time = Time()
    password = Password(WORD, clock=time.clock, sleep=time.sleep)
    for number in range(10):
        statuses(password, basic("wrong"), client=f"2001:db8:0:7::{number:x}%eth0")
    assert statuses(password, basic(WORD), client="2001:db8:0:7:ffff::1") == [429]
    assert statuses(password, basic(WORD), client="2001:db8:0:8::1") == [200]
    for _ in range(10):
        statuses(password, basic("wrong"), client="::ffff:10.0.0.2")
    assert statuses(password, basic(WORD), client="10.0.0.2") == [429]
    assert statuses(password, basic(WORD), client="::ffff:10.0.0.3") == [200]


def test_guesses_from_many_addresses_fill_no_memory() -> None:
    time = Time()
    password = Password(WORD, clock=time.clock, sleep=time.sleep)
    for number in range(3000):
        statuses(password, basic("wrong"), client=str(number))
    assert len(password._wrong) <= 1000


def test_a_short_one_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 8"):
        Password("1234567")
