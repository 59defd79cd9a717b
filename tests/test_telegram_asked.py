"""Questions that wait in the store: whose they are, and when they are forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from bot.chat.telegram.questions import MOST_OPEN, ON_A_SHELF, SHELVES, Questions

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


class Memory:
    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def get(self, key: str) -> Any:
        return self.kept.get(key)

    async def put(self, key: str, value: Any) -> None:
        self.kept[key] = value

    @property
    def people(self) -> int:
        return sum(len(shelf) for shelf in self.kept.values())


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def questions(memory: Memory) -> Questions:
    return Questions(memory)


async def ask(questions: Questions, chat: int, user: int, message: int, at: int = 0) -> None:
    event = f"event {message}"
    assert await questions.ask(chat, user, event, {"message": message}, at)
    await questions.asked(chat, user, event, message, at)


async def about(questions: Questions, chat: int, user: int, replied: int, now: int, *, alone: bool) -> Any:
    found = await questions.find(chat, user, replied, now, alone=alone)
    return None if found is None else found.about["message"]


async def test_a_reply_names_its_question_and_other_words_the_last(questions: Questions) -> None:
    for message in (5, 6):
        await ask(questions, 1, 1, message)
    for replied, alone, expected in (
        (5, True, 5),
        (6, True, 6),
        (0, True, 6),
        (7, True, None),
        (0, False, None),
    ):
        assert await about(questions, 1, 1, replied, 1, alone=alone) == expected


async def test_they_belong_to_one_person_in_one_chat(questions: Questions) -> None:
    await ask(questions, -5, 1, 5)
    for chat, user in ((-5, 2), (-6, 1), (1, 1)):
        assert await about(questions, chat, user, 5, 1, alone=True) is None
    assert await about(questions, -5, 1, 5, 1, alone=False) == 5


async def test_only_the_last_ones_wait(questions: Questions) -> None:
    for message in range(1, MOST_OPEN + 2):
        await ask(questions, 1, 1, message)
    assert await about(questions, 1, 1, 1, 1, alone=True) is None
    assert await about(questions, 1, 1, 2, 1, alone=True) == 2


async def test_words_count_for_ten_minutes_and_replies_for_a_day(questions: Questions) -> None:
    await ask(questions, 1, 1, 5)
    assert await about(questions, 1, 1, 0, 10 * MINUTE - 1, alone=True) == 5
    assert await about(questions, 1, 1, 0, 10 * MINUTE, alone=True) is None
    assert await about(questions, 1, 1, 5, DAY - 1, alone=True) == 5
    assert await about(questions, 1, 1, 5, DAY, alone=True) is None


async def test_something_else_that_was_said_leaves_replies_alone(questions: Questions) -> None:
    await ask(questions, 1, 1, 5)
    await questions.pass_over(1, 1, 1)
    assert await about(questions, 1, 1, 0, 1, alone=True) is None
    assert await about(questions, 1, 1, 5, 1, alone=True) == 5


async def test_one_that_was_cut_off_is_meant_by_a_reply_of_which_nothing_is_known(
    questions: Questions,
) -> None:
    await questions.ask(1, 1, "event", {"message": 9}, 0)
    assert await about(questions, 1, 1, 77, 1, alone=True) == 9
    # The event comes once more, and it is asked once more.
    assert await questions.ask(1, 1, "event", {"message": 9}, 0)
    await questions.asked(1, 1, "event", 5, 0)
    assert not await questions.ask(1, 1, "event", {"message": 9}, 0)
    assert await about(questions, 1, 1, 77, 1, alone=True) is None


async def test_one_that_could_not_be_sent_waits_for_nothing(questions: Questions, memory: Memory) -> None:
    await questions.ask(1, 1, "event", {}, 0)
    await questions.asked(1, 1, "event", 0, 0)
    assert await questions.find(1, 1, 0, 1, alone=True) is None
    assert memory.people == 0


async def test_one_that_was_answered_is_closed_and_no_other(questions: Questions) -> None:
    for message in (5, 6):
        await ask(questions, 1, 1, message)
    found = await questions.find(1, 1, 6, 1, alone=True)
    assert found is not None
    await questions.close(1, 1, found, 1)
    assert await about(questions, 1, 1, 6, 1, alone=True) is None
    assert await about(questions, 1, 1, 5, 1, alone=True) == 5


async def test_what_is_old_is_forgotten(questions: Questions, memory: Memory) -> None:
    for user in range(50):
        await ask(questions, user, user, 5, at=user * MINUTE)
    await questions.prune(DAY + 10 * MINUTE)
    assert memory.people == 39
    await questions.prune(3 * DAY)
    assert memory.people == 0


async def test_there_is_an_end_to_how_many_are_remembered(questions: Questions, memory: Memory) -> None:
    memory.kept["telegram.asked.00"] = {f"{n}.{n}": [["e", {}, 0, 5, True]] for n in range(ON_A_SHELF + 9)}
    await questions.prune(1)
    assert memory.people == ON_A_SHELF
    assert SHELVES * ON_A_SHELF == 32_000


@pytest.mark.parametrize(
    "odd", [None, 5, [], {"1.1": 5}, {"1.1": [5, [1, 2], ["e", [], 0, 0, True]]}, {"1.1": {}}]
)
async def test_what_another_version_wrote_is_no_question(
    memory: Memory, questions: Questions, odd: object
) -> None:
    for number in range(SHELVES):
        memory.kept[f"telegram.asked.{number:02x}"] = odd
    assert await questions.find(1, 1, 5, 1, alone=True) is None
    await questions.prune(1)
    await ask(questions, 1, 1, 5)
    assert await about(questions, 1, 1, 5, 1, alone=True) == 5
