"""Buildings. Lit windows give off light when it is dark."""

import math

from bot.sketch.painting.palette import RGB, mix, rgb
from bot.sketch.painting.pen import Pen, dark, pale

_LAMP = rgb("ffd98a")


def _window(pen: Pen, x: float, y: float, wide: float, high: float, *, arched: bool = False) -> None:
    frame = 0.012
    pen.box(x - wide / 2 - frame, y - frame, x + wide / 2 + frame, y + high + frame, "3a3038", detail=True)
    if arched:
        pen.disc(x, y + high, wide / 2 + frame, "3a3038", detail=True)
        pen.disc(x, y + high, wide / 2, _LAMP, detail=True, glow=0.8)
    pen.box(x - wide / 2, y, x + wide / 2, y + high, _LAMP, detail=True, glow=0.8)
    pen.box(x - 0.005, y, x + 0.005, y + high, "5a4638", detail=True)
    pen.box(x - wide / 2, y + high * 0.5 - 0.005, x + wide / 2, y + high * 0.5 + 0.005, "5a4638", detail=True)


def lighthouse(pen: Pen) -> None:
    """A banded tower on its rock, the lamp lit."""
    band = pen.own("c8392e")
    white = rgb("f3efe6")
    pen.blob("-36 -4, -30 5, -12 10, 12 9, 34 4, 42 -4", "6d655f")
    pen.box(0.08, 0.06, 0.32, 0.17, white)
    pen.poly("6 17, 20 25, 34 17", dark(band, 0.25))
    _window(pen, 0.23, 0.1, 0.035, 0.04)
    foot, head, low, high = 0.13, 0.08, 0.05, 0.74
    steps = 5
    for k in range(steps):
        y0, y1 = low + (high - low) * k / steps, low + (high - low) * (k + 1) / steps
        w0, w1 = foot + (head - foot) * k / steps, foot + (head - foot) * (k + 1) / steps
        pen.poly([(-w0, y0), (w0, y0), (w1, y1), (-w1, y1)], band if k % 2 else white, detail=k > 0)
    for y in (0.26, 0.54):
        pen.box(-0.018, y, 0.018, y + 0.05, "3a3038", detail=True)
        pen.box(-0.011, y + 0.006, 0.011, y + 0.044, _LAMP, detail=True, glow=0.7)
    pen.blob("-3 5, -3 13, 0 15, 3 13, 3 5", dark(band, 0.5), detail=True)
    pen.box(-0.115, 0.74, 0.115, 0.765, dark(white, 0.5))
    for x in (-0.1, -0.05, 0.0, 0.05, 0.1):
        pen.box(x - 0.005, 0.765, x + 0.005, 0.8, dark(white, 0.6), detail=True)
    pen.box(-0.065, 0.765, 0.065, 0.87, "3a4250")
    pen.box(-0.052, 0.775, 0.052, 0.86, "fff0b0", detail=True, glow=1.0)
    for x in (-0.02, 0.02):
        pen.box(x - 0.005, 0.775, x + 0.005, 0.86, "4a4a50", detail=True)
    pen.blob("-8.5 86.5, -6 92, 0 95.5, 6 92, 8.5 86.5, 0 86", band)
    pen.box(-0.006, 0.94, 0.006, 1.0, "3a3038")


def house(pen: Pen) -> None:
    """A cottage with a smoking chimney."""
    roof = pen.own("a8503a")
    wall = mix(rgb("efe2c8"), roof, 0.06)
    pen.box(0.2, 0.6, 0.31, 0.96, "8a6a5c")
    pen.box(0.18, 0.93, 0.33, 0.97, "6d5148")
    for k, (x, y) in enumerate(((0.27, 1.04), (0.32, 1.13), (0.3, 1.23))):
        pen.disc(x, y, 0.045 + 0.018 * k, pale(rgb("b8b4b8"), 0.2 + 0.15 * k))
    pen.box(-0.46, 0.0, 0.46, 0.46, wall)
    pen.poly("-46 0, -46 46, -22 46, -22 0", mix(wall, rgb("8a7a80"), 0.28), detail=True)
    pen.poly("-56 43, -36 84, 36 84, 56 43", roof)
    for row in range(1, 5):
        y = 0.43 + row * 0.082
        half = 0.56 - row * 0.04
        pen.box(-half, y - 0.006, half, y + 0.004, dark(roof, 0.25), detail=True)
    pen.poly("-30 46, -10 84, 10 46", mix(wall, rgb("8a7a80"), 0.1))
    pen.poly("-35 43, -10 88, 15 43, 10 43, -10 79, -30 43", dark(roof, 0.15))
    _window(pen, -0.1, 0.54, 0.09, 0.1, arched=True)
    pen.box(-0.17, 0.0, -0.02, 0.3, "5f4030")
    pen.disc(-0.045, 0.14, 0.012, "d9b05c", detail=True)
    _window(pen, -0.34, 0.16, 0.12, 0.14)
    _window(pen, 0.14, 0.16, 0.13, 0.14)
    _window(pen, 0.34, 0.16, 0.13, 0.14)
    for x in (-0.5, -0.42, 0.06, 0.24, 0.42, 0.52):
        pen.disc(
            x,
            0.03,
            float(pen.rng.uniform(0.05, 0.08)),
            mix(rgb("5d8a46"), rgb("86a850"), float(pen.rng.random())),
            tall=0.8,
        )


def _turret(pen: Pen, x: float, low: float, high: float, half: float, stone: RGB, roof: RGB) -> None:
    pen.box(x - half, low, x + half, high, stone)
    pen.poly(
        [(x - half, low), (x - half, high), (x - half * 0.35, high), (x - half * 0.35, low)],
        dark(stone, 0.13),
        detail=True,
    )
    pen.box(x - half * 1.25, high - 0.03, x + half * 1.25, high + 0.02, dark(stone, 0.2))
    pen.poly([(x - half * 1.4, high + 0.015), (x, high + half * 3.1), (x + half * 1.4, high + 0.015)], roof)
    pen.poly(
        [(x - half * 1.4, high + 0.015), (x, high + half * 3.1), (x - half * 0.4, high + 0.015)],
        dark(roof, 0.2),
        detail=True,
    )
    pen.limb([(x, high + half * 3.0), (x, high + half * 3.9)], 0.008, 0.006, "3a3038", detail=True)
    pen.poly([(x, high + half * 3.9), (x + half * 1.1, high + half * 3.65), (x, high + half * 3.4)], "c8392e")
    for y in (high - 0.14, high - 0.32):
        if y > low + 0.06:
            pen.box(x - 0.014, y, x + 0.014, y + 0.055, _LAMP, detail=True, glow=0.75)


def castle(pen: Pen) -> None:
    """A castle of many towers."""
    stone = pen.own("b5aca4")
    roof = rgb("4a5a86") if pen.wanted is None else dark(pen.wanted, 0.45)
    pen.blob("-72 -4, -60 5, -30 10, 30 10, 60 5, 72 -4", "6f7a58")
    _turret(pen, 0.14, 0.1, 0.74, 0.075, dark(stone, 0.08), roof)
    _turret(pen, -0.2, 0.1, 0.62, 0.065, dark(stone, 0.1), roof)
    pen.box(-0.32, 0.05, 0.34, 0.44, dark(stone, 0.04))
    for k in range(9):
        x = -0.32 + k * 0.0775
        pen.box(x, 0.44, x + 0.042, 0.48, dark(stone, 0.04), detail=True)
    _turret(pen, -0.04, 0.3, 0.68, 0.06, stone, roof)
    pen.box(-0.52, 0.02, 0.54, 0.27, stone)
    for k in range(14):
        x = -0.52 + k * 0.0785
        pen.box(x, 0.27, x + 0.042, 0.31, stone, detail=True)
    for _ in range(26):
        x, y = float(pen.rng.uniform(-0.48, 0.48)), float(pen.rng.uniform(0.04, 0.25))
        pen.box(x, y, x + 0.04, y + 0.016, dark(stone, float(pen.rng.uniform(0.05, 0.2))), detail=True)
    _turret(pen, -0.5, 0.0, 0.44, 0.085, stone, roof)
    _turret(pen, 0.52, 0.0, 0.5, 0.085, stone, roof)
    pen.box(-0.13, 0.02, 0.15, 0.36, stone)
    for k in range(4):
        pen.box(-0.13 + k * 0.08, 0.36, -0.09 + k * 0.08, 0.395, stone, detail=True)
    pen.blob("-7 2, -7 15, 1 22, 9 15, 9 2", "3a2c28")
    for x in (-0.04, 0.01, 0.06):
        pen.box(x - 0.004, 0.02, x + 0.004, 0.19, "6d5844", detail=True)
    for x in (-0.2, 0.24):
        pen.box(x - 0.016, 0.34, x + 0.016, 0.4, _LAMP, detail=True, glow=0.75)


def tower(pen: Pen) -> None:
    """A lone tower."""
    stone = pen.own("a89a8c")
    pen.poly("-15 0, 15 0, 11 70, -11 70", stone)
    for _ in range(22):
        x, y = float(pen.rng.uniform(-0.11, 0.08)), float(pen.rng.uniform(0.03, 0.66))
        pen.box(x, y, x + 0.035, y + 0.016, dark(stone, float(pen.rng.uniform(0.06, 0.22))), detail=True)
    pen.poly("-11 66, 11 66, 15 72, -15 72", dark(stone, 0.2))
    pen.box(-0.15, 0.72, 0.15, 0.78, stone)
    pen.poly("-18 77.5, 0 108, 18 77.5", "5a4a6a")
    pen.poly("-18 77.5, 0 108, -5 77.5", "483a58", detail=True)
    for y in (0.18, 0.38, 0.56):
        _window(pen, 0.01, y, 0.04, 0.055, arched=True)
    pen.blob("-4.5 0, -4.5 9, 0 12.5, 4.5 9, 4.5 0", "4a3428")


def church(pen: Pen) -> None:
    """A village church."""
    wall = pen.own("eee6d6")
    roof = rgb("6a5a60")
    pen.box(-0.12, 0.0, 0.56, 0.32, wall)
    pen.poly("-14 31, 0 56, 52 56, 60 31", roof)
    for x in (0.12, 0.27, 0.42):
        _window(pen, x, 0.11, 0.06, 0.09, arched=True)
    pen.box(-0.32, 0.0, -0.06, 0.62, wall)
    pen.poly("-32 0, -32 62, -23 62, -23 0", dark(wall, 0.16), detail=True)
    pen.poly("-36 61, -19 102, -2 61", roof)
    pen.poly("-36 61, -19 102, -22 61", dark(roof, 0.2), detail=True)
    pen.box(-0.196, 1.0, -0.184, 1.12, "3a3038")
    pen.box(-0.225, 1.06, -0.155, 1.075, "3a3038", detail=True)
    _window(pen, -0.19, 0.42, 0.07, 0.08, arched=True)
    pen.blob("-23.5 0, -23.5 13, -19 18, -14.5 13, -14.5 0", "5f4030")


def temple(pen: Pen) -> None:
    """A pagoda of four roofs."""
    roof = pen.own("b5402f")
    wood = rgb("6d4432")
    pen.box(-0.36, 0.0, 0.36, 0.05, "9a948c")
    for k in range(4):
        low, half = 0.05 + k * 0.215, 0.24 - k * 0.038
        pen.box(-half, low, half, low + 0.14, "efe0c4")
        for x in (-half, -half / 3, half / 3, half - 0.02):
            pen.box(x, low, x + 0.02, low + 0.14, wood, detail=True)
        pen.box(-half * 0.22, low + 0.02, half * 0.22, low + 0.1, _LAMP, detail=True, glow=0.7)
        wide = half + 0.17
        pen.blob(
            [
                (-wide, low + 0.17),
                (-wide * 0.98, low + 0.135),
                (-half, low + 0.14),
                (half, low + 0.14),
                (wide * 0.98, low + 0.135),
                (wide, low + 0.17),
                (half * 0.9, low + 0.18),
                (half * 0.6, low + 0.235),
                (-half * 0.6, low + 0.235),
                (-half * 0.9, low + 0.18),
            ],
            roof,
        )
    pen.limb("0 90, 0 108", 0.026, 0.008, "d9a62e")


def windmill(pen: Pen) -> None:
    """A windmill with four sails."""
    wall = pen.own("e8dcc8")
    pen.poly("-18 0, 18 0, 10 62, -10 62", wall)
    pen.poly("-18 0, -10 62, -4 62, -8 0", dark(wall, 0.16), detail=True)
    for y in (0.2, 0.4):
        _window(pen, 0.03, y, 0.05, 0.06)
    pen.blob("-4.5 0, -4.5 10, 0 13, 4.5 10, 4.5 0", "5f4030")
    pen.blob("-13 61, -8 74, 0 78, 8 74, 13 61", "7a4a3a")
    spin = float(pen.rng.uniform(0.2, 1.2))
    for k in range(4):
        angle = spin + k * math.pi / 2
        cos, sin = math.cos(angle), math.sin(angle)

        def at(along: float, across: float, cos: float = cos, sin: float = sin) -> tuple[float, float]:
            return along * cos - across * sin, 0.68 + along * sin + across * cos

        pen.limb([at(0.0, 0.0), at(0.46, 0.0)], 0.026, 0.018, "5a4030")
        pen.poly([at(0.1, 0.015), at(0.46, 0.015), at(0.46, 0.115), at(0.1, 0.1)], "f6f0e2")
        for n in range(5):
            along = 0.1 + n * 0.085
            pen.limb([at(along, 0.0), at(along, 0.11)], 0.009, 0.009, "7a6248", detail=True)
    pen.disc(0.0, 0.68, 0.03, "4a3428")


def bridge(pen: Pen) -> None:
    """An arched stone bridge, twice as wide as the unit."""
    stone = pen.own("a39a90")
    arch: list[tuple[float, float]] = [(-1.1, 0.0), (-1.1, 0.3)]
    arch += [(x / 10, 0.3 + 0.28 * math.cos(x / 10 * 1.35)) for x in range(-10, 11)]
    arch += [(1.1, 0.3), (1.1, 0.0)]
    for centre, half in ((0.72, 0.24), (0.0, 0.38), (-0.72, 0.24)):
        rise = 0.42 if centre == 0 else 0.28
        arch += [(centre + half, 0.0)]
        arch += [
            (centre + half * math.cos(a * math.pi / 12), rise * math.sin(a * math.pi / 12))
            for a in range(1, 12)
        ]
        arch += [(centre - half, 0.0)]
    pen.poly(arch, stone)
    for _ in range(60):
        x = float(pen.rng.uniform(-1.0, 1.0))
        y = 0.27 + 0.28 * math.cos(x * 1.35) - float(pen.rng.uniform(0.03, 0.12))
        pen.box(x, y, x + 0.05, y + 0.022, dark(stone, float(pen.rng.uniform(0.05, 0.22))), detail=True)
    rail = [(x / 10, 0.36 + 0.28 * math.cos(x / 10 * 1.35)) for x in range(-11, 12)]
    pen.limb(rail, 0.05, 0.05, pale(stone, 0.15))


def pyramid(pen: Pen) -> None:
    """Two pyramids, sunlit on one side."""
    stone = pen.own("e0b878")
    for x, size in ((0.62, 0.62), (-0.12, 1.0)):
        pen.poly([(x - 0.75 * size, 0.0), (x, size), (x + 0.75 * size, 0.0)], stone)
        pen.poly([(x - 0.75 * size, 0.0), (x, size), (x - 0.2 * size, 0.0)], dark(stone, 0.35), detail=True)
        for row in range(1, 12):
            y, half = size * row / 12, 0.75 * size * (1 - row / 12)
            pen.box(x - half, y, x + half, y + 0.006, dark(stone, 0.22), detail=True)


def tent(pen: Pen) -> None:
    """A tent, lit from inside, and its camp fire."""
    cloth = pen.own("d98a3c")
    pen.poly("-60 0, -12 74, 30 66, 60 0", dark(cloth, 0.22))
    pen.poly("-60 0, -12 74, 22 0", cloth, glow=0.25)
    pen.poly("-28 0, -12 60, 0 0", "ffdf9a", detail=True, glow=0.7)
    pen.poly("-28 0, -12 60, -18 0", dark(cloth, 0.4), detail=True)
    pen.limb("-12 72, -14 82", 0.02, 0.012, "5a4030")
    for lean in (-1, 1):
        pen.limb([(0.84 - lean * 0.12, 0.0), (0.84 + lean * 0.1, 0.07)], 0.045, 0.04, "4f3826")
    pen.blob("75 5, 76 18, 83 34, 89 20, 94 6, 84 3", "f08a2c", glow=0.9)
    pen.blob("80 5, 81 13, 84 22, 88 12, 88 5", "ffe07a", detail=True, glow=1.0)
