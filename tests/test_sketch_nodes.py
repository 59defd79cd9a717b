"""What the nodes compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bot.sketch.files import Folders
from bot.sketch.models import SKETCH_MODELS
from bot.sketch.noderun import Gpu, NodeRun, Preview, Signals
from bot.sketch.nodes.declare import Shown
from bot.sketch.nodes.painting_run import member_seed
from bot.sketch.nodes.values import (
    Clip,
    Conditioning,
    Guider,
    Images,
    Latent,
    Model,
    Noise,
    Sampler,
    Sigmas,
    UpscaleModel,
    Vae,
)
from bot.sketch.registry import Registry, core_nodes
from bot.sketch.settings import EngineSettings
from bot.sketch.vram import OutOfMemory

REGISTRY = Registry(core_nodes())
VAE = Vae("v")


class Log:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, float]] = []
        self.previews: list[Preview] = []
        self.texts: list[str] = []

    def step(self, _node_id: str, value: float, maximum: float, preview: Preview | None) -> None:
        self.steps.append((value, maximum))
        if preview is not None:
            self.previews.append(preview)

    def text(self, _node_id: str, text: str) -> None:
        self.texts.append(text)


class Bench:
    """Runs single nodes."""

    def __init__(self, root: Path, settings: EngineSettings | None = None) -> None:
        self.folders = Folders(root, SKETCH_MODELS)
        self.folders.prepare()
        self.log = Log()
        self.settings = settings or EngineSettings()
        self.signals = Signals()
        self.gpu = Gpu()
        self.previews = False

    def run(self) -> NodeRun:
        return NodeRun(
            "1", {}, {}, self.previews, self.folders, self.settings, self.signals, self.log, self.gpu
        )

    def __call__(self, name: str, **inputs: Any) -> Any:
        """The outputs of one node; a single output by itself."""
        made = REGISTRY[name].execute(self.run(), **inputs)
        values = made.values if isinstance(made, Shown) else made
        return values[0] if len(values) == 1 else values


@pytest.fixture
def do(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def gradient(width: int, height: int, batch: int = 1) -> Images:
    """Red rises to the right, green downwards, blue with the place in the batch."""
    image = np.zeros((batch, height, width, 3), dtype=np.float32)
    image[..., 0] = np.linspace(0, 1, width, dtype=np.float32)
    image[..., 1] = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    image[..., 2] = np.linspace(0, 1, batch, dtype=np.float32)[:, None, None]
    return image


# Pictures


def test_empty_image_has_its_colour(do: Bench) -> None:
    image = do("EmptyImage", width=3, height=2, batch_size=2, color=0xFF8000)
    assert image.shape == (2, 2, 3, 3)
    assert image[1, 1, 2].tolist() == pytest.approx([1.0, 128 / 255, 0.0])


def test_invert_and_batch(do: Bench) -> None:
    a, b = gradient(8, 4), gradient(16, 16)
    assert do("ImageInvert", image=a)[0, 0, 0].tolist() == [1.0, 1.0, 1.0]
    joined = do("ImageBatch", image1=a, image2=b)
    assert joined.shape == (2, 4, 8, 3)
    assert np.array_equal(joined[0], a[0])


@pytest.mark.parametrize(
    ("asked", "expected"),
    [((4, 2, 3, 1), (4, 2)), ((100, 100, 6, 5), (2, 1)), ((5, 5, 100, 100), (1, 1))],
)
def test_crop_stays_within_the_picture(
    do: Bench, asked: tuple[int, int, int, int], expected: tuple[int, int]
) -> None:
    width, height, x, y = asked
    cut = do("ImageCrop", image=gradient(8, 6), width=width, height=height, x=x, y=y)
    assert cut.shape == (1, expected[1], expected[0], 3)


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"])
def test_every_scale_method_keeps_the_picture(do: Bench, method: str) -> None:
    scaled = do(
        "ImageScale", image=gradient(32, 16), upscale_method=method, width=16, height=8, crop="disabled"
    )
    assert scaled.shape == (1, 8, 16, 3)
    assert np.abs(scaled - gradient(16, 8)).max() < 0.08
    assert 0 <= scaled.min() <= scaled.max() <= 1


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(0, 8, (16, 8)), (64, 0, (64, 32)), (0, 0, (32, 16)), (10, 10, (10, 10))],
)
def test_a_side_of_zero_follows_the_other(
    do: Bench, width: int, height: int, expected: tuple[int, int]
) -> None:
    scaled = do(
        "ImageScale",
        image=gradient(32, 16),
        upscale_method="area",
        width=width,
        height=height,
        crop="disabled",
    )
    assert scaled.shape[2:0:-1] == expected


def test_centre_crop_keeps_the_middle(do: Bench) -> None:
    scaled = do(
        "ImageScale", image=gradient(32, 16), upscale_method="area", width=16, height=16, crop="center"
    )
    assert 0.2 < scaled[..., 0].min() < 0.3
    assert 0.7 < scaled[..., 0].max() < 0.8


@pytest.mark.parametrize(("megapixels", "steps"), [(1.0, 1), (0.01, 16), (0.25, 64)])
def test_scale_to_total_pixels(do: Bench, megapixels: float, steps: int) -> None:
    scaled = do(
        "ImageScaleToTotalPixels",
        image=gradient(40, 20),
        upscale_method="bilinear",
        megapixels=megapixels,
        resolution_steps=steps,
    )
    height, width = scaled.shape[1:3]
    assert width % steps == height % steps == 0
    assert width * height == pytest.approx(megapixels * 2**20, rel=0.35)


def test_scale_by_and_size(do: Bench) -> None:
    scaled = do("ImageScaleBy", image=gradient(8, 4, 3), upscale_method="bicubic", scale_by=1.5)
    assert do("GetImageSize", image=scaled) == (12, 6, 3)
    assert do.log.texts == ["width: 12, height: 6\n batch size: 3"]


@pytest.mark.parametrize(
    ("name", "factor"),
    [("sketch-2x.pth", 2), ("4x-UltraSharp.pth", 4), ("RealESRGAN_x8.pth", 8), ("a.pth", 4)],
)
def test_the_upscale_factor_is_in_the_name(do: Bench, name: str, factor: float) -> None:
    model = do("UpscaleModelLoader", model_name=name)
    assert model == UpscaleModel(name, factor)
    enlarged = do("ImageUpscaleWithModel", upscale_model=model, image=gradient(8, 4, 2))
    assert enlarged.shape == (2, 4 * factor, 8 * factor, 3)
    assert do.log.steps == [(1, 2), (2, 2)]


# Files


def test_load_image_reads_picture_and_transparency(do: Bench) -> None:
    Image.new("RGBA", (4, 3), (255, 0, 51, 64)).save(do.folders.input / "a.png")
    image, mask = do("LoadImage", image="a.png")
    assert image.shape == (1, 3, 4, 3)
    assert image[0, 0, 0].tolist() == pytest.approx([1, 0, 0.2])
    assert mask.shape == (1, 3, 4)
    assert mask[0, 0, 0] == pytest.approx(1 - 64 / 255)
    assert do("LoadImageMask", image="a.png", channel="blue")[0, 0, 0] == pytest.approx(0.2)
    assert do("LoadImageMask", image="a.png", channel="alpha")[0, 0, 0] == pytest.approx(1 - 64 / 255)


def test_load_image_without_transparency_has_an_empty_mask(do: Bench) -> None:
    Image.new("L", (4, 3), 255).save(do.folders.output / "g.png")
    image, mask = do("LoadImage", image="g.png [output]")
    assert image.min() == 1
    assert (mask.shape, mask.max()) == ((1, 64, 64), 0)
    assert do("LoadImageMask", image="g.png [output]", channel="alpha").max() == 0


def test_load_image_turns_photographs_upright_and_reads_every_frame(do: Bench) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 2)).save(do.folders.input / "r.jpg", exif=exif)
    assert do("LoadImage", image="r.jpg")[0].shape == (1, 6, 2, 3)
    frames = [Image.new("RGB", (5, 5), (shade, 0, 0)) for shade in (0, 100, 200)]
    frames[0].save(do.folders.input / "f.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert do("LoadImage", image="f.webp")[0][:, 0, 0, 0].tolist() == pytest.approx([0, 100 / 255, 200 / 255])


def test_a_huge_input_picture_is_out_of_memory_before_it_is_read(tmp_path: Path) -> None:
    do = Bench(tmp_path, EngineSettings(vram_mb=1))
    Image.new("1", (400, 400)).save(do.folders.input / "big.png")
    with pytest.raises(OutOfMemory):
        do("LoadImage", image="big.png")


# Values


def test_primitives_and_text(do: Bench) -> None:
    assert do("PrimitiveInt", value=5) == 5
    assert do("StringConcatenate", string_a="a", string_b="b", delimiter=", ") == "a, b"
    for source, shown in (
        (None, "None"),
        (5, "5"),
        (True, "True"),
        ({"a": 1}, '{\n    "a": 1\n}'),
        (VAE, str(VAE)),
    ):
        made = REGISTRY["PreviewAny"].execute(do.run(), source=source)
        assert isinstance(made, Shown)
        assert made.ui == {"text": [shown]}


def test_conditioning(do: Bench) -> None:
    a = do("CLIPTextEncode", text="a cat", clip=Clip(("c",)))
    b = do("CLIPTextEncodeFlux", clip=Clip(("c",)), clip_l="b", t5xxl="b", guidance=2.5)
    assert (a, b) == (Conditioning("a cat"), Conditioning("b", 2.5))
    assert do("ConditioningCombine", conditioning_1=a, conditioning_2=b) == Conditioning("a cat, b")
    assert do("ConditioningConcat", conditioning_to=b, conditioning_from=a) == Conditioning("b, a cat", 2.5)
    assert do("ConditioningZeroOut", conditioning=b) == Conditioning("", 2.5)
    assert do("FluxGuidance", conditioning=a, guidance=4.0).guidance == 4.0


def test_loras_add_up_and_those_without_strength_do_not_count(do: Bench) -> None:
    model, clip = do(
        "LoraLoader",
        model=Model("m"),
        clip=Clip(("c",)),
        lora_name="l",
        strength_model=0.5,
        strength_clip=0.0,
    )
    assert (model, clip) == (Model("m", (("l", 0.5),)), Clip(("c",)))
    both = do("LoraLoaderModelOnly", model=model, lora_name="k", strength_model=-1.0)
    assert both.loras == (("l", 0.5), ("k", -1.0))
    assert do("LoraLoaderModelOnly", model=model, lora_name="k", strength_model=0.0) is model


# Latents


def test_sizes_are_rounded_down_to_what_latents_can_have(do: Bench) -> None:
    assert do("EmptyLatentImage", width=65, height=79, batch_size=1).width == 64
    assert do("EmptyFlux2LatentImage", width=72, height=72, batch_size=1).height == 64
    encoded = do("VAEEncode", pixels=gradient(21, 13), vae=VAE)
    assert (encoded.width, encoded.height) == (16, 8)


def test_an_empty_latent_decodes_to_grey(do: Bench) -> None:
    image = do("VAEDecode", samples=Latent.empty(16, 8, 2), vae=VAE)
    assert image.shape == (2, 8, 16, 3)
    assert set(image.ravel().tolist()) == {0.5}


def test_encode_and_decode_bring_the_picture_back(do: Bench) -> None:
    picture = gradient(16, 8, 2)
    latent = do("VAEEncode", pixels=picture, vae=VAE)
    tiles = {"tile_size": 512, "overlap": 64, "temporal_size": 64, "temporal_overlap": 8}
    assert np.array_equal(do("VAEDecodeTiled", samples=latent, vae=VAE, **tiles), picture)


def test_latents_are_scaled(do: Bench) -> None:
    latent = do("VAEEncode", pixels=gradient(64, 32), vae=VAE)
    by = do("LatentUpscaleBy", samples=latent, upscale_method="bislerp", scale_by=1.5)
    assert (by.width, by.height) == (96, 48)
    to = do("LatentUpscale", samples=latent, upscale_method="area", width=0, height=128, crop="disabled")
    assert (to.width, to.height, to.pictures[0].shape) == (256, 128, (128, 256, 3))
    same = do("LatentUpscale", samples=latent, upscale_method="area", width=0, height=0, crop="disabled")
    assert same is latent
    small = do("LatentUpscale", samples=latent, upscale_method="area", width=8, height=8, crop="center")
    assert (small.width, small.height) == (64, 64)


def test_repeated_latents_get_noise_of_their_own(do: Bench) -> None:
    repeated = do("RepeatLatentBatch", samples=Latent.empty(8, 8, 2), amount=3)
    assert repeated.batch_index == (0, 1, 2, 3, 4, 5)
    assert member_seed(7, 0) == 7
    assert len({member_seed(7, index) for index in range(6)} | {member_seed(8, 1)}) == 7


def test_inpainting_greys_what_is_masked_and_paints_a_little_more(do: Bench) -> None:
    mask = np.zeros((1, 32, 32), dtype=np.float32)
    mask[:, 8:16, 8:16] = 1
    latent = do(
        "VAEEncodeForInpaint", pixels=np.ones((1, 32, 32, 3), np.float32), vae=VAE, mask=mask, grow_mask_by=6
    )
    assert latent.pictures[0][10, 10].tolist() == [0.5, 0.5, 0.5]
    assert latent.pictures[0][0, 0].tolist() == [1, 1, 1]
    assert (latent.mask.sum(), mask.sum()) == (14 * 14, 8 * 8)


# Sampling

SIGMAS = Sigmas("normal", 6, 0, 6, 1.0)


def test_schedules_are_split(do: Bench) -> None:
    made = do("BasicScheduler", model=Model("m"), scheduler="normal", steps=6, denoise=1.0)
    assert made == SIGMAS
    high, low = do("SplitSigmas", sigmas=made, step=4)
    assert (len(high), len(low), low.first) == (4, 2, 4)
    assert [len(part) for part in do("SplitSigmas", sigmas=low, step=9)] == [2, 0]
    assert len(do("BasicScheduler", model=Model("m"), scheduler="normal", steps=6, denoise=0.0)) == 0


def ksampler(do: Bench, latent: Latent, **changes: Any) -> Latent:
    inputs = {
        "model": Model("sketch-xl.safetensors"),
        "seed": 3,
        "steps": 4,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "positive": Conditioning("a lighthouse at dusk"),
        "negative": Conditioning(""),
        "latent_image": latent,
        "denoise": 1.0,
    }
    made: Latent = do("KSampler", **(inputs | changes))
    return made


def first(latent: Latent) -> Any:
    return latent.pictures[0]


def test_sampling_reports_every_step_and_fills_the_latent(do: Bench) -> None:
    painted = ksampler(do, Latent.empty(64, 48, 2))
    assert do.log.steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert do.log.previews == []
    assert [picture.shape for picture in painted.pictures if picture is not None] == [(48, 64, 3)] * 2
    assert not np.array_equal(first(painted), painted.pictures[1])


def test_previews_are_jpegs_of_the_preview_size(do: Bench) -> None:
    do.previews = True
    ksampler(do, Latent.empty(64, 32, 2))
    assert len(do.log.previews) == 4
    assert all(p.format == "JPEG" and p.data.startswith(b"\xff\xd8") for p in do.log.previews)


CHANGES: dict[str, dict[str, Any]] = {
    "words": {"positive": Conditioning("a forest in winter")},
    "negative": {"negative": Conditioning("dark, lighthouse")},
    "seed": {"seed": 4},
    "model": {"model": Model("sketch-ink.safetensors")},
    "lora": {"model": Model("sketch-xl.safetensors", (("sketch-dusk.safetensors", 1.0),))},
    "size": {"latent_image": Latent.empty(96, 64, 1)},
    "steps": {"steps": 12},
    "cfg": {"cfg": 2.0},
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_picture_depends_on(do: Bench, change: str) -> None:
    plain = first(ksampler(do, Latent.empty(64, 64, 1)))
    assert np.array_equal(plain, first(ksampler(do, Latent.empty(64, 64, 1))))
    other = first(ksampler(do, Latent.empty(64, 64, 1), **CHANGES[change]))
    assert other.shape != plain.shape or not np.array_equal(other, plain)


def test_denoise_keeps_part_of_the_input(do: Bench) -> None:
    base = do("VAEEncode", pixels=gradient(64, 64), vae=VAE)
    distances = [
        float(np.abs(first(ksampler(do, base, denoise=denoise)) - first(base)).mean())
        for denoise in (0.0, 0.2, 0.6, 1.0)
    ]
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert distances[1] < distances[3] / 2


def test_a_mask_protects_what_it_does_not_cover(do: Bench) -> None:
    base = do("VAEEncode", pixels=gradient(64, 64), vae=VAE)
    mask = np.zeros((1, 64, 64), dtype=np.float32)
    mask[:, :, 32:] = 1
    painted = first(ksampler(do, do("SetLatentNoiseMask", samples=base, mask=mask)))
    assert np.array_equal(painted[:, :32], first(base)[:, :32])
    assert not np.array_equal(painted[:, 32:], first(base)[:, 32:])


def test_two_stages_share_one_picture(do: Bench) -> None:
    common = {
        "model": Model("sketch-xl.safetensors"),
        "steps": 6,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "positive": Conditioning("a lighthouse at dusk"),
        "negative": Conditioning(""),
    }
    half = do(
        "KSamplerAdvanced",
        **common,
        add_noise="enable",
        noise_seed=3,
        latent_image=Latent.empty(64, 64, 1),
        start_at_step=0,
        end_at_step=3,
        return_with_leftover_noise="enable",
    )
    whole = do(
        "KSamplerAdvanced",
        **common,
        add_noise="disable",
        noise_seed=0,
        latent_image=half,
        start_at_step=3,
        end_at_step=10000,
        return_with_leftover_noise="disable",
    )
    at_once = first(ksampler(do, Latent.empty(64, 64, 1), steps=6))
    assert do.log.steps[:6] == [(1, 3), (2, 3), (3, 3)] * 2
    assert np.abs(first(whole) - at_once).mean() < np.abs(first(half) - at_once).mean() / 2


def test_the_parts_of_a_sampler_make_the_same_picture(do: Bench) -> None:
    model, words, none = Model("sketch-xl.safetensors"), Conditioning("a lighthouse"), Conditioning("")
    guider = do("CFGGuider", model=model, positive=words, negative=none, cfg=7.0)
    assert guider == Guider(model, words, none, 7.0)
    assert do("BasicGuider", model=model, conditioning=words).cfg == 1.0
    noise, sampler = do("RandomNoise", noise_seed=3), do("KSamplerSelect", sampler_name="euler")
    assert (noise, do("DisableNoise"), sampler) == (Noise(3), Noise(None), Sampler("euler"))
    apart, _ = do(
        "SamplerCustomAdvanced",
        noise=noise,
        guider=guider,
        sampler=sampler,
        sigmas=SIGMAS,
        latent_image=Latent.empty(64, 64, 1),
    )
    custom, _ = do(
        "SamplerCustom",
        model=model,
        add_noise=True,
        noise_seed=3,
        cfg=7.0,
        positive=words,
        negative=none,
        sampler=sampler,
        sigmas=SIGMAS,
        latent_image=Latent.empty(64, 64, 1),
    )
    plain = ksampler(do, Latent.empty(64, 64, 1), steps=6, positive=words)
    assert np.array_equal(first(apart), first(plain))
    assert np.array_equal(first(custom), first(plain))


# Time and memory


@pytest.mark.parametrize(
    ("side", "batch", "fits"), [(1024, 6, True), (1024, 7, False), (2504, 1, True), (2600, 1, False)]
)
def test_memory_is_as_documented(tmp_path: Path, side: int, batch: int, fits: bool) -> None:
    do = Bench(tmp_path)
    latent = Latent.empty(side, side, batch)
    do.signals.stop.set()  # what fits is not painted to its end here
    with pytest.raises(Exception) as caught:
        ksampler(do, latent)
    assert isinstance(caught.value, OutOfMemory) != fits
