"""Memory of large pictures: kept while some are worked at, given back afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from bot.service.parcels.ladder import Ladder
from bot.service.parcels.limits import DISCORD
from bot.service.parcels.memory import Blocks, kept_blocks
from tests.support.parcels import encoded, painted


async def test_what_ends_is_kept_at_first_and_given_back_afterwards() -> None:
    blocks = Blocks()
    async with blocks.kept():
        async with blocks.kept():
            picture = Image.new("RGB", (2048, 2048))
            picture.load()
            del picture
            assert kept_blocks() >= 4, "freeing all of it at once holds up everybody"
        assert kept_blocks() == 0
        picture = Image.new("RGB", (2048, 2048))
        del picture
        assert kept_blocks() >= 4, "somebody works on"
    assert kept_blocks() == 0
    picture = Image.new("RGB", (2048, 2048))
    del picture
    assert kept_blocks() == 0, "nobody would give it back"


async def test_the_ladder_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(encoded(painted(1200, 1200, noise=40)))
    assert await Ladder().descend(path, replace(DISCORD, file_bytes=200_000)) is not None
    assert kept_blocks() == 0
