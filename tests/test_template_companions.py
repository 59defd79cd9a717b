"""A size or a file that a graph repeats elsewhere is written there too, though it is no place of its role."""

from __future__ import annotations

import json
import random

from bot.domain.ids import TemplateName
from bot.templates.build import read_template
from bot.templates.detect import detect
from bot.templates.graph import parse_export
from bot.templates.roles import Role
from bot.templates.sizes import Limits
from bot.templates.template import Template

EXPORT = {
    "1": {
        "class_type": "UNETLoader",
        "inputs": {"unet_name": "flux2.safetensors", "weight_dtype": "default"},
    },
    "2": {"class_type": "CLIPLoader", "inputs": {"clip_name": "m.safetensors", "type": "flux2"}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["2", 0]}},
    "4": {"class_type": "BasicGuider", "inputs": {"model": ["1", 0], "conditioning": ["3", 0]}},
    "5": {"class_type": "RandomNoise", "inputs": {"noise_seed": 5}},
    "6": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "7": {"class_type": "Flux2Scheduler", "inputs": {"steps": 20, "width": 1024, "height": 768}},
    "8": {
        "class_type": "EmptyFlux2LatentImage",
        "inputs": {"width": 1024, "height": 768, "batch_size": 1},
    },
    "9": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["5", 0],
            "guider": ["4", 0],
            "sampler": ["6", 0],
            "sigmas": ["7", 0],
            "latent_image": ["8", 0],
        },
    },
    "10": {"class_type": "VAELoader", "inputs": {"vae_name": "v.safetensors"}},
    "11": {"class_type": "VAEDecode", "inputs": {"samples": ["9", 0], "vae": ["10", 0]}},
    "12": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x", "images": ["11", 0]}},
}


def test_the_scheduler_is_no_place_of_the_size() -> None:
    found = detect(parse_export(EXPORT))
    assert [str(place) for place in found.roles[Role.WIDTH]] == ["8.width"]
    assert [str(place) for place in found.places[Role.WIDTH]] == ["8.width", "7.width"]


def test_the_scheduler_is_told_the_size_all_the_same() -> None:
    template = read_template(TemplateName("flux2"), json.dumps(EXPORT).encode(), None)
    assert isinstance(template, Template)
    values = template.resolve(
        {"prompt_text": "a hare", "size": "512x640"}, limits=Limits(), draw=random.Random(1).randint
    )
    graph = template.bind(values).to_api()
    for node in ("7", "8"):
        assert (graph[node]["inputs"]["width"], graph[node]["inputs"]["height"]) == (512, 640)
