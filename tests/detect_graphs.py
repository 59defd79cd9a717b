"""Small hand-made graphs for the tests of role detection."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.templates.catalogue import Catalogue
from bot.templates.detect import Detection, detect
from bot.templates.graph import parse_export
from bot.templates.roles import Role

CATALOGUE = Catalogue.from_object_info(
    json.loads((Path(__file__).parent / "data" / "detect" / "object_info.json").read_text(encoding="utf-8"))
)

Find = Callable[[Mapping[str, Any]], Detection]
Json = dict[str, Any]


def node(class_type: str, title: str = "", **inputs: Any) -> Json:
    """``node("VAEDecode", samples=["3", 0])``; ``__`` in a name stands for the dot of dotted inputs."""
    named = {name.replace("__", "."): value for name, value in inputs.items()}
    return {"class_type": class_type, "inputs": named, "_meta": {"title": title or class_type}}


TEXT_TO_IMAGE: Mapping[str, Json] = {
    "4": node("CheckpointLoaderSimple", ckpt_name="base.safetensors"),
    "6": node("CLIPTextEncode", text="a lighthouse", clip=["4", 1]),
    "7": node("CLIPTextEncode", text="blurry", clip=["4", 1]),
    "5": node("EmptyLatentImage", width=1024, height=768, batch_size=1),
    "3": node(
        "KSampler",
        seed=1,
        steps=20,
        cfg=7.0,
        sampler_name="euler",
        scheduler="normal",
        denoise=1.0,
        model=["4", 0],
        positive=["6", 0],
        negative=["7", 0],
        latent_image=["5", 0],
    ),
    "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
    "9": node("SaveImage", filename_prefix="x", images=["8", 0]),
}


def changed(*without: str, **replaced: Json) -> dict[str, Json]:
    """The basic graph with nodes replaced or added (``n5`` is node ``5``) and others left out."""
    graph = {key: copy.deepcopy(value) for key, value in TEXT_TO_IMAGE.items() if key not in without}
    graph.update({name.removeprefix("n").replace("_", ":"): value for name, value in replaced.items()})
    return graph


def sampler(**inputs: Any) -> Json:
    base = copy.deepcopy(TEXT_TO_IMAGE["3"])
    base["inputs"].update(inputs)
    return base


def finder(catalogue: Catalogue | None) -> Find:
    return lambda graph: detect(parse_export(graph), catalogue)


def places(found: Detection, role: Role) -> list[str]:
    return [str(place) for place in found.roles.get(role, ())]


def custom_sampling(g: Json, **more: Json) -> dict[str, Json]:
    return changed(
        "3",
        ng=g,
        nn=node("RandomNoise", noise_seed=7),
        nk=node("KSamplerSelect", sampler_name="euler"),
        ns=node("BasicScheduler", scheduler="simple", steps=20, denoise=1.0, model=["4", 0]),
        n3=node(
            "SamplerCustomAdvanced",
            noise=["n", 0],
            guider=["g", 0],
            sampler=["k", 0],
            sigmas=["s", 0],
            latent_image=["5", 0],
        ),
        **more,
    )
