"""What grows or lies right before the viewer's feet: it gives the scene its depth."""

import numpy as np

from bot.sketch.painting.canvas import Canvas, Points
from bot.sketch.painting.palette import RGB, jitter, mix, rgb
from bot.sketch.painting.setting import Setting

_GRASS = {"spring": "7fb04a", "summer": "6c9a3c", "autumn": "b0883c", "winter": "b8c0b0", None: "74a046"}
_FLOWERS = {
    "spring": ("f6d34a", "f2a0b8", "f4f0e6", "b48ae0"),
    "summer": ("e8503c", "f6d34a", "f4f0e6", "7a8ae8"),
    "autumn": ("e08a3c", "c8553c", "e8c06a"),
    "winter": (),
    None: ("f4f0e6", "f6d34a", "e87a8a"),
}
_MEADOWS = ("hills", "field", "garden", "village", "river", "mountains", "lake", "waterfall", "volcano")


def paint_foreground(canvas: Canvas, setting: Setting, dry: RGB | None = None) -> None:
    """Grass, flowers, reeds or pebbles along the lower edge, by place and season."""
    place, season = setting.idea.place, setting.idea.season
    if place in _MEADOWS and season != "winter":
        blades = setting.coloured(place, rgb(_GRASS[season]))
        _grass(canvas, setting, blades, 0.075 if place != "garden" else 0.095)
        _blossoms(canvas, setting, 90 if place == "garden" else 34 if place == "field" else 16)
    elif place in ("swamp",):
        _grass(canvas, setting, rgb("5f6f3c"), 0.17)
    elif place in ("coast", "island", "desert", "canyon"):
        tone = {"coast": "8a8078", "island": "9a8a70", "desert": "a8704a", "canyon": "8a4a34"}[place]
        _pebbles(canvas, setting, dry if dry is not None else rgb(tone))


def _grass(canvas: Canvas, setting: Setting, blade: RGB, tall: float) -> None:
    rng = setting.rng("grass")
    lean = float(rng.uniform(-0.25, 0.25)) + (0.35 if "wind" in setting.idea.weather else 0.0)
    count = (
        int(min(canvas.width / canvas.short, 3.0) * (90 + 60 * setting.detail)) if canvas.short > 150 else 14
    )
    for tone in range(4):
        shade = setting.light.on(mix(blade, rgb("1e2a1c"), 0.55 - 0.16 * tone), 0.35 + 0.17 * tone)
        shapes: list[Points] = []
        for x, y, s, b in rng.random((count, 4)):
            foot_x, foot_y = (
                x * canvas.width,
                canvas.height * (0.985 + 0.05 * y),
            )
            high = canvas.short * tall * (0.35 + 0.95 * s * s) * (1.15 - 0.14 * tone)
            bend = high * (lean + (b - 0.5) * 0.9)
            half = canvas.short * 0.0035 * (0.6 + 0.6 * s)
            shapes.append(
                [
                    (foot_x - half, foot_y),
                    (foot_x - half * 0.7 + bend * 0.28, foot_y - high * 0.55),
                    (foot_x + bend, foot_y - high),
                    (foot_x + half * 0.9 + bend * 0.3, foot_y - high * 0.52),
                    (foot_x + half, foot_y),
                ]
            )
        canvas.fill(shapes, shade, outline=tone == 3)


def _blossoms(canvas: Canvas, setting: Setting, count: int) -> None:
    colours = [rgb(code) for code in _FLOWERS[setting.idea.season]]
    if not colours:
        return
    rng = setting.rng("blossoms")
    for colour in colours:
        shapes: list[Points] = []
        for x, y, s in rng.random((max(count // len(colours), 2), 3)):
            radius = max(canvas.short * (0.0045 + 0.005 * s), 0.6)
            cx, cy = x * canvas.width, canvas.height - canvas.short * (0.01 + 0.085 * y)
            angle = np.arange(10) * (2 * np.pi / 10)
            reach = radius * np.where(np.arange(10) % 2, 0.62, 1.1)
            shapes.append(
                np.stack((cx + np.cos(angle) * reach, cy + np.sin(angle) * reach * 0.8), axis=-1).tolist()
            )
        canvas.fill(shapes, setting.light.on(jitter(colour, rng, 0.02), 0.8))


def _pebbles(canvas: Canvas, setting: Setting, stone: RGB) -> None:
    rng = setting.rng("pebbles")
    for tone in range(3):
        shapes: list[Points] = []
        tops: list[Points] = []
        for x, y, s in rng.random((9, 3)):
            radius = canvas.short * (0.006 + 0.022 * s**3)
            cx, cy = x * canvas.width, canvas.height - canvas.short * 0.1 * y**1.6 + radius * 0.2
            angle = np.arange(11) * (2 * np.pi / 11)
            reach = radius * rng.uniform(0.85, 1.1, 11)
            outline = np.stack((cx + np.cos(angle) * reach, cy + np.sin(angle) * reach * 0.55), axis=-1)
            shapes.append(outline.tolist())
            tops.append((outline * 0.72 + np.array((cx, cy - radius * 0.22)) * 0.28).tolist())
        tint = jitter(mix(stone, rgb("4a4440"), 0.25 * tone), rng, 0.03)
        canvas.fill(shapes, setting.light.on(tint, 0.2))
        canvas.fill(tops, setting.light.on(tint, 0.8), outline=False)
