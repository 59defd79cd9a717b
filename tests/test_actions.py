"""The few bytes of a button: there and back again, and nothing else gets through."""

from __future__ import annotations

import string
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ids import RequestId
from bot.presentation.actions import (
    MOST_BYTES,
    RULES,
    Action,
    Danger,
    Listing,
    OnExample,
    OnPage,
    OnPicture,
    OnQuestion,
    OnRequest,
    OnSetting,
    Rule,
    Verb,
    decode,
    encode,
    mark,
    may_press,
    rule_of,
)

LOWER = string.ascii_lowercase + string.digits
requests = st.text(LOWER, min_size=1, max_size=20).map(RequestId)
marks = st.one_of(st.just(""), st.text().map(mark))
numbers = st.integers(0, 999)
actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(OnRequest, st.sampled_from(Verb), requests, numbers, numbers),
    st.builds(OnPage, st.sampled_from(Listing), numbers, marks, st.text(string.printable[:94], max_size=25)),
    st.builds(
        OnSetting,
        st.text(string.ascii_lowercase + "_", min_size=1, max_size=20),
        st.text(LOWER + "_.:-", max_size=20),
        marks,
    ),
    st.builds(
        OnQuestion,
        st.sampled_from(Danger),
        st.booleans(),
        st.integers(0, 2**31),
        marks,
        st.sampled_from(["", "discord:12345678901234567", "telegram:7123456789", "k3v9x2m7qa-1"]),
    ),
    st.builds(OnExample, st.one_of(st.none(), numbers)),
    st.builds(OnPicture, st.from_regex(r"\A[0-9a-z]{1,20}\Z")),
)


@given(actions)
def test_what_is_written_is_read_again(action: Action) -> None:
    text = encode(action)
    assert decode(text) == action
    assert text.isascii()
    assert len(text.encode()) <= MOST_BYTES


@given(st.one_of(st.text(), st.text(LOWER + ":v1-").map("v1:".__add__), st.text(max_size=80)))
def test_nothing_else_is_read(text: str) -> None:
    action = decode(text)
    assert action is None or encode(action) == text


@given(actions, st.data())
def test_every_action_has_one_spelling(action: Action, data: st.DataObject) -> None:
    """A forger gets nothing that we would not write ourselves, and nothing raises."""
    text = encode(action)
    place = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 3))
    put = data.draw(st.text(st.one_of(st.sampled_from(":-0v١\n\x00 "), st.characters()), max_size=3))
    forged = text[:place] + put + text[place + cut :]
    read = decode(forged)
    assert read is None or encode(read) == forged


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v1",
        "v1:",
        "v1:reroll",
        "v1:reroll:k3v9x2m7qa",
        "v1:reroll:k3v9x2m7qa:",
        "v1:reroll:k3v9x2m7qa:-1",
        "v1:reroll:k3v9x2m7qa:01",
        "v1:reroll:k3v9x2m7qa:1000",
        "v1:reroll:k3v9x2m7qa:١",
        "v1:reroll:k3v9x2m7qa:1:0",
        "v1:reroll:k3v9x2m7qa:1\n",
        "v1:reroll:k3v9x2m7qa:1:1:1",
        "v1:reroll:K3V9:1",
        "v1:reroll:../../etc:1",
        "v1:Reroll:k3v9x2m7qa:1",
        "v1:destroy:k3v9x2m7qa:1",
        "v2:reroll:k3v9x2m7qa:1",
        "v1:page:nowhere:0::",
        "v1:page:queue:0:short:",
        "v1:set:private:0",
        "v1:yes:drain:99999999999::",
        "v1:paint:x:0",
        "v1:try:-:x",
        "v1:reroll:k3v9x2m7qa:1" + ":" * 60,
        "x" * 10_000,
    ],
)
def test_forged_truncated_and_foreign_ones_are_nothing(text: str) -> None:
    assert decode(text) is None


def test_the_wire_stays_as_it_is() -> None:
    """Buttons of messages sent long ago must go on working: these never change."""
    request = RequestId("k3v9x2m7qa")
    assert encode(OnRequest(Verb.REROLL, request)) == "v1:reroll:k3v9x2m7qa:0"
    assert encode(OnRequest(Verb.VARIATION, request, 2)) == "v1:vary:k3v9x2m7qa:2"
    assert encode(OnRequest(Verb.UPSCALE, request, 3, 1)) == "v1:upscale:k3v9x2m7qa:3:1"
    assert encode(OnPage(Listing.QUEUE, 2, mark("discord:1"))) == "v1:page:queue:2:ef0a768852:"
    assert encode(OnSetting("private", "on")) == "v1:set:private:0::on"
    assert encode(OnQuestion(Danger.DRAIN, True, 29_389_012)) == "v1:yes:drain:29389012::"
    assert encode(OnExample(1)) == "v1:try:-:1"
    assert encode(OnExample()) == "v1:paint:-:0"


def test_the_longest_question_fits() -> None:
    encode(OnQuestion(Danger.DISABLE, True, 2**31, mark("x"), "discord:1234567890123456789"))


@pytest.mark.parametrize(
    "action",
    [
        OnRequest(Verb.SHOW, RequestId("")),
        OnRequest(Verb.SHOW, RequestId("a" * 21)),
        OnRequest(Verb.SHOW, RequestId("a"), -1),
        OnRequest(Verb.SHOW, RequestId("a"), 1000),
        OnSetting("private:x", "on"),
        OnSetting("size", "ä"),
        OnQuestion(Danger.BLOCK, True, 1, subject="x" * 41),
        OnPage(Listing.QUEUE, 0, "not a mark"),
    ],
)
def test_what_cannot_be_said_raises(action: Action) -> None:
    with pytest.raises(ValueError, match="cannot be a button"):
        encode(action)


def test_the_job_of_a_button() -> None:
    assert OnRequest(Verb.SHOW, RequestId("abc"), 2).job == "abc-2"
    assert OnRequest(Verb.SHOW, RequestId("abc")).job is None


def test_everything_has_a_rule() -> None:
    assert set(RULES) == {*Verb, *Danger}
    assert all(isinstance(rule, Rule) for rule in RULES.values())
    assert set(get_args(Action)) == {OnRequest, OnPage, OnSetting, OnQuestion, OnExample, OnPicture}


@given(actions)
def test_every_action_has_a_rule(action: Action) -> None:
    rule = rule_of(action)
    assert may_press(rule, owner=True, admin=True)
    stranger = may_press(rule, owner=False, admin=False)
    assert stranger == (rule is Rule.ANYONE_AS_SELF)
    assert not may_press(rule, owner=False, admin=False, private=True)


def test_an_operator_cannot_erase_for_somebody_else() -> None:
    rule = rule_of(OnQuestion(Danger.ERASE, True, 1))
    assert not may_press(rule, owner=False, admin=True)
    assert may_press(rule, owner=True, admin=False)


def test_admin_lists_are_for_admins() -> None:
    assert rule_of(OnPage(Listing.AUDIT)) is Rule.ADMIN
    assert rule_of(OnPage(Listing.QUEUE, 0, mark("x"))) is Rule.OWNER_ONLY
