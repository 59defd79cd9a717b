"""Sea life and winged things, facing right."""

import math

from bot.sketch.painting.palette import RGB, mix, rgb
from bot.sketch.painting.pen import Pen, dark, pale

_EYE = rgb("1a1618")


def _eye(pen: Pen, x: float, y: float, size: float = 0.016) -> None:
    pen.disc(x, y, size, _EYE, detail=True)
    pen.disc(x + size * 0.35, y + size * 0.4, size * 0.36, "ffffff", detail=True)


def fish(pen: Pen) -> None:
    """A bright fish."""
    coat = pen.own("f08a3c")
    fin = mix(coat, rgb("ffe0a0"), 0.35)
    pen.blob("-30 50, -50 70, -72 84, -64 60, -60 48, -68 34, -72 16, -50 32", fin)
    pen.blob("-16 64, -6 88, 14 94, 32 82, 20 70", fin)
    pen.blob("-8 34, -14 16, 2 14, 14 32", fin)
    pen.blob("-42 50, -20 68, 10 77, 36 74, 54 60, 60 50, 52 38, 32 26, 6 24, -20 34", coat)
    pen.blob("56 44, 40 30, 10 25, -16 34, 10 36, 36 40", pale(coat, 0.5), detail=True)
    for x in (-0.16, 0.12):
        pen.blob(
            [(x, 0.72), (x + 0.09, 0.75), (x + 0.12, 0.5), (x + 0.08, 0.28), (x, 0.28), (x + 0.03, 0.5)],
            "fff4e6",
            detail=True,
        )
    pen.blob("14 48, 2 42, -6 30, 8 34, 18 42", fin)
    pen.disc(0.42, 0.57, 0.05, "fff6e6", detail=True)
    _eye(pen, 0.43, 0.57, 0.032)
    pen.limb("60 49, 55 46, 52 46", 0.015, 0.01, dark(coat, 0.5), detail=True)


def whale(pen: Pen) -> None:
    """A whale's back and flukes above the water, and its spout."""
    hide = pen.own("3f5a78")
    belly = pale(hide, 0.6)
    for side, tall in ((-1, 0.3), (1, 0.36), (0, 0.42)):
        pen.limb(
            [(0.28, 0.5), (0.28 + side * 0.04, 0.5 + tall * 0.7), (0.28 + side * 0.16, 0.5 + tall)],
            0.03,
            0.05,
            "e6f2f6",
            detail=True,
        )
    pen.blob("-62 10, -74 30, -80 50, -98 62, -84 64, -74 58, -64 66, -50 66, -64 50, -60 32, -48 18", hide)
    pen.blob("-62 0, -60 18, -40 30, -10 44, 20 52, 50 48, 72 32, 78 14, 74 0", hide)
    pen.blob("78 14, 74 0, -10 0, 10 10, 44 17", belly, detail=True)
    for k in range(4):
        pen.limb(
            [(0.72 - k * 0.02, 0.12 - k * 0.03), (0.44, 0.14 - k * 0.035), (0.16, 0.07 - k * 0.02)],
            0.008,
            0.005,
            dark(belly, 0.25),
            detail=True,
        )
    pen.blob("20 12, 10 4, 0 -2, 14 -2, 28 6", dark(hide, 0.3))
    pen.disc(0.56, 0.22, 0.018, _EYE, detail=True)


def jellyfish(pen: Pen) -> None:
    """A glowing jellyfish."""
    body = pen.own("e08ad0")
    for k in range(7):
        x = (k - 3) * 0.085
        sway = float(pen.rng.uniform(-0.1, 0.1))
        pen.limb(
            [(x, 0.62), (x + sway, 0.44), (x * 1.3 - sway, 0.22), (x * 1.2 + sway, 0.0)],
            0.03,
            0.006,
            mix(body, rgb("ffffff"), 0.25),
            glow=0.35,
        )
    for x in (-0.08, 0.06):
        pen.limb(
            [(x, 0.62), (x - 0.05, 0.5), (x + 0.05, 0.38), (x - 0.02, 0.26)],
            0.09,
            0.03,
            pale(body, 0.45),
            glow=0.4,
        )
    pen.blob(
        "-36 60, -33 80, -18 96, 0 100, 18 96, 33 80, 36 60, 24 64, 12 58, 0 63, -12 58, -24 64",
        body,
        glow=0.45,
    )
    pen.blob("-20 74, -10 92, 4 93, -6 84, -10 72", pale(body, 0.6), detail=True, glow=0.6)


def octopus(pen: Pen) -> None:
    """An octopus with curling arms."""
    skin = pen.own("c0503c")
    for k in range(8):
        side = -1 if k < 4 else 1
        n = k % 4
        reach = 0.2 + 0.14 * n
        lift = 0.05 + 0.07 * n
        pen.limb(
            [
                (side * (0.03 + 0.05 * n), 0.42),
                (side * reach * 0.9, 0.26),
                (side * reach * 1.25, lift),
                (side * (reach + 0.2), lift + 0.03),
                (side * (reach + 0.22), lift + 0.12),
            ],
            0.13,
            0.025,
            dark(skin, 0.06 * n),
        )
    pen.blob("-20 42, -26 58, -32 76, -22 95, 0 102, 22 95, 32 76, 26 58, 20 42, 0 36", skin)
    for side in (-1, 1):
        pen.disc(side * 0.13, 0.55, 0.06, pale(skin, 0.75), detail=True)
        pen.disc(side * 0.125, 0.55, 0.03, _EYE, detail=True)
    for x, y in ((-0.1, 0.84), (0.04, 0.9), (0.12, 0.78), (-0.02, 0.74)):
        pen.disc(x, y, 0.03, pale(skin, 0.25), detail=True)


def turtle(pen: Pen) -> None:
    """A swimming turtle."""
    shell = pen.own("5f7d46")
    skin = mix(shell, rgb("b8b070"), 0.5)
    pen.blob("10 42, 2 20, -14 2, 8 8, 26 36", dark(skin, 0.25))
    pen.blob("-36 40, -60 32, -68 20, -48 26", dark(skin, 0.15))
    pen.blob("34 50, 48 62, 62 64, 70 56, 66 48, 50 44", skin)
    pen.blob("-46 40, -34 62, -6 76, 22 70, 42 50, 36 40, 0 34, -32 34", shell)
    pen.blob("-44 38, -10 40, 40 46, 34 38, 0 32, -30 32", pale(shell, 0.4), detail=True)
    for x, y in ((-0.24, 0.52), (-0.04, 0.58), (0.16, 0.56)):
        pen.poly(
            [
                (x - 0.08, y),
                (x - 0.04, y + 0.09),
                (x + 0.05, y + 0.09),
                (x + 0.09, y),
                (x + 0.03, y - 0.09),
                (x - 0.05, y - 0.09),
            ],
            dark(shell, 0.25),
            detail=True,
        )
    pen.blob("24 42, 30 20, 42 0, 48 6, 42 26, 36 44", skin)
    _eye(pen, 0.61, 0.58, 0.016)


def butterfly(pen: Pen) -> None:
    """A butterfly, wings open."""
    wing = pen.own("e8863c")
    edge = dark(wing, 0.65)
    for side in (-1, 1):
        pen.blob(
            [
                (side * 0.03, 0.52),
                (side * 0.2, 0.46),
                (side * 0.42, 0.36),
                (side * 0.44, 0.16),
                (side * 0.3, 0.04),
                (side * 0.14, 0.14),
                (side * 0.05, 0.36),
            ],
            edge,
        )
        pen.blob(
            [
                (side * 0.05, 0.48),
                (side * 0.2, 0.43),
                (side * 0.36, 0.33),
                (side * 0.37, 0.18),
                (side * 0.28, 0.1),
                (side * 0.16, 0.18),
            ],
            mix(wing, rgb("f8d060"), 0.4),
            detail=True,
        )
        pen.blob(
            [
                (side * 0.03, 0.52),
                (side * 0.12, 0.76),
                (side * 0.34, 0.98),
                (side * 0.58, 0.98),
                (side * 0.6, 0.78),
                (side * 0.46, 0.52),
                (side * 0.24, 0.44),
            ],
            edge,
        )
        pen.blob(
            [
                (side * 0.07, 0.54),
                (side * 0.16, 0.74),
                (side * 0.34, 0.91),
                (side * 0.5, 0.9),
                (side * 0.51, 0.78),
                (side * 0.4, 0.56),
                (side * 0.24, 0.49),
            ],
            wing,
            detail=True,
        )
        for x, y in ((0.48, 0.84), (0.36, 0.74), (0.3, 0.22)):
            pen.disc(side * x, y, 0.035, pale(wing, 0.75), detail=True)
        pen.limb([(side * 0.01, 0.72), (side * 0.08, 0.88), (side * 0.16, 0.94)], 0.012, 0.016, edge)
    pen.blob("-3 70, 0 76, 3 70, 3.5 46, 0 20, -3.5 46", edge)


def dragon(pen: Pen) -> None:
    """A dragon in flight."""
    scale = pen.own("4f8a5c")
    belly, web = pale(scale, 0.5), mix(scale, rgb("d8603c"), 0.72)
    _dragon_wing(pen, -0.12, dark(web, 0.3), dark(scale, 0.3), 0.9)
    pen.limb("-24 42, -50 34, -74 42, -90 60, -104 56", 0.17, 0.02, scale)
    pen.poly("-102 60, -116 62, -108 50", web)
    pen.blob("-20 34, -30 22, -24 10, -14 12, -16 22, -6 32", dark(scale, 0.2))
    pen.blob("-34 42, -18 54, 6 56, 24 56, 28 44, 14 32, -10 28, -28 32", scale)
    pen.blob("28 46, 14 31, -10 27, -24 32, -2 36, 16 44", belly, detail=True)
    pen.limb("18 48, 38 54, 46 70, 56 82", 0.19, 0.1, scale)
    pen.blob("10 36, 18 22, 28 16, 30 22, 24 38", dark(scale, 0.2))
    for x, y in ((0.02, 0.57), (0.16, 0.58), (0.3, 0.61), (0.38, 0.7), (-0.14, 0.55), (-0.3, 0.48)):
        pen.poly([(x - 0.045, y - 0.03), (x - 0.02, y + 0.06), (x + 0.04, y - 0.02)], web)
    for lift in (0.0, 0.04):
        pen.limb([(0.54, 0.88 + lift), (0.44, 0.96 + lift), (0.36, 0.96 + lift)], 0.05, 0.01, "e6d8b0")
    pen.blob("48 84, 54 93, 66 92, 80 84, 86 78, 82 74, 68 74, 56 73", scale)
    pen.blob("84 76, 68 73.5, 58 73.5, 66 68, 78 70", belly)
    pen.disc(0.65, 0.86, 0.024, "ffd84a", detail=True, glow=0.6)
    pen.disc(0.655, 0.86, 0.01, _EYE, tall=2.0, detail=True)
    _dragon_wing(pen, 0.06, web, scale, 1.0)


def _dragon_wing(pen: Pen, x: float, web: RGB, bone: RGB, size: float) -> None:
    def at(across: float, up: float) -> tuple[float, float]:
        return x + across * size, 0.5 + up * size

    wrist = at(0.02, 0.62)
    tips = (at(-0.5, 0.86), at(-0.82, 0.5), at(-0.74, 0.14))
    hollows = (at(-0.5, 0.56), at(-0.58, 0.3), at(-0.42, 0.14))
    edge = [at(0.08, 0.0), at(0.14, 0.3), wrist]
    for tip, hollow in zip(tips, hollows, strict=True):
        edge += [tip, hollow]
    pen.poly([*edge, at(-0.2, 0.0)], web)
    for tip in tips:
        bend = ((wrist[0] + tip[0]) / 2, (wrist[1] + tip[1]) / 2 + 0.07 * size)
        pen.limb([wrist, bend, tip], 0.035, 0.012, bone, detail=True)
    pen.limb([at(0.05, 0.0), at(0.15, 0.3), wrist], 0.08, 0.045, bone)


def shoal(pen: Pen) -> None:
    """A few small fish swimming together."""
    coat = pen.own("c8d8e0")
    for _ in range(9):
        x, y = float(pen.rng.uniform(-0.8, 0.8)), float(pen.rng.uniform(0.1, 0.9))
        size = float(pen.rng.uniform(0.07, 0.12))
        lean = math.sin(x * 3) * 0.02
        pen.blob([(x - size, y), (x, y + size * 0.4 + lean), (x + size, y), (x, y - size * 0.4)], coat)
        pen.poly(
            [(x - size * 0.8, y), (x - size * 1.5, y + size * 0.45), (x - size * 1.5, y - size * 0.45)],
            dark(coat, 0.2),
        )
