"""Things that carry people."""

import math

from bot.sketch.painting.palette import mix, rgb
from bot.sketch.painting.pen import Pen, dark, pale

_GLASS = rgb("bfe0ea")
_LAMP = rgb("ffe6a0")
_RUBBER = rgb("26242a")


def boat(pen: Pen) -> None:
    """A sailing boat."""
    sail = pen.own("f4ecdc")
    hull = rgb("8a4a34") if pen.wanted is None else dark(pen.wanted, 0.45)
    pen.limb("0 12, 0 100", 0.022, 0.014, "5e4632")
    pen.blob("-2 96, -3 20, -20 18, -42 20, -30 42, -14 74", sail)
    pen.poly(
        "2 90, 42 20, 20 18, 2 20", mix(sail, rgb("c85a3c"), 0.3) if pen.wanted is None else pale(sail, 0.3)
    )
    for y in (0.38, 0.58):
        pen.limb(
            [(-0.02, y), (-0.14, y - 0.01), (-0.33 + (y - 0.38) * 0.5, y)],
            0.006,
            0.006,
            dark(sail, 0.25),
            detail=True,
        )
    pen.blob("-50 17, -48 14, -40 2, -30 -2, 26 -2, 40 4, 56 19, 30 14, 0 12, -30 14", hull)
    pen.blob("-50 17, -30 13.5, 0 11.5, 30 13.5, 56 19, 30 10.5, 0 8.5, -30 10", pale(hull, 0.6), detail=True)
    pen.poly("0 100, -12 97.5, 0 94.5", "c8392e")


def ship(pen: Pen) -> None:
    """A tall ship under full sail."""
    sail = pen.own("f1e6d0")
    wood = rgb("6a4430")
    pen.limb("50 24, 84 42", 0.03, 0.012, wood)
    for x, tall in ((-0.4, 0.8), (0.0, 1.0), (0.36, 0.86)):
        pen.limb([(x, 0.2), (x, tall + 0.03)], 0.026, 0.012, "54382a")
        rows = 3
        for k in range(rows):
            low = 0.28 + (tall - 0.3) * k / rows
            high = low + (tall - 0.3) / rows * 0.92
            half = 0.2 * (1 - 0.2 * k)
            belly = half * 1.15
            pen.blob(
                [
                    (x - half, low),
                    (x + 0.03, low + 0.035),
                    (x + half, low),
                    (x + belly + 0.02, (low + high) / 2),
                    (x + half * 0.86, high),
                    (x, high + 0.01),
                    (x - half * 0.86, high),
                    (x - belly + 0.05, (low + high) / 2),
                ],
                sail,
            )
        pen.poly([(x, tall + 0.03), (x + 0.12, tall + 0.005), (x, tall - 0.02)], "b5342c")
    pen.poly("48 28, 80 40, 40 80", mix(sail, rgb("b8a890"), 0.25))
    pen.blob("-68 36, -66 22, -56 2, -44 -2, 36 -2, 50 6, 66 30, 50 22, 10 17, -36 19, -50 26, -56 36", wood)
    pen.blob("-62 24, -30 14, 10 11.5, 50 17, 60 23, 30 10.5, -20 8.5, -58 15", "d9a85c", detail=True)
    for k in range(6):
        pen.disc(-0.4 + k * 0.15, 0.065, 0.018, "2c1e18", detail=True)
    for k in range(3):
        pen.box(-0.645 + k * 0.045, 0.26, -0.62 + k * 0.045, 0.3, _LAMP, detail=True, glow=0.8)


def car(pen: Pen) -> None:
    """A round little car."""
    paint = pen.own("c23c34")
    pen.blob(
        "-56 16, -60 30, -50 42, -34 46, -20 66, 0 72, 20 66, 32 48, 52 42, 62 30, 60 16, 30 12, -30 12",
        paint,
    )
    pen.blob("-28 46, -16 62, -2 66, -2 45", _GLASS, detail=True)
    pen.blob("3 45, 3 66, 16 62, 26 46", _GLASS, detail=True)
    pen.limb("0 44, 0.5 20", 0.01, 0.01, dark(paint, 0.4), detail=True)
    pen.box(-0.58, 0.16, 0.6, 0.2, dark(paint, 0.5), detail=True)
    pen.disc(0.57, 0.32, 0.045, "fff2c0", detail=True, glow=0.8)
    pen.disc(-0.57, 0.32, 0.03, "e0483c", detail=True, glow=0.5)
    for x in (-0.34, 0.36):
        pen.disc(x, 0.14, 0.145, _RUBBER)
        pen.disc(x, 0.14, 0.075, "c4c8cc", detail=True)
        pen.disc(x, 0.14, 0.025, "6a6e74", detail=True)


def train(pen: Pen) -> None:
    """A steam engine and a carriage."""
    paint = pen.own("3c5a4a")
    brass = rgb("d9a84c")
    pen.box(-1.4, 0.0, 1.06, 0.02, "55504e")
    for k, (x, y) in enumerate(((0.72, 0.86), (0.6, 1.0), (0.4, 1.12), (0.1, 1.2))):
        pen.disc(x, y, 0.09 + 0.045 * k, pale(rgb("c4c0c4"), 0.1 * k), tall=0.8)
    pen.box(-1.36, 0.14, -0.32, 0.66, mix(paint, rgb("a8503a"), 0.65))
    pen.box(-1.4, 0.64, -0.28, 0.7, dark(paint, 0.4))
    for k in range(5):
        pen.box(-1.28 + k * 0.2, 0.38, -1.15 + k * 0.2, 0.56, _LAMP, detail=True, glow=0.7)
    pen.box(-0.36, 0.14, -0.2, 0.18, "2c2a2e")
    pen.box(-0.2, 0.14, 0.2, 0.74, paint)
    pen.box(-0.26, 0.72, 0.26, 0.79, dark(paint, 0.4))
    pen.box(-0.1, 0.46, 0.1, 0.64, _LAMP, detail=True, glow=0.6)
    pen.box(0.18, 0.24, 0.9, 0.56, dark(paint, 0.12))
    pen.disc(0.9, 0.4, 0.16, dark(paint, 0.35))
    for x in (0.34, 0.56):
        pen.box(x, 0.24, x + 0.03, 0.56, brass, detail=True)
    pen.poly("70 55, 68 80, 82 80, 80 55", "2c2a2e")
    pen.disc(0.44, 0.58, 0.07, brass)
    pen.disc(0.95, 0.55, 0.045, "fff0b8", glow=1.0)
    pen.poly("86 16, 108 2, 80 2", "8a3a30")
    for x, r in ((-1.16, 0.09), (-0.56, 0.09), (-0.06, 0.15), (0.28, 0.15), (0.58, 0.1), (0.78, 0.1)):
        pen.disc(x, r + 0.015, r, _RUBBER)
        pen.disc(x, r + 0.015, r * 0.6, "9a4036", detail=True)
        pen.disc(x, r + 0.015, r * 0.2, brass, detail=True)
    pen.limb("-6 16, 28 16", 0.035, 0.035, "b8bcc0", detail=True)


def bicycle(pen: Pen) -> None:
    """A bicycle with a basket."""
    paint = pen.own("2f8a8c")
    for x in (-0.42, 0.42):
        rim = [
            (x + 0.3 * math.cos(a / 18 * math.pi), 0.3 + 0.3 * math.sin(a / 18 * math.pi)) for a in range(37)
        ]
        pen.limb(rim, 0.035, 0.035, _RUBBER)
        for k in range(6):
            cos, sin = math.cos(k * math.pi / 6) * 0.28, math.sin(k * math.pi / 6) * 0.28
            pen.limb([(x - cos, 0.3 - sin), (x + cos, 0.3 + sin)], 0.008, 0.008, "8e9298", detail=True)
    frame = [
        ((-0.42, 0.3), (-0.16, 0.66)),
        ((-0.16, 0.66), (0.28, 0.7)),
        ((-0.02, 0.28), (0.28, 0.7)),
        ((-0.02, 0.28), (-0.2, 0.72)),
        ((-0.42, 0.3), (-0.02, 0.28)),
        ((0.42, 0.3), (0.26, 0.82)),
    ]
    for start, end in frame:
        pen.limb([start, end], 0.04, 0.034, paint)
    pen.blob("-34 75, -20 79, -10 76, -18 71, -30 71", "4a3226")
    pen.limb("14 86, 24 86, 27 80", 0.03, 0.03, "4a4a50")
    pen.poly("32 84, 62 84, 57 62, 37 62", "b88a54")
    pen.disc(-0.02, 0.28, 0.06, "6a6e74")


def balloon(pen: Pen) -> None:
    """A striped hot air balloon."""
    cloth = pen.own("d9483c")
    stripes = (cloth, mix(pale(cloth, 0.75), rgb("f4d27a"), 0.4))
    for x in (-0.075, 0.075):
        pen.limb([(x * 1.6, 0.3), (x, 0.12)], 0.008, 0.008, "5a4636")
    profile = [(0.13, 0.28), (0.3, 0.46), (0.375, 0.66), (0.33, 0.84), (0.2, 0.96), (0.0, 1.0)]
    pen.blob([*profile, *[(-x, y) for x, y in reversed(profile[:-1])], (0.0, 0.27)], stripes[0])
    gores = 7
    for k in range(gores):
        if k % 2 == 0:
            continue
        edges = [math.sin(math.pi * (side / gores - 0.5)) for side in (k, k + 1)]
        left = [(x * edges[0], y) for x, y in profile]
        right = [(x * edges[1], y) for x, y in reversed(profile)]
        pen.poly([*left, *right], stripes[1], detail=True)
    pen.blob("-13 28.5, 0 26.5, 13 28.5, 14 32, 0 30, -14 32", dark(cloth, 0.4), detail=True)
    pen.disc(0.0, 0.25, 0.02, "ffd070", tall=1.6, glow=0.8)
    pen.poly("-8.5 13, 8.5 13, 7 0, -7 0", "8a5e38")
    pen.box(-0.09, 0.115, 0.09, 0.14, "5e3e26", detail=True)


def plane(pen: Pen) -> None:
    """A propeller plane, climbing."""
    paint = pen.own("e0b03c")
    trim = dark(paint, 0.45)
    pen.blob("8 52, 0 76, 4 90, 14 88, 26 60", dark(paint, 0.3))
    pen.blob("-72 44, -66 50, -20 56, 30 64, 52 60, 60 50, 50 40, 20 36, -30 40", paint)
    pen.blob("-70 46, -82 72, -72 74, -52 52", trim)
    pen.blob("-62 47, -80 40, -76 36, -50 42", trim)
    pen.blob("2 60, 10 72, 28 70, 32 62", _GLASS)
    pen.blob("20 48, 0 26, -12 6, -2 2, 16 20, 36 46", trim)
    pen.disc(0.61, 0.5, 0.05, "5a5e66")
    pen.limb("64 22, 65 50, 64 78", 0.03, 0.03, "8a8e96")
    for k in range(3):
        pen.disc(-0.24 + k * 0.12, 0.5, 0.025, _GLASS, detail=True)


def rocket(pen: Pen) -> None:
    """A rocket on its flame."""
    trim = pen.own("d0413a")
    body = rgb("eeeae2")
    pen.blob("-9 20, -13 6, -6 0, 0 -22, 6 0, 13 6, 9 20", "f28a2c", glow=0.9)
    pen.blob("-5 20, -6 8, 0 -8, 6 8, 5 20", "fff0a0", detail=True, glow=1.0)
    for side in (-1, 1):
        pen.blob(
            [
                (side * 0.13, 0.46),
                (side * 0.26, 0.32),
                (side * 0.3, 0.14),
                (side * 0.22, 0.18),
                (side * 0.12, 0.24),
            ],
            dark(trim, 0.15),
        )
    pen.poly("-10 24, 10 24, 8 17, -8 17", "5a5e66")
    pen.blob("-11 22, -16.5 44, -16 66, -9 88, 0 102, 9 88, 16 66, 16.5 44, 11 22", body)
    pen.blob("-10 86, -5 96, 0 102, 5 96, 10 86, 0 83", trim, detail=True)
    pen.poly("-16 40, 16 40, 15.5 35, -15.5 35", trim, detail=True)
    pen.disc(0.0, 0.66, 0.075, "7a808a")
    pen.disc(0.0, 0.66, 0.055, _GLASS, detail=True)
    pen.blob("-3 67, -1 70, 2 70, -1 66", "ffffff", detail=True)
    pen.blob("-2.5 34, 0 40, 2.5 34, 2 16, -2 16", dark(trim, 0.2))


def ufo(pen: Pen) -> None:
    """A flying saucer and its beam."""
    metal = pen.own("9aa4b4")
    pen.poly("-16 62, 16 62, 46 0, -46 0", mix(rgb("d8f0b0"), rgb("8ac8c0"), 0.4), glow=0.3)
    pen.blob("-20 76, -16 92, 0 100, 16 92, 20 76", _GLASS, glow=0.3)
    pen.blob("-58 70, -36 80, 0 84, 36 80, 58 70, 36 62, 0 58, -36 62", metal)
    pen.blob("-58 70, -36 62, 0 58, 36 62, 58 70, 0 66", dark(metal, 0.3), detail=True)
    for k in range(5):
        pen.disc(
            -0.36 + k * 0.18,
            0.665 - 0.02 * (2 - abs(k - 2)),
            0.03,
            ("ffd86a", "8af0e0")[k % 2],
            detail=True,
            glow=1.0,
        )
