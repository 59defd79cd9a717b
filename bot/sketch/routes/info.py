"""What the server is and has: catalogue, models, system, features."""

from __future__ import annotations

import platform
import sys
from typing import Any

from aiohttp import web

from bot.sketch.routes.base import PARTS
from bot.sketch.settings import EngineSettings

_MB = 1024 * 1024


def features(settings: EngineSettings) -> dict[str, Any]:
    """What the server can do, told on ``/features`` and to clients that tell theirs."""
    return {
        "supports_preview_metadata": True,
        "supports_model_type_tags": True,
        "max_upload_size": settings.max_upload_size,
        "extension": {"manager": {"supports_v4": True}},
        "node_replacements": True,
        "assets": False,
    }


async def get_features(request: web.Request) -> web.Response:
    return web.json_response(features(request.app[PARTS].settings))


async def get_object_info(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    return web.json_response(parts.registry.object_info(parts.folders))


async def get_object_info_class(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    node = parts.registry.get(request.match_info["node_class"])
    return web.json_response({} if node is None else {node.name: node.describe(parts.folders)})


async def get_system_stats(request: web.Request) -> web.Response:
    """One pretended GPU. What a loaded model holds is not counted: nothing is ever really held."""
    settings = request.app[PARTS].settings
    vram = int(settings.vram_mb * _MB)
    system = {
        "os": sys.platform,
        "ram_total": vram,
        "ram_free": vram,
        "comfyui_version": settings.version,
        "required_frontend_version": "",
        "installed_templates_version": "",
        "required_templates_version": "",
        "comfy_package_versions": [],
        "python_version": platform.python_version(),
        "pytorch_version": "none (sketch engine)",
        "embedded_python": False,
        "deploy_environment": "sketch",
        "argv": ["sketch"],
    }
    device = {
        "name": "sketch",
        "type": "cuda",
        "index": 0,
        "vram_total": vram,
        "vram_free": vram,
        "torch_vram_total": vram,
        "torch_vram_free": vram,
    }
    return web.json_response({"system": system, "devices": [device]})


async def get_models(request: web.Request) -> web.Response:
    return web.json_response(list(request.app[PARTS].folders.models))


async def get_model_folder(request: web.Request) -> web.Response:
    folders = request.app[PARTS].folders
    folder = request.match_info["folder"]
    if folder not in folders.models:
        return web.Response(status=404)
    return web.json_response(folders.model_files(folder))


async def get_embeddings(request: web.Request) -> web.Response:
    names = request.app[PARTS].folders.model_files("embeddings")
    return web.json_response([name.rsplit(".", 1)[0] for name in names])


async def get_model_metadata(request: web.Request) -> web.Response:
    files = request.app[PARTS].folders.model_files(request.match_info["folder"])
    name = request.query.get("filename", "")
    if name not in files or not name.endswith(".safetensors"):
        return web.Response(status=404)
    title = f"{name.rsplit('.', 1)[0]} (no weights: a style of the sketch engine)"
    return web.json_response({"modelspec.title": title, "format": "sketch"})


async def empty_object(_request: web.Request) -> web.Response:
    return web.json_response({})


async def empty_list(_request: web.Request) -> web.Response:
    return web.json_response([])


async def get_users(_request: web.Request) -> web.Response:
    return web.json_response({"storage": "server", "migrated": False})


async def no_assets(_request: web.Request) -> web.Response:
    error = {
        "code": "SERVICE_DISABLED",
        "message": "Assets system is disabled. Start the server with --enable-assets to use this feature.",
        "details": {},
    }
    return web.json_response({"error": error}, status=503)


async def front_page(_request: web.Request) -> web.Response:
    return web.Response(
        text="This is a sketch engine: it speaks ComfyUI's protocol and paints procedural pictures.\n"
    )


ROUTES = (
    web.get("/features", get_features),
    web.get("/object_info", get_object_info),
    web.get("/object_info/{node_class}", get_object_info_class),
    web.get("/system_stats", get_system_stats),
    web.get("/models", get_models),
    web.get("/models/{folder}", get_model_folder),
    web.get("/embeddings", get_embeddings),
    web.get("/view_metadata/{folder}", get_model_metadata),
    web.get("/extensions", empty_list),
    web.get("/settings", empty_object),
    web.get("/users", get_users),
    web.get("/workflow_templates", empty_object),
    web.get("/global_subgraphs", empty_object),
    web.get("/node_replacements", empty_object),
    web.get("/i18n", empty_object),
)

API_ONLY = (web.get("/assets", no_assets), web.get("/tags", no_assets))
