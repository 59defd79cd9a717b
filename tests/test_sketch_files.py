"""Uploads and views against recordings, file names, and what is written into pictures."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from bot.sketch import EngineSettings, SketchEngine
from bot.sketch.files import Folders, OutsideFolder, inside, save_place
from tests.support.sketch_replay import Normaliser, load

TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SketchEngine]:
    async with SketchEngine(tmp_path, EngineSettings(max_upload_size=100_000)) as running:
        yield running


@pytest.fixture
async def http(engine: SketchEngine) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(engine.url) as session:
        yield session


def png(colour: tuple[int, ...], size: tuple[int, int] = (16, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def form(case: dict[str, Any], data: bytes, *, quote: bool = True) -> aiohttp.FormData:
    fields = aiohttp.FormData(quote_fields=quote)
    if case["file_field"]:
        fields.add_field(case["file_field"], data, filename=case["filename"], content_type="image/png")
    for key, value in case.items():
        if key not in ("file_field", "filename"):
            fields.add_field(key, value)
    return fields


COLOURS = {"first": 1, "same name same bytes": 1, "same name other bytes": 2, "same name third bytes": 3}


async def test_uploads_are_answered_as_recorded(http: aiohttp.ClientSession) -> None:
    """Each recorded upload in order: the state that earlier ones left is part of the answer."""
    log = load("17_")
    recorded: list[Any] = []
    ours: list[Any] = []
    for before, entry in pairwise(log):
        if entry["kind"] != "http":
            continue
        kwargs: dict[str, Any] = {}
        if before["kind"] == "case":
            colour = COLOURS.get(before["note"], 9)
            data = b"no picture" if before["note"] == "not an image" else png((colour, 2, 3))
            kwargs["data"] = form(before["form"], data)
        elif "request_json" in entry:
            kwargs["json"] = entry["request_json"]
        async with http.request(entry["method"], entry["path"], **kwargs) as response:
            raw = await response.text()
            body = json.loads(raw) if response.content_type == "application/json" else raw
        recorded.append({"status": entry["status"], "body": entry["body"]})
        ours.append({"status": response.status, "body": body})
    assert len(ours) > 25
    normal_recorded, normal_ours = Normaliser()._value(recorded), Normaliser()._value(ours)
    for index, (theirs, own) in enumerate(zip(normal_recorded, normal_ours, strict=True)):
        if isinstance(theirs["body"], dict) and theirs["body"].get("name") == "%2Ftmp%2Fu37c419.png":
            # The recording was edited here: the name sent is kept as "/abs/…" in the log.
            assert own["body"]["name"] == "%2Fabs%2Fu37c419.png"
            continue
        assert own == theirs, f"upload {index}"


@pytest.mark.parametrize(
    ("name", "status", "kept"),
    [
        ("кот и пёс.png", 200, "кот и пёс.png"),
        ("../x.png", 400, ""),
        ("dir/x.png", 500, ""),
        ("/abs/x.png", 500, ""),
        ('q"uote.png', 200, 'q"uote.png'),
        ("a..b.png", 200, "a..b.png"),
        ("semi;colon.png", 200, "semi;colon.png"),
        ("x" * 300 + ".png", 500, ""),
    ],
)
async def test_raw_file_names(
    http: aiohttp.ClientSession, tmp_path: Path, name: str, status: int, kept: str
) -> None:
    escaped = name.replace('"', '\\"')
    body = (
        f'--b\r\nContent-Disposition: form-data; name="image"; filename="{escaped}"\r\n\r\nx\r\n--b--\r\n'
    ).encode()
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    async with http.post("/upload/image", data=body, headers=headers) as response:
        assert response.status == status
        if status == 200:
            assert (await response.json())["name"] == kept
            assert (tmp_path / "input" / kept).read_bytes() == b"x"
    assert {p.name for p in tmp_path.iterdir()} == {"input", "output", "temp"}


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=b", "text/plain"])
async def test_a_body_that_is_no_form_is_refused(http: aiohttp.ClientSession, kind: str) -> None:
    async with http.post("/upload/image", data=b"hello", headers={"Content-Type": kind}) as response:
        assert response.status in (400, 500)
        assert await response.text() in ("", TROUBLE)


async def test_a_body_over_the_limit_is_refused(http: aiohttp.ClientSession) -> None:
    data = form({"file_field": "image", "filename": "big.bin"}, bytes(110_000))
    async with http.post("/upload/image", data=data) as response:
        assert response.status == 413
        assert (await response.text()).startswith("Maximum request body size 100000 exceeded")


async def test_a_mask_is_the_original_with_the_uploads_transparency(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    original = {"file_field": "image", "filename": "base.png"}
    await http.post("/upload/image", data=form(original, png((10, 20, 30))))
    mask = {
        "file_field": "image",
        "filename": "mask.png",
        "subfolder": "clipspace",
        "original_ref": json.dumps({"filename": "base.png", "subfolder": "", "type": "input"}),
    }
    async with http.post("/upload/mask", data=form(mask, png((0, 0, 0, 77)))) as response:
        assert await response.json() == {"name": "mask.png", "subfolder": "clipspace", "type": "input"}
    with Image.open(tmp_path / "input" / "clipspace" / "mask.png") as made:
        assert made.getpixel((0, 0)) == (10, 20, 30, 77)


async def test_a_mask_without_its_original_writes_nothing(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    mask = {
        "file_field": "image",
        "filename": "mask.png",
        "original_ref": json.dumps({"filename": "no.png", "subfolder": "", "type": "input"}),
    }
    async with http.post("/upload/mask", data=form(mask, png((0, 0, 0, 77)))) as response:
        assert response.status == 200
    assert not (tmp_path / "input" / "mask.png").exists()


VIEWED_HEADERS = (
    "Content-Type",
    "Content-Disposition",
    "X-Content-Type-Options",
    "Cache-Control",
    "Vary",
    "Accept-Ranges",
)


def described(body: bytes) -> str:
    try:
        with Image.open(io.BytesIO(body)) as image:
            return f"{image.format} {image.mode} {image.size}"
    except OSError:
        return body.decode()


@pytest.mark.parametrize("entry", [e for e in load("18_") if e["kind"] == "view"], ids=lambda e: e["note"])
async def test_a_recorded_view(http: aiohttp.ClientSession, tmp_path: Path, entry: dict[str, Any]) -> None:
    """Headers that the real server owes to its browser front end (a content policy) are not compared."""
    (tmp_path / "input" / "viewme.png").write_bytes(png((1, 2, 3, 128), (96, 64)))
    (tmp_path / "output" / "evil.html").write_text("<script>1</script>")
    (tmp_path / "output" / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "output" / "n.txt").write_text("hi")
    async with http.get("/view", params=entry["params"]) as response:
        assert response.status == entry["status"]
        assert described(await response.read()) == entry["body_is"]
        if entry["status"] == 200:
            theirs = {name: entry["headers"].get(name) for name in VIEWED_HEADERS}
            assert {name: response.headers.get(name) for name in VIEWED_HEADERS} == theirs
            assert ("ETag" in response.headers) == ("Etag" in entry["headers"])


async def test_ranges_and_head(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "output" / "a.bin").write_bytes(bytes(range(100)))
    params = {"filename": "a.bin"}
    async with http.get("/view", params=params, headers={"Range": "bytes=10-19"}) as response:
        assert (response.status, await response.read()) == (206, bytes(range(10, 20)))
    async with http.head("/view", params=params) as response:
        assert (response.status, response.headers["Content-Length"]) == (200, "100")


@pytest.mark.parametrize("name", ["..", "a/../../x", "/etc/passwd", "a\0b"])
def test_no_name_leads_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutsideFolder):
        inside(tmp_path, name)


NOON = 1_795_348_800_000


@pytest.mark.parametrize(
    ("prefix", "subfolder", "name"),
    [
        ("x", "", "x_00001_.png"),
        ("batch/sub/x", "batch/sub", "x_00001_.png"),
        ("%width%x%height%/a %batch_num%", "64x32", "a 0_00001_.png"),
        ("", "", "ComfyUI_00001_.png"),
        ("a.b", "", "a.b_00001_.png"),
        ("%year%", "", "2026_00001_.png"),
    ],
)
def test_names_of_saved_files(tmp_path: Path, prefix: str, subfolder: str, name: str) -> None:
    place = save_place(tmp_path, prefix, 64, 32, NOON)
    assert (place.subfolder, place.name(0, ".png")) == (subfolder, name)


@pytest.mark.parametrize("prefix", ["../../escape", "/abs/x", "a/../../x", "."])
def test_a_prefix_that_leads_outside_is_refused(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(OutsideFolder):
        save_place(tmp_path / "output", prefix, 64, 32, NOON)
    assert not list(tmp_path.iterdir())


def test_numbers_go_on_after_the_highest_of_their_prefix(tmp_path: Path) -> None:
    for name in ("x_00007_.png", "x_00003_.png", "x_y_00020_.png", "xx_00030_.png", "X_00009_.png", "x_.png"):
        (tmp_path / name).touch()
    assert save_place(tmp_path, "x", 1, 1, NOON).first == 10
    assert save_place(tmp_path, "x", 1, 1, NOON).name(2, ".webp") == "x_00012_.webp"
    assert save_place(tmp_path, "x_y", 1, 1, NOON).first == 21


def test_temp_is_wiped_and_the_rest_stays(tmp_path: Path) -> None:
    folders = Folders(tmp_path, {})
    folders.prepare()
    for folder in (folders.temp, folders.input, folders.output):
        (folder / "f").touch()
    folders.prepare()
    assert not list(folders.temp.iterdir())
    assert list(folders.input.iterdir())
    assert list(folders.output.iterdir())


@pytest.mark.parametrize(
    "query",
    [
        {"filename": "\0"},
        {"filename": "x\0.png"},
        {"filename": "x" * 5000},
        {"filename": "x", "subfolder": "\0"},
    ],
    ids=["nul", "nul inside", "too long for any disk", "nul in the subfolder"],
)
async def test_a_name_that_no_disk_can_hold_is_not_there(
    http: aiohttp.ClientSession, query: dict[str, str]
) -> None:
    async with http.get("/view", params=query) as response:
        assert response.status == 404
