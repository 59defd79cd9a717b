"""Many pictures on one; unfinished ones made small."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.domain.outputs import MediaKind
from bot.presentation.card_situation import Rung
from bot.service.parcels.ladder import Ladder
from bot.service.parcels.limits import DISCORD, TELEGRAM, Form, Limits
from bot.service.parcels.overview import MOST_BYTES, MOST_CELLS, SIDE, Grid, grid_for, overview_of
from bot.service.parcels.preview import preview_jpeg
from tests.support.parcels import SECRET, Wall, distance, encoded, files_of, opened, painted
from tests.test_service_images import png_that_claims

COLOURS = ["red", "lime", "blue", "yellow", "magenta", "cyan", "orange", "purple", "teal"]


@pytest.fixture
def wall(tmp_path: Path) -> Wall:
    return Wall(tmp_path)


def cell(image: Image.Image, grid: Grid, position: int) -> Image.Image:
    left, top = grid.corner(position)
    return image.crop((left, top, left + grid.cell[0], top + grid.cell[1]))


def badge(cell_image: Image.Image) -> np.ndarray:
    """The corner with the number, light against dark."""
    side = min(cell_image.size) // 5
    return np.asarray(cell_image.crop((0, 0, side, side)).convert("L"), float)


@pytest.mark.parametrize(
    ("count", "columns", "rows"),
    [(2, 2, 1), (3, 2, 2), (4, 2, 2), (5, 3, 2), (6, 3, 2), (7, 3, 3), (9, 3, 3)],
)
async def test_every_picture_has_its_place_and_its_number(
    wall: Wall, count: int, columns: int, rows: int
) -> None:
    images = [Image.new("RGB", (400, 400), COLOURS[n]) for n in range(count)]
    for image in images:
        wall.hang(encoded(image))
    packed = await wall.pack(DISCORD)
    (parcel,) = packed.parcels
    whole, *singles = parcel.files
    assert [file.picture for file in singles] == wall.pictures
    assert (whole.name, whole.mime, whole.picture) == ("k3v9x2m7qa-overview.jpg", "image/jpeg", None)
    assert (whole.rung, whole.alt, whole.spoiler) == (Rung.ORIGINAL, "a fox, the 1.", False)
    sheet = opened(whole)
    grid = grid_for([(400, 400)] * count)
    assert (grid.columns, grid.rows, grid.size) == (columns, rows, sheet.size)
    for n, image in enumerate(images):
        shown = cell(sheet, grid, n)
        middle = (100, 100, 400, 400)
        assert distance(shown.crop(middle), image.crop(middle)) < 6
        corner = badge(shown)
        assert corner.max() > 220
        assert corner.min() < 90
    numbers = [badge(cell(sheet, grid, n)) > 160 for n in range(count)]
    for n in range(1, count):
        assert not np.array_equal(numbers[n], numbers[n - 1])
    for empty in range(count, columns * rows):
        assert np.asarray(cell(sheet, grid, empty), float).std() < 8


async def test_numbers_are_those_of_the_buttons(wall: Wall) -> None:
    """Whatever stands between, and whatever cannot be shown."""
    black = encoded(Image.new("RGB", (300, 300), "black"))
    for content, kind in ((black, MediaKind.IMAGE), (b"video", MediaKind.VIDEO), (black, MediaKind.IMAGE)):
        wall.hang(content, kind=kind)
    one, three = await overview_cells(wall)
    other = Wall(wall.folder / "other")
    for _ in range(3):
        other.hang(black)
    first, _, third = await overview_cells(other)
    assert np.array_equal(badge(one) > 160, badge(first) > 160)
    assert np.array_equal(badge(three) > 160, badge(third) > 160)


async def overview_cells(wall: Wall) -> list[Image.Image]:
    whole = files_of(await wall.pack(DISCORD))[0]
    stills = [picture for picture in wall.pictures if picture.kind is MediaKind.IMAGE]
    grid = grid_for([(picture.width, picture.height) for picture in stills])
    return [cell(opened(whole), grid, n) for n in range(len(stills))]


async def test_proportions_are_kept(wall: Wall) -> None:
    for size in ((600, 200), (200, 600)):
        wall.hang(encoded(Image.new("RGB", size, "white")))
    sheet = opened(files_of(await wall.pack(DISCORD))[0])
    grid = grid_for([(600, 200), (200, 600)])
    for n, (width, height) in enumerate([(600, 200), (200, 600)]):
        light = np.asarray(cell(sheet, grid, n).convert("L")) > 150
        assert light.any(axis=0).sum() == pytest.approx(width, abs=4)
        assert light.any(axis=1).sum() == pytest.approx(height, abs=4)


async def test_what_is_damaged_leaves_a_numbered_gap(wall: Wall) -> None:
    content = encoded(painted(300, 200, noise=9))
    wall.hang(content)
    wall.hang(content[:500])
    wall.hang(b"junk" * 99)
    wall.hang(content)
    packed = await wall.pack(DISCORD)
    assert len(files_of(packed)) == 5
    cells = await overview_cells(wall)
    for n in (1, 2):
        assert np.asarray(cells[n].crop((100, 70, 300, 200)), float).std() < 5
        assert badge(cells[n]).max() > 200
    assert distance(cells[3], painted(300, 200, noise=9)) < 12


async def test_there_is_none_without_a_point(wall: Wall) -> None:
    wall.hang(encoded(painted(60, 40)))
    assert len(files_of(await wall.pack(DISCORD))) == 1
    wall.hang(b"video", ".mp4", kind=MediaKind.VIDEO)
    wall.hang(b"junk" * 99)
    assert len(files_of(await wall.pack(DISCORD))) == 3
    wall.hang(encoded(painted(60, 40)))
    assert len(files_of(await wall.pack(DISCORD))) == 5
    assert len(files_of(await wall.pack(DISCORD, overview=False))) == 4
    path = wall.folder / wall.pictures[0].path
    assert await overview_of(Ladder(), [(n, path) for n in range(MOST_CELLS + 1)]) is None


@pytest.mark.parametrize(("count", "messages"), [(9, [10]), (10, [10, 1]), (12, [10, 3]), (20, [10, 10, 1])])
async def test_it_comes_first_and_the_pictures_follow(wall: Wall, count: int, messages: list[int]) -> None:
    content = encoded(painted(40, 30))
    for _ in range(count):
        wall.hang(content, spoiler=True)
    packed = await wall.pack(DISCORD)
    assert [len(parcel.files) for parcel in packed.parcels] == messages
    assert files_of(packed)[0].spoiler
    assert [file.picture for file in files_of(packed)[1:]] == wall.pictures


async def test_it_shows_what_is_too_large_itself(wall: Wall) -> None:
    for seed in (1, 2):
        wall.hang(encoded(painted(300, 200, noise=60, seed=seed)))
    within = Limits(file_bytes=30_000, request_bytes=30_000, formats=frozenset())
    packed = await wall.pack(within)
    (whole,) = files_of(packed)
    assert whole.picture is None
    assert whole.size <= 30_000
    assert len(packed.left_out) == 2


async def test_in_an_album_it_is_a_photo(wall: Wall) -> None:
    for seed in (1, 2):
        wall.hang(encoded(painted(90, 60, seed=seed)))
    assert [file.form for file in files_of(await wall.pack(TELEGRAM))] == [Form.PHOTO] * 3


async def test_it_tells_nothing_but_what_it_shows(wall: Wall) -> None:
    for seed in (1, 2):
        wall.hang(encoded(painted(90, 60, seed=seed), "JPEG", comment=SECRET.encode()), ".jpg")
    whole = files_of(await wall.pack(DISCORD))[0]
    assert isinstance(whole.content, bytes)
    assert b"fox" not in whole.content


async def test_noise_is_made_to_fit(wall: Wall) -> None:
    """The hardest there is for an encoder."""
    noise = np.random.default_rng(0).integers(0, 256, (1100, 1100, 3), dtype=np.uint8)
    for _ in range(4):
        wall.hang(encoded(Image.fromarray(noise), compress_level=0))
    whole = files_of(await wall.pack(DISCORD))[0]
    assert whole.picture is None
    assert whole.size <= MOST_BYTES
    assert max(opened(whole).size) <= SIDE


@given(st.lists(st.tuples(st.integers(1, 9_000), st.integers(1, 9_000)), min_size=1, max_size=MOST_CELLS))
def test_a_grid_holds_all_and_keeps_within_bounds(sizes: list[tuple[int, int]]) -> None:
    grid = grid_for(sizes)
    assert grid.columns * grid.rows >= len(sizes) > grid.columns * (grid.rows - 1)
    # A pixel a cell is the least there is.
    assert max(grid.size) <= SIDE + MOST_CELLS
    assert grid.cell[0] <= max(width for width, _ in sizes)
    assert grid.cell[1] <= max(height for _, height in sizes)
    width, height = grid.size
    for position in range(len(sizes)):
        left, top = grid.corner(position)
        assert 0 <= left <= width - grid.cell[0]
        assert 0 <= top <= height - grid.cell[1]


# Previews


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(64, 64), (512, 512), (1600, 900), (300, 4000), (5000, 3)])
async def test_previews_are_small_and_true(kind: str, size: tuple[int, int]) -> None:
    image = painted(*size, noise=5)
    made = await preview_jpeg(encoded(image, kind))
    assert made is not None
    assert len(made) <= 100_000
    with Image.open(io.BytesIO(made)) as preview:
        assert preview.format == "JPEG"
        assert max(preview.size) == min(512, max(size))
        if min(size) > 3:
            assert preview.width / preview.height == pytest.approx(size[0] / size[1], rel=0.05)
            assert distance(preview, image) < 6


async def test_a_preview_of_noise_is_small() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    made = await preview_jpeg(encoded(Image.fromarray(noise), compress_level=0))
    assert made is not None
    assert len(made) <= 100_000


async def test_a_preview_tells_nothing_else_and_is_white_behind() -> None:
    made = await preview_jpeg(encoded(painted(90, 60), "JPEG", comment=SECRET.encode()))
    assert made is not None
    assert b"fox" not in made
    clear = await preview_jpeg(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0))))
    assert clear is not None
    assert Image.open(io.BytesIO(clear)).getpixel((20, 20)) == (255, 255, 255)


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"junk",
        bytes(100_000),
        png_that_claims(9_000, 9_000),
        png_that_claims(65_000, 65_000),
        encoded(painted(90, 60), "GIF"),
        encoded(painted(90, 60, noise=30))[:-200],
        bytes(17 * 1024**2),
    ],
    ids=["empty", "junk", "zeros", "large claim", "bomb", "other format", "truncated", "too long"],
)
async def test_junk_is_no_preview(junk: bytes) -> None:
    assert await preview_jpeg(junk) is None


@settings(max_examples=40)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.integers(0, 2**32))
async def test_damage_raises_nothing(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    content = bytearray(encoded(painted(70, 50, noise=20), kind))
    for _ in range(rng.randint(1, 20)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    made = await preview_jpeg(bytes(content))
    assert made is None or len(made) <= 100_000
