"""Where a reply in Discord is, as it is written down: by this version and by earlier ones."""

from __future__ import annotations

import json

import pytest

from bot.chat.discord.address import SHOWINGS, Address

ADDRESS = Address(1, 2, "token", 3, guild=4, message=5, ephemeral=True, reachable=False, user=6)


def test_an_address_is_read_as_it_was_written() -> None:
    assert Address.from_text(ADDRESS.to_text()) == ADDRESS
    more = ADDRESS.with_further(5, [7, 8]).with_further(9, [10])
    assert Address.from_text(more.to_text()) == more
    assert [more.further_of(card) for card in (5, 9, 7)] == [(7, 8), (10,), ()]


def test_one_without_further_messages_can_be_read_by_those_who_know_none() -> None:
    assert json.loads(ADDRESS.to_text()) == [1, 1, 2, "token", 3, 4, 5, 1, 0, 6]


def test_a_few_showings_are_remembered_the_latest_of_each_message() -> None:
    address = ADDRESS
    for card in range(SHOWINGS + 2):
        address = address.with_further(card, [100 + card])
    assert address.further_of(1) == ()
    assert address.further_of(2) == (102,)
    assert address.with_further(2, [7]).further_of(2) == (7,)
    assert len(address.with_further(2, [7]).further) == SHOWINGS


@pytest.mark.parametrize("more", [[None], ["x"], [[["a"]]], [[[]]], [[5]], [[[1.5]]], [[], []]])
def test_what_nobody_wrote_there_is_left_out(more: list[object]) -> None:
    text = json.dumps([*json.loads(ADDRESS.to_text()), *more])
    assert Address.from_text(text) == ADDRESS


@pytest.mark.parametrize("text", ["", "{}", "[]", "[2]", "[1,2,3]", "not json"])
def test_what_is_no_address(text: str) -> None:
    assert Address.from_text(text) is None
