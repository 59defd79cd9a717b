"""``fairbrush check``: servers and what stands in front of them, templates, addresses, this machine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import time
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.cli.checks import machine, moderation, pages, rows, servers, speed, templates
from bot.cli.checks import settings as configuration
from bot.cli.checks.asking import Questions
from bot.cli.checks.packs import brings
from bot.cli.checks.rows import Row
from bot.cli.checks.servers import Server
from bot.cli.interruption import Interruption
from bot.config import Settings
from bot.domain.ids import ServerName
from bot.service.clock import Clock
from bot.service.shelf import SWITCHED_OFF
from bot.sketch import EngineSettings, SketchEngine
from bot.store import open_store
from bot.templates.catalogue import Catalogue
from bot.templates.loader import shipped_folder
from tests.support.answering import answering
from tests.support.cli import at_terminal, posix_only
from tests.support.commands import call, empty_folder, unused_port
from tests.support.service import settings_for
from tests.support.sketch_client import text_to_image

here = empty_folder()
LOGIN = "headers = { Authorization"


async def look(folder: Path, url: str, *, run: bool = False, **sections: Any) -> Server:
    settings = settings_for(folder, **sections)
    (found,) = await servers.look(settings, url, Interruption(), Questions(time.time), run=run)
    return found


# Servers


@pytest.mark.parametrize(
    ("status", "body", "headers", "words"),
    [
        (401, "", {}, (LOGIN, "answered 401")),
        (403, "", {}, (LOGIN, "answered 403")),
        (302, "", {"Location": "https://login.example.org/?rd=x"}, (LOGIN, "login.example.org")),
        (200, "<title>Welcome</title><input type='password'>", {}, (LOGIN, "A login page (“Welcome”)")),
        (200, "<h1>Please sign in</h1>", {}, (LOGIN, "A login page answers")),
        (200, "<title>It \n works</title>", {}, ("A web page (“It works”) answers", "Check the address")),
        (404, "<title>404 Not Found</title>", {}, ("A web page (“404 Not Found”) answers",)),
        (502, "", {}, ("no ComfyUI server behind it",)),
    ],
)
async def test_what_stands_in_front_of_a_server_is_told(
    tmp_path: Path, status: int, body: str, headers: dict[str, str], words: tuple[str, ...]
) -> None:
    async with answering(status, body, headers=headers) as url:
        found = await look(tmp_path, url)
    (row,) = found.rows
    assert row.status == "problem"
    assert found.catalogue is None
    for each in words:
        assert each in row.message


async def test_headers_that_are_not_accepted_are_named(tmp_path: Path) -> None:
    async with answering(401) as url:
        mine = {"name": "far", "url": url, "headers": {"Authorization": "Bearer s3cr3t-of-mine"}}
        settings = settings_for(tmp_path, comfyui=[mine])
        (found,) = await servers.look(settings, None, Interruption(), Questions(time.time))
    assert found.rows[0].subject == "server far"
    assert "The headers that are configured for it are not accepted." in found.rows[0].message
    assert "s3cr3t" not in found.rows[0].message


async def test_a_server_that_never_answers_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        found = await look(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert [row.status for row in found.rows] == ["problem"]
    assert "did not answer all questions within 0.2 s" in found.rows[0].message


async def test_the_speed_of_a_server_is_tried_and_leaves_nothing_there(tmp_path: Path) -> None:
    async with SketchEngine(tmp_path / "engine") as engine:
        found = await look(tmp_path, engine.url, run=True)
        kept = [path.name for path in (tmp_path / "engine").rglob("*.png") if "temp" not in path.parts]
    words = [row.message for row in found.rows]
    assert [row.status for row in found.rows] == ["ok"] * 4, words
    assert "GB" in words[0] or "sketch" in words[0]
    assert words[1].startswith("An empty picture, without any model: 0.")
    assert words[2].startswith("A tiny picture of text-to-image (256x256, 4 steps), its model loaded first: ")
    assert words[3].startswith("A tiny picture of text-to-image (256x256, 4 steps), once more: ")
    assert kept == []


async def test_a_busy_server_is_not_made_busier(tmp_path: Path) -> None:
    async with (
        SketchEngine(tmp_path / "engine", EngineSettings(pace=30.0)) as engine,
        aiohttp.ClientSession(engine.url) as http,
        http.post("/prompt", json={"prompt": text_to_image()}) as accepted,
    ):
        assert accepted.status == 200
        words = [row.message for row in (await look(tmp_path, engine.url, run=True)).rows]
    assert words[1:] == ["Its speed was not tried: 1 prompt is at work or waiting there. Try again later."]


async def test_a_picture_that_takes_too_long_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "SECONDS", 0.5)
    async with (
        SketchEngine(tmp_path / "engine", EngineSettings(pace=8.0)) as engine,
        aiohttp.ClientSession(engine.url) as http,
    ):
        rows_of_it = (await look(tmp_path, engine.url, run=True)).rows
        async with http.get("/queue") as answer:
            left = await answer.json()
    assert rows_of_it[-1].status == "warning"
    assert rows_of_it[-1].message.endswith("not there after 0.5 s. The server was told to stop.")
    assert left == {"queue_running": [], "queue_pending": []}


async def test_who_stops_waiting_takes_the_picture_back(tmp_path: Path) -> None:
    async with (
        SketchEngine(tmp_path / "engine", EngineSettings(pace=8.0)) as engine,
        aiohttp.ClientSession(engine.url) as http,
    ):

        async def running() -> list[Any]:
            async with http.get("/queue") as answer:
                listed: list[Any] = (await answer.json())["queue_running"]
                return listed

        looking = asyncio.create_task(look(tmp_path, engine.url, run=True))
        async with asyncio.timeout(20):
            while not [each for each in await running() if len(each[2]) > 2]:
                pass  # each question waits for its answer
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
        assert await running() == []


# Templates


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    core = Path(__file__).parent / "data" / "object_info_core.json"
    return Catalogue.from_object_info(json.loads(core.read_text("utf-8")))


def checked(settings: Settings, *found: Server) -> dict[str, list[tuple[str, str]]]:
    told: dict[str, list[tuple[str, str]]] = {}
    for row in templates.rows(settings, found):
        told.setdefault(row.subject, []).append((row.status, row.message))
    return told


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ("UnetLoaderGGUF", "custom nodes ComfyUI-GGUF (https://github.com/city96/ComfyUI-GGUF)"),
        ("VHS_VideoCombine", "ComfyUI-VideoHelperSuite"),
        ("ImageResize+", "ComfyUI_essentials"),
        ("Seed (rgthree)", "rgthree-comfy"),
        ("WD14Tagger|pysssss", "ComfyUI-WD14-Tagger"),
        ("ShowText|pysssss", "ComfyUI-Custom-Scripts"),
        ("UltralyticsDetectorProvider", "ComfyUI-Impact-Subpack"),
        ("KSampler (Efficient)", "efficiency-nodes-comfyui"),
        ("TextEncodeQwenImageEditPlus", "comes with ComfyUI itself: update that to"),
        ("LTXVScheduler", "comes with ComfyUI itself"),
        ("OpenAIGPTImage1", "calls a paid service"),
        ("KSamplerr", "ComfyUI itself has KSampler."),
    ],
)
def test_where_a_missing_node_comes_from(node: str, words: str) -> None:
    assert words in (brings(node) or "")


def test_a_node_that_nobody_knows_is_left_at_that() -> None:
    assert brings("MyVeryOwnNodeOfAFriend") is None


def test_the_table_of_packs_is_in_order() -> None:
    packs = tomllib.loads(files("bot.cli.checks").joinpath("packs.toml").read_text("utf-8"))
    assert len(packs) >= 60
    for url, names in packs.items():
        assert url.startswith("https://github.com/")
        assert url.count("/") == 4
        assert all(isinstance(name, str) and name.strip("*") for name in names), url


def test_a_missing_node_is_told_with_its_pack(tmp_path: Path, catalogue: Catalogue) -> None:
    folder = tmp_path / "workflows"
    folder.mkdir()
    graph = json.loads((shipped_folder() / "text-to-image.json").read_text("utf-8"))
    first = next(iter(graph))
    graph[first] = {"class_type": "UnetLoaderGGUF", "inputs": {"unet_name": "a.gguf"}}
    (folder / "mine.json").write_text(json.dumps(graph), "utf-8")
    told = checked(
        settings_for(tmp_path, workflows_dir=str(folder)), Server(ServerName("local"), (), catalogue)
    )
    missing = [message for _, message in told["template mine"] if "no node UnetLoaderGGUF" in message]
    assert len(missing) == 1
    assert missing[0].endswith("ComfyUI-GGUF (https://github.com/city96/ComfyUI-GGUF).")


def test_of_several_servers_one_that_can_is_enough(tmp_path: Path, catalogue: Catalogue) -> None:
    settings = settings_for(tmp_path, workflows_dir=str(shipped_folder()))
    less = {n: c for n, c in catalogue.classes.items() if n not in ("UNETLoader", "CheckpointLoaderSimple")}
    big, small = Server(ServerName("big"), (), catalogue), Server(ServerName("small"), (), Catalogue(less))
    told = checked(settings, small, big)
    assert told["template upscale"][0][0] == checked(settings, big)["template upscale"][0][0]
    assert not any("small" in message for _, message in told["template text-to-image"][1:])
    alone = checked(settings, small)
    assert [status for status, _ in alone["template flux"]] == ["warning"]
    assert alone["template flux"][0][1].startswith("Comes with Fairbrush, not for this server: ")
    assert all("On " not in message for _, message in alone["template text-to-image"])
    unreached = checked(settings, Server(ServerName("gone"), ()))
    assert unreached == {
        "templates": [("warning", "5 of them could not be checked: no server gave its node catalogue.")]
    }


def test_without_any_template_that_works_the_default_one_is_a_problem(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    settings = settings_for(tmp_path, workflows_dir=str(shipped_folder()))
    nothing = Server(ServerName("bare"), (), Catalogue({"SaveImage": catalogue.classes["SaveImage"]}))
    told = checked(settings, nothing)
    assert {status for status, _ in told["template text-to-image"]} == {"problem"}
    assert {status for status, _ in told["template flux"]} == {"warning"}


def test_a_server_for_other_things_than_the_default_template_is_no_problem(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    settings = settings_for(tmp_path, workflows_dir=str(shipped_folder()))
    loader = catalogue.classes["UpscaleModelLoader"]
    files = replace(loader.inputs["model_name"], choices=("RealESRGAN_x4plus.safetensors",))
    able = replace(loader, inputs={**loader.inputs, "model_name": files})
    told = checked(
        settings,
        Server(ServerName("up"), (), Catalogue({**catalogue.classes, "UpscaleModelLoader": able})),
    )
    assert told["template upscale"] == [("ok", "/upscale: the server can run it.")]
    assert {status for status, _ in told["template text-to-image"]} == {"warning"}


def test_templates_that_an_operator_switched_off_are_said_to_be(here: Path) -> None:
    (here / "data").mkdir()

    async def switch() -> None:
        async with open_store(here / "data" / "fairbrush.db", clock=Clock().now) as store:
            await store.put(SWITCHED_OFF, ["flux"])

    asyncio.run(switch())
    listed = call("templates", "list").stdout.split("\n\n")
    by_name = {block.split(maxsplit=1)[0]: block for block in listed if block.strip()}
    assert "Switched off by an operator" in by_name["flux"]
    assert "Switched off" not in by_name["upscale"]
    told = [json.loads(line) for line in call("templates", "list", "--json").stdout.splitlines()]
    assert {one["name"] for one in told if not one["enabled"]} == {"flux"}
    rows = call("check").stdout.splitlines()
    (row,) = [line for line in rows if "  template flux " in line]
    assert row.startswith("ok ")
    assert "Switched off by an operator. In chat:  /admin templates enable flux" in row


# Addresses


def listening(folder: Path, *, running: bool = False, **sections: Any) -> dict[str, Row]:
    return {row.subject: row for row in pages.listening(settings_for(folder, **sections), running=running)}


def test_an_address_that_is_taken_is_a_problem_unless_the_bot_has_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        web_section = {"listen": f"127.0.0.1:{taken.getsockname()[1]}"}
        row = listening(tmp_path, web=web_section)["web.listen"]
        assert row.status == "problem"
        assert "another program is there" in row.message
        assert listening(tmp_path, web=web_section, running=True)["web.listen"].status == "ok"
    assert listening(tmp_path, web=web_section)["web.listen"].status == "ok"


def test_an_address_that_others_reach_is_warned_of(tmp_path: Path) -> None:
    port = unused_port()
    row = listening(tmp_path, web={"listen": f"0.0.0.0:{port}", "guests": True})["web.listen"]
    assert row.status == "warning"
    assert "Other machines can reach it, in plain HTTP" in row.message
    assert f"the token in {tmp_path / 'data' / 'web-token'}; everybody may paint" in row.message
    row = listening(tmp_path, metrics={"listen": f"[::]:{port}"}).get("metrics.listen")
    assert row is not None
    assert row.status in ("warning", "problem")  # a machine may have no IPv6
    own = listening(tmp_path, web={"listen": f"localhost:{port}", "token": "of-my-own-making"})["web.listen"]
    assert (own.status, "opens with web.token" in own.message) == ("ok", True)


def test_two_doors_at_one_address_are_a_problem(tmp_path: Path) -> None:
    port = unused_port()
    for host in ("127.0.0.1", "0.0.0.0"):
        told = listening(tmp_path, web={"listen": f"{host}:{port}"}, metrics={"listen": f"127.0.0.1:{port}"})
        assert told["metrics.listen"].status == "problem"
        assert "web.listen's as well" in told["metrics.listen"].message
    free = listening(tmp_path, web={"listen": "127.0.0.1:0"}, metrics={"listen": "127.0.0.1:0"})
    assert {row.status for row in free.values()} == {"ok"}


def test_addresses_that_are_none_of_this_machine(tmp_path: Path) -> None:
    for host in ("192.0.2.77", "no-such-host.invalid"):
        row = listening(tmp_path, web={"listen": f"{host}:{unused_port()}"})["web.listen"]
        assert row.status == "problem"
        assert "Correct web.listen" in row.message


@pytest.mark.parametrize(
    ("status", "answer", "verdict", "words"),
    [
        (200, {"allow": True}, "ok", "It answers, in 0."),
        (200, {"allow": False, "reason": "no"}, "warning", "refuses even “a lighthouse at dusk”"),
        (200, {"ok": True}, "problem", "makes no sense"),
        (401, None, "problem", "Give it moderation.hook_headers. While it is down every text is refused"),
        (404, None, "problem", "It answered with status 404; 200 would be right. While"),
    ],
)
async def test_the_check_of_texts_is_asked_about_a_harmless_one(
    tmp_path: Path, status: int, answer: Any, verdict: str, words: str
) -> None:
    async with answering(status, answers={"/": answer} if answer else {}) as url:
        (row,) = await moderation.hook(settings_for(tmp_path, moderation={"hook_url": url}))
    assert row.status == verdict
    assert words in row.message


async def test_a_check_of_texts_that_is_down_says_what_that_means(tmp_path: Path) -> None:
    section = {"hook_url": f"http://127.0.0.1:{unused_port()}", "hook_down": "allow"}
    (row,) = await moderation.hook(settings_for(tmp_path, moderation=section))
    assert row.status == "problem"
    assert "every text is allowed" in row.message
    assert await moderation.hook(settings_for(tmp_path)) == []


def test_rules_for_texts_that_mean_nothing_are_told(tmp_path: Path) -> None:
    places = [{"place": "discord:1", "templates": ["upscale", "fluxx"]}]
    settings = settings_for(
        tmp_path,
        workflows_dir=str(shipped_folder()),
        moderation={"blocked_words": ["?!"], "places": places},
    )
    wrong, unknown = moderation.rules(settings)
    assert (wrong.status, wrong.subject) == ("problem", "moderation")
    assert unknown.message == "discord:1 may use the template fluxx, and there is none. Did you mean flux?"
    assert moderation.rules(settings_for(tmp_path)) == []


# The configuration and this machine


def test_a_configuration_of_another_version_is_told_from_a_slip(here: Path) -> None:
    (here / "config.toml").write_text('[discord]\nprefix = "!"\n', "utf-8")
    said = call("check").stderr
    assert "CHANGELOG.md says which settings have changed" in said
    assert "discord.prefix: there is no such key." in said
    (here / "config.toml").write_text("web_listen = '127.0.0.1:8765'\nlanguage = 'xx'\n", "utf-8")
    assert "web_listen: there is no such key" in call("check").stderr
    (here / "config.toml").write_text("language = 'xx'\n", "utf-8")
    assert "CHANGELOG.md" not in call("check").stderr, "nothing is unknown there"


@posix_only
def test_secrets_that_others_can_read_are_warned_of(here: Path) -> None:
    (here / "tok").write_text("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0", "utf-8")
    (here / "tok").chmod(0o640)
    settings = settings_for(here, telegram={"token": "1:x", "admin_ids": [5]})
    file = here / "config.toml"
    file.write_text('[telegram]\ntoken_file = "tok"\nadmin_ids = [5]\n', "utf-8")
    (row,) = [row for row in configuration.rows(settings, file) if row.subject == "secrets"]
    assert row.message.startswith(f"{here / 'tok'} holds a secret, and others on this machine can read it")
    (here / "tok").chmod(0o600)
    file.chmod(0o644)
    assert [row.subject for row in configuration.rows(settings, file)] == ["configuration"]
    file.write_text('[telegram]\ntoken = "1:x"\n', "utf-8")
    (row,) = [row for row in configuration.rows(settings, file) if row.subject == "secrets"]
    assert row.message.endswith(f"chmod 600 {file}")


@posix_only
@pytest.mark.parametrize(
    "text",
    [
        '[[comfyui]]\nheaders = { Authorization = "Bearer k7" }\n',
        '[moderation]\nhook_headers = { Authorization = "Bearer k7" }\n',
        '[web]\ntoken = "k7-window-snow"\n',
        '[telegram.webhook]\nsecret_token = "k7-window-snow"\n',
    ],
)
def test_whatever_logs_in_is_a_secret(here: Path, text: str) -> None:
    settings, file = settings_for(here), here / "config.toml"
    file.write_text(text, "utf-8")
    file.chmod(0o644)
    assert [row.subject for row in configuration.rows(settings, file)] == ["configuration", "secrets"]
    file.write_text("[[comfyui]]\n[moderation]\n", "utf-8")
    assert [row.subject for row in configuration.rows(settings, file)] == ["configuration"]


def test_two_names_for_one_server_are_warned_of(here: Path) -> None:
    servers_of_it = [{"name": name, "url": "http://gpu:8188"} for name in ("one", "two")]
    told = configuration.rows(settings_for(here, comfyui=servers_of_it), None)
    assert told[1].message.startswith("one and two are one address, http://gpu:8188")


def test_the_environment_is_named_and_its_values_are_not(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRBRUSH__DISCORD__TOKEN", "s3cr3t-token")
    told = configuration.rows(settings_for(here), None)[0].message
    assert "The environment adds FAIRBRUSH__DISCORD__TOKEN." in told
    assert "s3cr3t" not in told


async def test_little_room_on_the_disk_is_told_in_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=machine.LOW_DISK_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    row = await machine.disk(settings_for(tmp_path))
    assert row.status == "warning"
    assert "2.0 GB are free. That is little, below 2 GB" in row.message
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=machine.LOW_DISK_BYTES))
    assert (await machine.disk(settings_for(tmp_path))).status == "ok"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root")
async def test_a_data_directory_that_may_not_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    row = await machine.disk(settings_for(tmp_path))
    assert row.status == "problem"
    assert "Set data_dir to another folder." in row.message


async def test_a_data_directory_below_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = settings_for(tmp_path).model_copy(update={"data_dir": tmp_path / "file" / "data"})
    assert (await machine.disk(settings)).status == "problem"


@posix_only
def test_too_few_open_files_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    for soft, status in ((256, "warning"), (1024, "ok"), (resource.RLIM_INFINITY, "ok")):
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        row = machine.files()
        assert row is not None
        assert row.status == status


def test_the_time_zone_is_told_with_its_time(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, 15, 3, tzinfo=UTC)
    settings = settings_for(tmp_path, timezone="Asia/Tokyo")
    assert machine.zone(settings, now).message.startswith("Asia/Tokyo, where it is 00:03")
    rolling = settings_for(tmp_path, quota={"window": "rolling"})
    assert machine.zone(rolling, now).message.endswith("Quotas hold for the last 24 hours.")


# What is shown


def test_rows_are_grouped_and_counted() -> None:
    told = [
        Row("ok", "machine", "disk", "x"),
        Row("problem", "settings", "a", "x"),
        Row("warning", "servers", "b", "x"),
        Row("warning", "settings", "c", "x"),
    ]
    assert [row.subject for row in rows.in_order(told)] == ["a", "c", "b", "disk"]
    assert rows.counted(told) == "2 warnings, 1 problem"
    assert rows.counted(told[:1]) == ""


@posix_only
def test_a_terminal_gets_a_table_in_groups(here: Path) -> None:
    (here / "config.toml").write_text("[metrics]\nlisten = '127.0.0.1:0'\n[discord]\n", "utf-8")
    (here / "workflows").mkdir()
    (here / "workflows" / "a\x1b[31mred.json").write_text("{", "utf-8")
    code, written = at_terminal("check", cwd=here)
    assert code == 1
    headings = [heading for heading in rows.HEADINGS.values() if f"\x1b[1m{heading}\x1b[0m" in written]
    assert headings == list(rows.HEADINGS.values())
    assert "\x1b[31mred" not in written, "a file's name steers no terminal"
    # The folder's own name may be longer than the terminal is wide.
    plain = re.sub(r"\x1b\[[\d;]*m", "", written).replace(str(here), "here")
    assert max(map(len, plain.split("\r\n"))) <= 120
    last = written.strip().splitlines()[-1]
    assert "Look at: template a" in last
    assert "Discord.  1 warning, 2 problems." in last


def test_json_names_the_group(here: Path) -> None:
    told = [json.loads(line) for line in call("check", "--json").stdout.splitlines()]
    assert all(set(row) == {"status", "group", "subject", "message"} for row in told)
    groups = [row["group"] for row in told]
    assert groups == sorted(groups, key=list(rows.HEADINGS).index)
    assert list(here.iterdir()) == []
