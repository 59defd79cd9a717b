"""Whatever the sizes and the limits are."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.domain.outputs import MediaKind
from bot.presentation.card_situation import Rung
from bot.service.parcels.limits import JPEG, WEBP, Form, Limits, PhotoLimits
from bot.service.parcels.packing import Packed, ParcelFile, Why
from tests.support.parcels import Wall, distance, encoded, files_of, opened, painted

Drawn = tuple[Image.Image, str]

photos = st.builds(
    PhotoLimits,
    st.integers(500, 20_000),
    st.integers(40, 400),
    st.sampled_from([1.5, 3.0, 20.0]),
    st.just(frozenset({"image/png", JPEG})),
)
within_limits = st.builds(
    Limits,
    file_bytes=st.integers(200, 60_000),
    request_bytes=st.integers(1_000, 120_000),
    most_files=st.integers(1, 6),
    photo=st.none() | photos,
    formats=st.sets(st.sampled_from([WEBP, JPEG])).map(frozenset),
    forms=st.sets(st.sampled_from(Form)).map(frozenset),
)
drawn = st.builds(
    lambda width, height, noise, seed, mode, kind: (
        painted(width, height, noise=noise, seed=seed, mode="RGB" if kind == "JPEG" else mode),
        kind,
    ),
    st.integers(1, 160),
    st.integers(1, 160),
    st.sampled_from([0, 4, 40]),
    st.integers(0, 9),
    st.sampled_from(["RGB", "RGBA", "L", "P"]),
    st.sampled_from(["PNG", "PNG", "JPEG", "BMP", "WEBP"]),
)


def fits(file: ParcelFile, limits: Limits) -> bool:
    """As the platforms put it, apart from the code."""
    photo = limits.photo
    if file.form is not Form.PHOTO:
        return file.size <= limits.file_bytes
    assert photo is not None
    sides = sorted((file.width, file.height))
    return (
        file.mime in photo.formats
        and file.size <= photo.file_bytes
        and sum(sides) <= photo.sides
        and sides[1] / sides[0] <= photo.ratio
    )


def packable(wall: Wall, pictures: list[Drawn]) -> None:
    for image, kind in pictures:
        mode = "RGB" if kind == "BMP" and image.mode == "RGBA" else image.mode
        options = {"lossless": True} if kind == "WEBP" else {}
        wall.hang(encoded(image.convert(mode), kind, **options), f".{kind.lower()}")


def check_what_arrives(wall: Wall, pictures: list[Drawn], packed: Packed, limits: Limits) -> None:
    left = {one.picture.number for one in packed.left_out}
    assert all(one.why is Why.TOO_LARGE for one in packed.left_out)
    singles = [file for file in files_of(packed) if file.picture is not None]
    numbers = [file.picture.number for file in singles if file.picture is not None]
    assert numbers == [picture.number for picture in wall.pictures if picture.number not in left]
    for file, number in zip(singles, numbers, strict=True):
        image, _ = pictures[number - 1]
        assert fits(file, limits)
        arrived = opened(file)
        assert arrived.width <= image.width
        assert arrived.height <= image.height
        if file.rung is not Rung.SMALLER:
            assert arrived.size == image.size
        if min(arrived.size) >= 8 and not image.has_transparency_data:
            assert distance(arrived, image) < 25


def check_messages(packed: Packed, limits: Limits) -> None:
    for parcel in packed.parcels:
        assert 1 <= len(parcel.files) <= limits.most_files
        assert len(parcel.files) == 1 or sum(file.size for file in parcel.files) <= limits.request_bytes
    for one, next_one in zip(packed.parcels, packed.parcels[1:], strict=False):
        # Nothing is put off that would have fitted.
        first = next_one.files[0]
        assert (
            len(one.files) == limits.most_files
            or one.size + first.size > limits.request_bytes
            or first.form is not one.files[-1].form
            or first.form is Form.ANIMATION
        )


@settings(max_examples=40)
@given(st.lists(drawn, max_size=7), within_limits, st.booleans())
async def test_what_arrives_fits_and_is_what_was_painted(
    pictures: list[Drawn], limits: Limits, overview: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wall = Wall(Path(folder))
        packable(wall, pictures)
        packed = await wall.pack(limits, overview=overview)
        check_what_arrives(wall, pictures, packed, limits)
        check_messages(packed, limits)
        extra = [file for file in files_of(packed) if file.picture is None]
        assert len(extra) <= (1 if overview and len(pictures) > 1 else 0)
        assert all(fits(file, limits) for file in extra)
        assert not extra or files_of(packed)[0] is extra[0]


@settings(max_examples=40)
@given(drawn, st.floats(0.02, 1.3))
async def test_the_first_rung_that_fits_is_taken(picture: Drawn, share: float) -> None:
    """Judged by encoders that are called here."""
    with tempfile.TemporaryDirectory() as folder:
        wall = Wall(Path(folder))
        packable(wall, [picture])
        (hung,) = wall.pictures
        most = max(1, int(hung.size * share))
        packed = await wall.pack(Limits(file_bytes=most, request_bytes=most))
        with Image.open(Path(folder) / hung.path) as stored:
            image = stored.convert("RGBA" if stored.has_transparency_data else "RGB")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
        attempts = {
            Rung.ORIGINAL: [hung.size],
            Rung.WEBP: [
                len(encoded(image, "WEBP", lossless=True, exact=True, method=method, quality=quality))
                for method, quality in ((0, 0), (2, 20))
                if picture[1] in {"PNG", "BMP"}
            ],
            Rung.JPEG: [
                len(encoded(ground, "JPEG", quality=quality, subsampling=0 if quality == 92 else 2))
                for quality in (92, 88, 84, 80)
            ],
        }
        first = next((rung for rung, sizes in attempts.items() if any(size <= most for size in sizes)), None)
        if first is not None:
            assert packed.rung is first
            assert files_of(packed)[0].size == next(size for size in attempts[first] if size <= most)
        else:
            assert packed.rung in {Rung.SMALLER, Rung.TOO_LARGE}


@settings(max_examples=50)
@given(
    st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    st.floats(0.1, 1),
    st.integers(100, 4_000),
    st.booleans(),
)
async def test_damage_raises_nothing(
    kind: str, flips: list[tuple[float, int]], cut: float, most: int, strip: bool
) -> None:
    content = bytearray(encoded(painted(70, 50, noise=20), kind))
    for where, value in flips:
        content[int(where * (len(content) - 1))] = value
    content = content[: max(1, int(cut * len(content)))]
    with tempfile.TemporaryDirectory() as folder:
        wall = Wall(Path(folder))
        for kind_of in (MediaKind.IMAGE, MediaKind.ANIMATED, MediaKind.IMAGE):
            wall.hang(bytes(content), ".png", kind=kind_of, size=(70, 50))
        limits = Limits(file_bytes=most, request_bytes=3 * most)
        packed = await wall.pack(limits, strip_metadata=strip)
        assert all(file.size <= most for file in files_of(packed))
        assert len([f for f in files_of(packed) if f.picture]) + len(packed.left_out) == 3
