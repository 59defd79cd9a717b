"""Templates on the operator's page, and workflow files that are dropped there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from bot.chat.web.operator import drops
from bot.chat.web.operator.drops import Drop, Drops
from bot.domain.errors import GraphRejected, UserError
from bot.domain.text import Text
from bot.templates.exports import MAX_BYTES
from tests.operator_page_support import HOSTILE, Page, Visit, visited
from tests.support.templates import WORKFLOWS

EXPORT = (WORKFLOWS / "text-to-image.json").read_bytes()


@asynccontextmanager
async def with_own_folder(tmp_path: Path) -> AsyncIterator[tuple[Visit, Path]]:
    folder = tmp_path / "workflows"
    shutil.copytree(WORKFLOWS, folder)
    async with visited(tmp_path, workflows_dir=str(folder)) as visit:
        yield visit, folder


async def dropped(visit: Visit, data: bytes = EXPORT, filename: str = "My Portrait (2).json") -> Page:
    return await visit.post("/operator/templates", file=data, filename=filename)


async def added(visit: Visit, page: Page, **fields: str) -> Page:
    said = {"name": "portrait", "title": "Portraits", "command": "portrait", **fields}
    path = re.sub(r"^https?://[^/]+|\?.*$", "", page.url)
    return await visit.post(path, **said)


async def test_templates_are_listed_with_what_they_take(tmp_path: Path) -> None:
    async with with_own_folder(tmp_path) as (visit, folder):
        (folder / "broken.json").write_text("{", encoding="utf-8")
        await visit.do("templates reload")
        page = await visit.get("/operator/templates")
        assert "Text to image /imagine text-to-image offered" in page.text
        assert "On fake can be painted" in page.text
        assert re.search(r"<code>steps</code></th><td>int</td>\s*<td>\d+</td>", page.html)
        assert "broken cannot be used" in page.text
        assert "not valid JSON" in page.text


async def test_a_template_is_switched_off_and_on(tmp_path: Path) -> None:
    async with with_own_folder(tmp_path) as (visit, _):
        asked = await visit.do("templates disable", template="upscale", back="/operator/templates")
        assert "Nobody can ask for upscale any more" in asked.text
        off = await visit.answer(asked, yes=True)
        assert "upscale is offered no longer" in off.text
        assert "Upscale /upscale upscale switched off" in (await visit.get("/operator/templates")).text
        await visit.do("templates enable", template="upscale")
        assert "Upscale /upscale upscale offered" in (await visit.get("/operator/templates")).text


async def test_a_template_that_rests_says_so(tmp_path: Path) -> None:
    async with with_own_folder(tmp_path) as (visit, _):
        for number in range(3):
            receipt = await visit.bot.ask(f"a lighthouse {number}")
            await visit.bot.server.until_waiting(1)
            visit.bot.server.fail(GraphRejected(Text("no"), ()), 1.0)
            await visit.bot.until_over(receipt.accepted.request.id)
        assert "rests for 10 min" in (await visit.get("/operator/templates")).text


async def test_a_workflow_is_looked_at_then_added_and_asked_for(tmp_path: Path) -> None:
    async with with_own_folder(tmp_path) as (visit, folder):
        before = sorted(folder.iterdir())
        page = await dropped(visit)
        assert "What is in My Portrait (2).json" in page.text
        assert page.attribute('id="name" name="name" value').startswith("my-portrait-2")
        assert "<code>prompt_text</code>" in page.html
        assert sorted(folder.iterdir()) == before
        done = await added(visit, page)
        assert "Template portrait is offered now" in done.text
        assert "Portraits /portrait portrait offered" in done.text
        assert (folder / "portrait.json").read_bytes() == EXPORT
        sidecar = (folder / "portrait.toml").read_text(encoding="utf-8")
        assert 'title = "Portraits"' in sidecar
        assert 'command = "portrait"' in sidecar
        receipt = await visit.bot.ask("somebody --template portrait")
        assert receipt.template.name == "portrait"
        (entry, *_) = await visit.bot.store.audit_log()
        assert (entry.action, entry.subject) == ("template add", "portrait")
        assert "added portrait" in (await visit.get("/operator/audit")).text
        assert "is not kept any more" in (await added(visit, page)).text


NO_EXPORTS = (
    (b"", "The file is empty."),
    (b"\x89PNG\r\n", "not UTF-8"),
    (b"{", "not valid JSON"),
    (b"[1, 2]", "holds no workflow"),
    (json.dumps({"nodes": [], "links": [], "version": 0.4}).encode(), "Export (API)"),
    (b"[" * 5000 + b"]" * 5000, "nested too deeply"),
    (b'{"1": {"class_type": 5, "inputs": {}}}', "damaged"),
    (b" " * (MAX_BYTES + 1), "too large"),
)


async def test_what_is_no_export_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        for data, reason in NO_EXPORTS:
            page = await dropped(visit, data)
            assert page.status == 200, reason
            assert "/operator/templates?told=" in page.url
            assert reason in page.text


async def test_a_file_of_fifty_megabytes_is_refused_without_being_kept(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        page = await dropped(visit, b"{" + b" " * (50 << 20))
        assert "The file is too large (51 MB; at most 20 MB)" in page.text


async def test_only_json_files_are_taken(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        for filename in ("workflow.png", "workflow", "workflow.json.exe"):
            assert "ends in .json" in (await dropped(visit, EXPORT, filename)).text
        assert "No file was chosen." in (await dropped(visit, b"", "")).text


async def test_a_workflow_that_saves_nothing_cannot_be_added(tmp_path: Path) -> None:
    graph = {number: node for number, node in json.loads(EXPORT).items() if "Save" not in node["class_type"]}
    async with with_own_folder(tmp_path) as (visit, folder):
        page = await dropped(visit, json.dumps(graph).encode())
        assert "It cannot become a template" in page.text
        assert 'name="command"' not in page.html
        await added(visit, page)
        assert not (folder / "portrait.json").exists()


async def test_what_no_server_has_is_said_before_it_is_added(tmp_path: Path) -> None:
    graph = json.loads(EXPORT)
    graph["99"] = {"class_type": "NobodyHasThis", "inputs": {"images": ["7", 0]}}
    saving = next(number for number, node in graph.items() if "Save" in node["class_type"])
    graph["99"]["inputs"]["images"] = graph[saving]["inputs"]["images"]
    graph[saving]["inputs"]["images"] = ["99", 0]
    async with with_own_folder(tmp_path) as (visit, _):
        page = await dropped(visit, json.dumps(graph).encode())
        assert "No server here can paint it yet" in page.text
        assert "no node NobodyHasThis" in page.text
        done = await added(visit, page)
        assert "cannot be used yet" in done.text


CANNOT_BE = (
    ({"name": "../outside"}, "cannot be a template's name"),
    ({"name": "a/b"}, "cannot be a template's name"),
    ({"name": ".hidden"}, "cannot be a template's name"),
    ({"name": "x" * 101}, "cannot be a template's name"),
    ({"name": "text-to-image"}, "is there already"),
    ({"name": HOSTILE}, "cannot be a template's name"),
    ({"command": "queue"}, "a command of the bot itself"),
    ({"command": "/admin"}, "a command of the bot itself"),
    ({"command": "Two Words"}, "must be 1 to 32"),
)


async def test_names_and_commands_that_cannot_be_are_refused(tmp_path: Path) -> None:
    async with with_own_folder(tmp_path) as (visit, folder):
        before = {path: path.read_bytes() for path in folder.iterdir()}
        page = await dropped(visit)
        for fields, reason in CANNOT_BE:
            page = await added(visit, page, **fields)
            assert reason in page.text, fields
            assert "picture could not be kept" not in page.text
            # What was typed is still there, and the file too.
            assert 'value="Portraits"' in page.html
            assert {path: path.read_bytes() for path in folder.iterdir()} == before, fields
            assert "alert(1)>" not in page.html
        assert not (tmp_path / "outside.json").exists()
        assert "offered now" in (await added(visit, page)).text


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the folder can be written anyway")
async def test_a_folder_that_cannot_be_written_is_said_to_be(tmp_path: Path) -> None:
    async with with_own_folder(tmp_path) as (visit, folder):
        folder.chmod(0o500)
        try:
            assert "cannot be written" in (await added(visit, await dropped(visit))).text
        finally:
            folder.chmod(0o700)


async def test_a_write_that_fails_is_told_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    async with with_own_folder(tmp_path) as (visit, folder):
        page = await dropped(visit)
        monkeypatch.setattr("bot.templates.files.tempfile.mkstemp", full)
        told = await added(visit, page)
        assert "cannot be written: No space left on device." in told.text
        assert str(folder) in told.text
        monkeypatch.undo()
        assert not (folder / "portrait.toml").exists()


def test_files_that_wait_are_bounded_and_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drops, "MOST_KEPT", 100)
    kept = Drops()
    first = kept.keep("me", Drop("a.json", b"x" * 60))
    assert kept.of("me", first).data == b"x" * 60
    with pytest.raises(UserError):
        kept.of("somebody else", first)
    kept.keep("me", Drop("b.json", b"x" * 60))
    with pytest.raises(UserError):
        kept.of("me", first)


async def test_nothing_is_kept_of_a_file_before_its_form_is_known_to_be_ours(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        form = aiohttp.FormData()
        form.add_field("file", EXPORT, filename="workflow.json")
        form.add_field("csrf", (await visit.get("/operator")).csrf)
        async with visit.session.post(f"{visit.parts.site.address}/operator/templates", data=form) as answer:
            assert answer.status == 403


async def test_a_form_that_is_none_is_refused(tmp_path: Path) -> None:
    async with visited(tmp_path) as visit:
        await visit.get("/operator")
        address = visit.parts.site.address + "/operator/templates"
        for kind in ("text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "multipart/x"):
            headers = {"Content-Type": kind, "X-Fairbrush-CSRF": (await visit.get("/operator")).csrf}
            async with visit.session.post(address, data=b"--y\r\n\r\nnonsense", headers=headers) as answer:
                assert answer.status in (200, 400), (kind, await answer.text())


async def test_an_upload_that_breaks_off_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with visited(tmp_path) as visit:
        csrf = (await visit.get("/operator")).csrf
        (cookie,) = visit.session.cookie_jar
        address = urlsplit(visit.parts.site.address)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            (
                f"POST /operator/templates HTTP/1.1\r\nHost: {address.netloc}\r\nX-Fairbrush-CSRF: {csrf}\r\n"
                f"Cookie: {cookie.key}={cookie.value}\r\nContent-Length: 1000000\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
                '--x\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n{"1": '
            ).encode()
        )
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await reader.read()
        await asyncio.sleep(0.05)
        assert (await visit.get("/operator/templates")).status == 200
    assert "stumbled" not in caplog.text
