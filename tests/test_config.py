"""Settings: the file, the environment, the built-in defaults, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.config import Listen, Settings, SettingsRefused, Tier, check_url, find_config, load_settings
from bot.config.overlay import Overlay
from bot.config.problems import Problem, dotted, explain, known_keys, secret_keys
from bot.domain.errors import ConfigError
from bot.domain.quota import Window

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config.example.toml"
TOKEN = "MTA5OTk.Zm9v.c2VjcmV0LXNlY3JldC1zZWNyZXQ"


def load(folder: Path, toml: str = "", **environ: str) -> Settings:
    (folder / "config.toml").write_text(toml, encoding="utf-8")
    return load_settings(folder / "config.toml", environ=environ, folder=Path("/nowhere"))


def refusal(folder: Path, toml: str = "", **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, toml, **environ)
    return str(caught.value).replace(str(folder / "config.toml"), "config.toml")


def test_built_in_defaults(tmp_path: Path) -> None:
    loaded = load_settings(None, environ={}, folder=tmp_path)
    assert loaded.data_dir == tmp_path / "data"
    assert loaded.workflows_dir.is_dir()
    assert (loaded.discord, loaded.telegram, loaded.comfyui) == (None, None, ())
    assert loaded.tiers == {"default": Tier()}
    assert loaded.tiers["default"].gpu_seconds_per_day is None
    assert loaded.web.listen is None


def test_find_config(tmp_path: Path) -> None:
    assert find_config(None, tmp_path) is None
    (tmp_path / "config.toml").touch()
    assert find_config(None, tmp_path) == tmp_path / "config.toml"
    (tmp_path / "other.toml").touch()
    assert find_config(Path("other.toml"), tmp_path) == tmp_path / "other.toml"
    with pytest.raises(ConfigError, match=r"no configuration file .*absent\.toml"):
        find_config(Path("absent.toml"), tmp_path)


def test_relative_paths_resolve_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "my flows").mkdir()
    loaded = load(tmp_path, 'data_dir = "kept"\nworkflows_dir = "my flows"')
    assert (loaded.data_dir, loaded.workflows_dir) == (tmp_path / "kept", tmp_path / "my flows")


def test_workflows_beside_the_file_come_before_the_shipped_ones(tmp_path: Path) -> None:
    assert load(tmp_path).workflows_dir != tmp_path / "workflows"
    (tmp_path / "workflows").mkdir()
    assert load(tmp_path).workflows_dir == tmp_path / "workflows"


def test_a_whole_file(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        f"""
        timezone = "Europe/Berlin"
        [discord]
        token = "{TOKEN}"
        guild_ids = [123456789012345678, "99"]
        gateway_url = "wss://gateway.example/ws"
        [telegram]
        token = "987:abc"
        allowed_chat_ids = [-1001234567890, "-5"]
        [telegram.webhook]
        url = "https://bot.example/hook"
        listen = "[::1]:8443"
        [[comfyui]]
        name = "big"
        url = "https://gpu.example:8443/comfy/"
        headers = {{ Authorization = "Bearer s3cret" }}
        [[comfyui]]
        [tiers.patron]
        weight = 3
        gpu_seconds_per_day = 0
        jobs_per_day = "unlimited"
        discord_role_ids = ["77"]
        user_ids = ["discord:123", "telegram:456"]
        [web]
        listen = "127.0.0.1:8765"
        [quota]
        window = "rolling"
        """,
    )
    assert loaded.quota.window is Window.ROLLING
    assert loaded.discord is not None
    assert loaded.discord.token.get_secret_value() == TOKEN
    assert loaded.discord.guild_ids == (123456789012345678, 99)
    assert loaded.telegram is not None
    assert loaded.telegram.allowed_chat_ids == (-1001234567890, -5)
    assert loaded.telegram.webhook is not None
    assert loaded.telegram.webhook.listen == Listen("::1", 8443)
    assert [server.url for server in loaded.comfyui] == [
        "https://gpu.example:8443/comfy",
        "http://127.0.0.1:8188",
    ]
    assert loaded.comfyui[0].plain_headers() == {"Authorization": "Bearer s3cret"}
    assert list(loaded.tiers) == ["default", "patron"]
    patron = loaded.tiers["patron"]
    assert (patron.weight, patron.gpu_seconds_per_day, patron.jobs_per_day) == (3.0, 0.0, None)
    assert patron.user_ids == ("discord:123", "telegram:456")
    assert loaded.web.listen == Listen("127.0.0.1", 8765)
    assert not any(secret in repr(loaded) + str(loaded) for secret in (TOKEN, "987:abc", "s3cret"))


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        '[queue]\nmax_waiting = 5\n[tiers.Patron]\nweight = 2\n[[comfyui]]\nname = "one"',
        FAIRBRUSH__QUEUE__MAX_WAITING="7",
        FAIRBRUSH__TIERS__PATRON__JOBS_PER_DAY="3",
        FAIRBRUSH__DISCORD__TOKEN=TOKEN,
        FAIRBRUSH__DISCORD__ADMIN_IDS="1, 2",
        FAIRBRUSH__COMFYUI__URL="http://gpu:1",
        FAIRBRUSH__COMFYUI__1__NAME="two",
        FAIRBRUSH__COMFYUI__1__HEADERS='{"X-Key": "k"}',
        FAIRBRUSH__MODERATION__BLOCKED_WORDS='["a, b"]',
        FAIRBRUSH__LANGUAGE="",
        FAIRBRUSH_CORPUS="unrelated",
    )
    assert loaded.queue.max_waiting == 7
    assert (loaded.tiers["Patron"].weight, loaded.tiers["Patron"].jobs_per_day) == (2.0, 3)
    assert loaded.discord is not None
    assert loaded.discord.admin_ids == (1, 2)
    assert [(server.name, server.url) for server in loaded.comfyui] == [
        ("one", "http://gpu:1"),
        ("two", "http://127.0.0.1:8188"),
    ]
    assert loaded.comfyui[1].plain_headers() == {"X-Key": "k"}
    assert loaded.moderation.blocked_words == ("a, b",)
    assert loaded.language == "en"


def test_environment_alone_names_a_server(tmp_path: Path) -> None:
    loaded = load_settings(None, environ={"FAIRBRUSH__COMFYUI__URL": "http://gpu:1/"}, folder=tmp_path)
    assert [server.url for server in loaded.comfyui] == ["http://gpu:1"]
    both = {"FAIRBRUSH__COMFYUI": '[{"name": "a"}]', "FAIRBRUSH__COMFYUI__0__URL": "http://gpu:2"}
    loaded = load_settings(None, environ=both, folder=tmp_path)
    assert [(server.name, server.url) for server in loaded.comfyui] == [("a", "http://gpu:2")]


def test_token_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{TOKEN}\n", encoding="utf-8")
    (tmp_path / "hook").write_text("\ufeffhookhook", encoding="utf-8")
    loaded = load(
        tmp_path,
        '[discord]\ntoken_file = "secret"\n[telegram.webhook]\nsecret_token_file = "hook"',
        FAIRBRUSH__TELEGRAM__TOKEN_FILE="secret",
    )
    assert loaded.discord is not None
    assert loaded.discord.token.get_secret_value() == TOKEN
    assert loaded.telegram is not None
    assert loaded.telegram.token.get_secret_value() == TOKEN
    assert loaded.telegram.webhook is not None
    assert loaded.telegram.webhook.secret_token.get_secret_value() == "hookhook"


@pytest.mark.parametrize(
    ("toml", "environ", "expected"),
    [
        ('token_file = "absent"', {"FAIRBRUSH__DISCORD__TOKEN": "abc.def"}, "abc.def"),
        ('token = "abc.def"', {"FAIRBRUSH__DISCORD__TOKEN_FILE": "secret"}, TOKEN),
    ],
)
def test_a_secret_of_the_environment_replaces_either_form_in_the_file(
    tmp_path: Path, toml: str, environ: dict[str, str], expected: str
) -> None:
    (tmp_path / "secret").write_text(TOKEN, encoding="utf-8")
    loaded = load(tmp_path, f"[discord]\n{toml}", **environ)
    assert loaded.discord is not None
    assert loaded.discord.token.get_secret_value() == expected


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (
            "[queue]\nmax_wating = 3",
            "config.toml: queue.max_wating: there is no such key. Did you mean max_w",
        ),
        ("[queu]\nmax_waiting = 3", "config.toml: queu: there is no such key. Did you mean queue?"),
        ("token = 'x'", "token: does not belong here. It is a key of each of [discord], [telegram], [web]."),
        ("url = 'x'", "url: does not belong here. It is a key of each of [[comfyui]], [telegram.webhook]."),
        ("[queue]\nheaders = {}", "queue.headers: does not belong here. It is a key of [[comfyui]]."),
        ("weight = 2", "weight: does not belong here. It is a key of [tiers.name]."),
        ("[queue]\ndata_dir = 'x'", "data_dir: does not belong here. Write it above the first [section]."),
        ("[discord]\ntokenfile = 'x'", "Did you mean token_file?"),
        ("[[comfyui]]\nzzzz = 1", "comfyui[0].zzzz: there is no such key. Known here: name, url, headers."),
        ("[tiers.patron]\nwieght = 3", "tiers.patron.wieght: there is no such key. Did you mean weight?"),
        ("[comfyui]\nurl = 'http://x'", "config.toml: comfyui: needs two brackets, [[comfyui]]"),
        ("[[queue]]", "config.toml: queue: must be a section of its own."),
        ("queue = 3", "config.toml: queue: must be a section of its own."),
        ("[tiers]\ndefault = 3", "tiers.default: must be a section of its own."),
        ("[queue]\nmax_waiting = 0", "queue.max_waiting: must be at least 1."),
        ("[queue]\nmax_waiting = 1.5", "queue.max_waiting: must be a whole number."),
        ("[queue]\nmax_waiting = 'many'", "queue.max_waiting: must be a whole number."),
        ("[queue]\nmax_waiting = true", "queue.max_waiting: must be a number, not true or false."),
        ("[discord]\npreviews = 1", "discord.previews: must be true or false."),
        ("[queue]\naffinity_slack = -1", "queue.affinity_slack: must be at least 0."),
        ("[queue]\njob_timeout = 0", "queue.job_timeout: must be more than 0."),
        ("[queue]\njob_timeout = inf", "queue.job_timeout: must be a finite number."),
        ("[tiers.default]\nweight = nan", "tiers.default.weight: must be "),
        ("[tiers.default]\nweight = 2000", "tiers.default.weight: must be at most 1000."),
        ("[tiers.default]\njobs_per_day = 'lots'", 'jobs_per_day: must be a number or "unlimited".'),
        ("[tiers.default]\njobs_per_day = 2.5", "jobs_per_day: must be a whole number."),
        ("[tiers.default]\ngpu_seconds_per_day = -1", "gpu_seconds_per_day: must be at least 0."),
        ("[tiers.default]\ngpu_seconds_per_day = 1e300", "gpu_seconds_per_day: must be at most 1000000000."),
        ("[tiers.default]\njobs_per_day = 99999999999999999999", "jobs_per_day: must be at most 1000000000."),
        ("[queue]\njob_timeout = 1e10", "queue.job_timeout: must be at most 1000000000."),
        ("[tiers.default]\nuser_ids = ['discord:1']", "tiers: the default tier is everyone's."),
        (
            "[tiers.a]\nuser_ids = [123]",
            'a.user_ids[0]: must name the platform and the id, like "discord:123"',
        ),
        ("[tiers.a]\ndiscord_role_ids = ['x']", "tiers.a.discord_role_ids[0]: must be an id: a number"),
        ("[discord]\nadmin_ids = [1.5]", "discord.admin_ids[0]: must be an id"),
        ("[discord]\nadmin_ids = [true]", "discord.admin_ids[0]: must be an id"),
        ("[discord]\nadmin_ids = [0]", "discord.admin_ids[0]: must be at least 1."),
        ("[discord]\nadmin_ids = 5", "discord.admin_ids: must be a list in [brackets]."),
        ("[moderation]\nnsfw = 'maybe'", "nsfw: must be 'allow', 'spoiler', 'nsfw-channels' or 'block'."),
        ("timezone = 'Europe/Berln'", "there is no time zone “Europe/Berln”. Did you mean Europe/Berlin?"),
        ("timezone = '../../etc/passwd'", "timezone: there is no time zone"),
        ("timezone = ''", "timezone: there is no time zone"),
        ("language = 'English!'", "language: must be the code of a language"),
        ("language = 'tlh'", "language: the bot does not speak tlh. It speaks en, zh-CN."),
        ("data_dir = ''", "data_dir: must be the path of a folder."),
        ("data_dir = 5", "data_dir: must be the path of a folder."),
        ("data_dir = 'config.toml'", "config.toml is not a folder."),
        ("workflows_dir = 'absent'", "workflows_dir: there is no folder "),
        ("[web]\nlisten = '8765'", 'web.listen: must be a host and a port, like "127.0.0.1:8765".'),
        ("[web]\nlisten = ':8765'", "web.listen: must be a host and a port"),
        ("[web]\nlisten = '127.0.0.1:70000'", "web.listen: must be a host and a port"),
        ("[metrics]\nlisten = 9464", "metrics.listen: must be a host and a port"),
        ("[[comfyui]]\n[[comfyui]]", "comfyui: two servers are named “local”."),
        ("[[comfyui]]\nname = 'my server'", "comfyui[0].name: must be a short name"),
        ("[[comfyui]]\nname = 5", "comfyui[0].name: must be text in quotes."),
        ("[[comfyui]]\nurl = 'localhost:8188'", "comfyui[0].url: must begin with http:// or https://."),
        ("[[comfyui]]\nurl = 'ws://x'", "comfyui[0].url: must begin with http:// or https://."),
        ("[[comfyui]]\nurl = 'http://'", "comfyui[0].url: is no address: the host is missing"),
        ("[[comfyui]]\nurl = 'http://x:99999'", "comfyui[0].url: is no address: its host or port"),
        ("[[comfyui]]\nurl = 'http://[::1'", "comfyui[0].url: is no address: its host or port"),
        ("[[comfyui]]\nurl = 'http://x y'", "comfyui[0].url: is no address: it holds a space"),
        ("[[comfyui]]\nurl = 'http://x/?token=1'", "comfyui[0].url: may hold no ? and no #"),
        ("[[comfyui]]\nheaders = { 'X Y' = 'a' }", "is no name of a header."),
        ("[[comfyui]]\nheaders = { X = 5 }", "comfyui[0].headers.X: must be text in quotes."),
        ('[[comfyui]]\nheaders = { X = "a\\nb" }', "comfyui[0].headers.X: may hold letters"),
        ("[discord]\ntoken = 5", "discord.token: must be text in quotes."),
        ("[discord]\ntoken = 'a b'", "discord.token: holds a space or a line break"),
        ("[discord]\ntoken = 'tökén'", "discord.token: holds a character that no token holds"),
        ("[discord]\ntoken_file = 'absent'", "discord.token_file: there is no file "),
        ("[discord]\ntoken_file = ''", "discord.token_file: must be the path of a file."),
        ("[discord]\ntoken_file = '.'", "discord.token_file: "),
        ("[discord]\ntoken = 'a.b'\ntoken_file = 'x'", "token_file: give token or token_file, not both."),
        ("[telegram.webhook]\nurl = 'http://x'", "telegram.webhook.url: must begin with https://."),
        ("[discord]\ngateway_url = 'https://x'", "discord.gateway_url: must begin with ws:// or wss://."),
        ("[queue]\nshutdown_seconds = -1", "queue.shutdown_seconds: must be at least 0."),
        ("[quota]\nwindow = 'week'", "quota.window: must be 'day' or 'rolling'."),
        ("[quota]\nwindow = 1", "quota.window: must be 'day' or 'rolling'."),
    ],
)
def test_refused_with_file_key_and_reason(tmp_path: Path, toml: str, says: str) -> None:
    assert says in refusal(tmp_path, toml)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("a = ", "line 1, column 4: the value is missing. Write one behind ="),
        ("a = # none\nb = 1", "line 1, column 5: the value is missing."),
        ("data_dir = data\n", 'line 1, column 12: this is no value. Text belongs in quotes: "text".'),
        ("[[comfyui]]\nurl = http://x", "line 2, column 7: this is no value."),
        ("a = “x”", "line 1, column 5: these quotes are for letters. Write straight ones"),
        ("a = True", "line 1, column 5: true and false are written in small letters"),
        ("a = 1,5", "line 1, column 6: decimals come after a point: 1.5."),
        ("a = [1,\n\n", "line 1, column 8: the file ends inside a list. Close it with ]."),
        ("a = [1 2]", "line 1, column 8: a list lacks a comma between two values, or its ]."),
        ("a = {x = 1\n", "line 1, column 11: a table lacks a comma between two values, or its } on the same"),
        ("[queue]\n[queue]", "line 2, column 7: this name was given before."),
        ("a = 1\na = 2\nb = 3", "line 2, column 6: this name was given before."),
        ("a = {x = 1, x = 2}", "column 18: this name was given before."),
        ("[queue", "line 1, column 7: the name of a section is not closed."),
        ("[[comfyui]", "line 1, column 10: the name of a section is not closed."),
        ("a = 'x", "line 1, column 7: a text is not closed. Its second quote is missing."),
        ("a = 'x\nb = 1", "line 1, column 7: a text is not closed."),
        ('a = "x\nb = 1', "line 1, column 7: a text is not closed."),
        ("a = '''x\ny", "line 2, column 2: a text is not closed."),
        ('a = "C:\\data"', "a backslash in double quotes begins a special character. Put paths in single"),
        ('a = "C:\\Users"', "a backslash in double quotes"),
        ("a : 1", "line 1, column 3: behind the name of a setting come = and its value"),
        ("a = 1 b = 2", "line 1, column 7: there is more on this line than one setting."),
        ("a = 'it's'", "there is more on this line than one setting."),
        ("= 3", "line 1, column 1: this is neither a setting (name = value) nor a [section]"),
        ("\ufeff\ufeffa = 1", "this is neither a setting"),
        ("a = '\x01'", "here stands a character that cannot be seen."),
        ("a = 2024-02-31", "there is no such date."),
        ("a = " + "[" * 5000, "cannot be read as TOML."),
        ("a = " + "9" * 5000, "cannot be read as TOML."),
    ],
)
def test_a_file_that_is_no_toml_is_refused_with_the_place_and_plain_words(
    tmp_path: Path, toml: str, says: str
) -> None:
    said = refusal(tmp_path, toml)
    assert says in said
    assert re.match(r"config\.toml, line \d+, column \d+: ", said)


@given(st.text(alphabet="a1= \n[]{}'\"\\.,#“é", max_size=40))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_or_refused_at_a_place_that_exists(tmp_path: Path, text: str) -> None:
    try:
        load(tmp_path, text)
    except SettingsRefused:
        return
    except ConfigError as error:
        place = re.search(r"config\.toml, line (\d+), column (\d+): ", str(error))
        assert place is not None
        lines = text.split("\n")
        assert int(place[1]) <= len(lines)
        assert int(place[2]) <= len(lines[int(place[1]) - 1]) + 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("QUEUE__MAX_WAITING", "x", "must be a whole number."),
        ("QUEU__MAX_WAITING", "3", "there is no such key. Did you mean queue?"),
        ("QUEUE__MAXWAITING", "3", "there is no such key. Did you mean max_waiting?"),
        ("LANGUAGE__X", "3", "leads into language, which is no section."),
        ("COMFYUI__5__URL", "http://x", "names no key of a server, or one that is not there."),
        ("COMFYUI__0", "{}", "names no key of a server"),
        ("COMFYUI", "http://x", "must be a list"),
        ("COMFYUI__URL", "x", "must begin with http:// or https://."),
        ("TIERS__A__WEIGHT", "0", "must be more than 0."),
        ("DISCORD__TOKEN_FILE", "nope", "there is no file"),
        ("", "x", "there is no such key."),
        ("__", "x", "there is no such key."),
    ],
)
def test_refusals_name_the_variable(tmp_path: Path, name: str, value: str, says: str) -> None:
    said = refusal(tmp_path, 'language = "en"', **{f"FAIRBRUSH__{name}": value})
    assert f"environment: FAIRBRUSH__{name}: {says}" in said


def test_both_forms_of_a_secret_in_the_environment_conflict(tmp_path: Path) -> None:
    both = {"FAIRBRUSH__DISCORD__TOKEN_FILE": "x", "FAIRBRUSH__DISCORD__TOKEN": "a.b"}
    assert "give token or token_file, not both" in refusal(tmp_path, "", **both)


def test_all_problems_at_once(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("langage = 'en'\n[queue]\nmax_waiting = 0\n[web]\nlisten = 'x'\n")
    with pytest.raises(SettingsRefused) as caught:
        load_settings(tmp_path / "config.toml", environ={"FAIRBRUSH__TIMEZONE": "Mars/Base"}, folder=tmp_path)
    assert {problem.key for problem in caught.value.problems} == {
        "langage",
        "queue.max_waiting",
        "web.listen",
        "FAIRBRUSH__TIMEZONE",
    }
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    "placeholder",
    [
        "your-token-here",
        "YOUR_BOT_TOKEN",
        "changeme",
        "change-me",
        "<token>",
        "<paste your token>",
        "xxxxxxxx",
        "replace this",
        "...",
        "example",
        "insert token here",
        "123456:ABC-DEF1234ghIkl",
    ],
)
def test_secrets_of_examples_are_refused(tmp_path: Path, placeholder: str) -> None:
    for toml in (
        f"[discord]\ntoken = '{placeholder}'",
        f"[telegram.webhook]\nsecret_token = '{placeholder}'",
    ):
        assert "is the text of an example, not a secret" in refusal(tmp_path, toml)
    (tmp_path / "secret").write_text(placeholder, encoding="utf-8")
    toml = "[discord]\ntoken_file = 'secret'"
    assert "discord.token_file: is the text of an example" in refusal(tmp_path, toml)


def test_example_headers_are_refused(tmp_path: Path) -> None:
    for value in ("Bearer your-token-here", "Bearer ...", "changeme"):
        toml = f"[[comfyui]]\nheaders = {{ Authorization = '{value}' }}"
        assert "headers.Authorization: is the text of an example" in refusal(tmp_path, toml)
    assert load(tmp_path, "[[comfyui]]\nheaders = { X-Client = 'discord-bot' }").comfyui


@pytest.mark.parametrize(
    "toml",
    [
        "[discord]\ntoken = '{secret} x'",
        "[discord]\ntoken = ['{secret}']",
        "[discord]\ntoken = 'é{secret}'",
        "[discord]\ntokn = '{secret}'",
        "[discord]\ntoken = '{secret}'\n[queue]\nmax_waiting = 0",
        "[[comfyui]]\nurl = 'http://user:{secret}@host:8188'",
        "[[comfyui]]\nurl = 'http://host/?token={secret}'",
        '[[comfyui]]\nheaders = {{ Authorization = "Bearer {secret}\\u0000" }}',
        "[[comfyui]]\nheaders = {{ Authorization = ['{secret}'] }}",
        "[[comfyui]]\nheaders = 'Bearer {secret}'",
        "[telegram.webhook]\nurl = 'https://me:{secret}@host'",
        "discord = '{secret}'",
        "[discord]\ntoken = '{secret}",
    ],
)
def test_no_secret_in_any_message(tmp_path: Path, toml: str) -> None:
    secret = "s3cr3ts3cr3t"
    assert secret not in refusal(tmp_path, toml.format(secret=secret))


def test_credentials_in_an_address_are_refused_with_what_to_do(tmp_path: Path) -> None:
    said = refusal(tmp_path, "[[comfyui]]\nurl = 'http://user:pw@host:8188'")
    assert 'send them as a header: headers = { Authorization = "Basic …" }' in said


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"language = '\xe9'"])
def test_a_file_that_is_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.toml").write_bytes(content)
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_settings(tmp_path / "config.toml", environ={}, folder=tmp_path)


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbflanguage = 'zh-CN'\r\n")
    assert load_settings(tmp_path / "config.toml", environ={}, folder=tmp_path).language == "zh-CN"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    config = find_config(None, tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(config, environ={}, folder=tmp_path)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://host:8188/", "http://host:8188"),
        (" https://host/comfy/ ", "https://host/comfy"),
        ("http://[::1]:8188", "http://[::1]:8188"),
    ],
)
def test_check_url(address: str, expected: str) -> None:
    assert check_url(address) == expected


@pytest.mark.parametrize(
    "address", ["", "host", "host:8188", "http://u:p@host", "http://host?x", "http://host:0"]
)
def test_check_url_refuses(address: str) -> None:
    with pytest.raises(ConfigError, match="The ComfyUI address "):
        check_url(address)


def example(*, switched_on: bool) -> str:
    text = EXAMPLE.read_text(encoding="utf-8")
    return re.sub(r"(?m)^#(?=[\[\w])", "", text) if switched_on else text


def flat(data: dict[str, Any], prefix: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and not key.endswith("headers"):
            found |= flat(value, (*prefix, key))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            found |= flat(value[0], (*prefix, key, "*"))
        else:
            found[(*prefix, key)] = value
    return found


def test_the_example_is_a_working_configuration(tmp_path: Path) -> None:
    loaded = load(tmp_path, example(switched_on=False))
    assert loaded == load(tmp_path, "")


def test_the_example_names_every_key() -> None:
    named = {
        ("tiers", "*", key[2]) if key[0] == "tiers" else key
        for key in flat(tomllib.loads(example(switched_on=True)))
    }
    assert named == set(known_keys())
    for key in secret_keys():
        assert f"{key[-1]}_file =" in example(switched_on=False)


def test_the_values_of_the_example_are_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    examples: Any = {"tiers": {"patron"}, "moderation": {"places"}}
    loaded = load(tmp_path, example(switched_on=True)).model_dump(exclude=examples)
    bare = load(tmp_path, "[discord]\n[telegram.webhook]\n[[comfyui]]\n[tiers.patron]")
    assert loaded == bare.model_dump(exclude=examples)
    patron = tomllib.loads(example(switched_on=True))["tiers"]["patron"]
    assert patron == {"weight": 3.0, "discord_role_ids": [], "user_ids": []}


def test_every_key_of_the_example_says_what_it_is_for() -> None:
    lines = example(switched_on=False).splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if re.match(r"#?\w+ =", line) and not line.startswith("#weight"):
            assert before.startswith("# "), line


def test_known_keys_are_those_of_the_interface() -> None:
    keys = {dotted(key) for key in known_keys()}
    assert {"data_dir", "discord.token", "telegram.webhook.secret_token", "comfyui.*.headers"} <= keys
    assert {"tiers.*.gpu_seconds_per_day", "queue.affinity_slack", "retention.pictures_days"} <= keys
    assert {"quota.window", "queue.shutdown_seconds"} <= keys
    assert {"discord.previews", "telegram.previews", "telegram.group_admins"} <= keys
    assert len(keys) == 59


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_anything = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
_names = st.sampled_from(
    [dotted(key).upper().replace(".*", "__0").replace(".", "__") for key in known_keys()]
)


@given(st.dictionaries(_names | st.text(max_size=12), st.text(max_size=30), max_size=4))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_environment_is_read_or_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    prefixed = {f"FAIRBRUSH__{name}": value for name, value in environ.items()}
    try:
        load_settings(None, environ=prefixed, folder=tmp_path)
    except SettingsRefused as error:
        places = [(problem.source, problem.key.startswith("FAIRBRUSH__")) for problem in error.problems]
        assert set(places) == {("environment", True)}


@pytest.mark.parametrize("path", ["x" * 5000, "~nobody-of-this-name/x", "x/" * 3000])
def test_paths_that_no_system_takes(tmp_path: Path, path: str) -> None:
    assert "workflows_dir: " in refusal(tmp_path, f"workflows_dir = '{path}'")
    assert "discord.token_file: " in refusal(tmp_path, f"[discord]\ntoken_file = '{path}'")
    with pytest.raises(ConfigError):
        find_config(Path(path), tmp_path)


@given(
    st.dictionaries(
        st.sampled_from(sorted(Settings.model_fields)) | st.text(max_size=8), _anything, max_size=4
    )
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_is_read_or_refused(tmp_path: Path, data: dict[str, Any]) -> None:
    overlay = Overlay(data, "config.toml")
    overlay.read_secret_files(tmp_path)
    data |= {"data_dir": "data", "workflows_dir": "."}
    try:
        Settings.model_validate(data, context={"folder": tmp_path})
    except ValidationError as error:
        for detail in error.errors():
            assert str(Problem(*overlay.origin(detail["loc"]), explain(detail)).text).endswith((".", "?"))


def test_flags_and_errors_do_not_import_pydantic() -> None:
    code = "import sys, bot.presentation.flags, bot.domain.errors; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
