"""Where a reply is, as text and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.telegram.address import Address

IDS = st.integers(-(2**52), 2**52)
ADDRESSES = st.builds(
    Address,
    IDS,
    IDS,
    IDS,
    IDS,
    IDS,
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
    st.lists(IDS, max_size=10).map(tuple),
)


@given(ADDRESSES)
def test_an_address_survives_being_written_down(address: Address) -> None:
    assert Address.from_text(address.to_text()) == address


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_what_is_none_of_ours_is_no_address(text: str) -> None:
    found = Address.from_text(text)
    assert found is None or Address.from_text(found.to_text()) == found


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "[1]", "null", "[2,1,0,0,0,0,0,0,[]]", "[1,1,0,0,0,0,0,0]", "[1,1,0,0,0,0,0,[]]"),
        *("[1,true,0,0,0,0,0,0,[]]", "[1,1.5,0,0,0,0,0,0,[]]", '[1,1,0,0,0,0,0,0,["a"]]', "[" * 10_000),
    ],
)
def test_another_version_or_nonsense_is_none(text: str) -> None:
    assert Address.from_text(text) is None


def test_persons_and_groups_are_told_apart() -> None:
    assert Address(-100123).is_group
    assert not Address(123).is_group
    direct = Address(-100123, 7, thread=5, answers=6, user=123, sent=2, album=(8, 9)).direct()
    assert direct == Address(123, user=123)


def test_a_group_that_became_a_supergroup_has_new_messages() -> None:
    before = Address(-5, 7, thread=5, answers=6, user=123, media=True, sent=1, album=(8,))
    assert before.moved_to(-1005) == Address(-1005, user=123, sent=1)
