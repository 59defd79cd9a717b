"""Things for a table, a street or a story."""

import math

from bot.sketch.painting.palette import mix, rgb
from bot.sketch.painting.pen import Pen, dark, pale


def teapot(pen: Pen) -> None:
    """A painted teapot, steaming."""
    glaze = pen.own("3c7a9a")
    for k, x in enumerate((0.3, 0.36)):
        pen.limb(
            [(0.56, 0.62), (0.6 + 0.05 * k, 0.74), (0.56, 0.86 + 0.06 * k), (0.62, 1.0 + x * 0.1)],
            0.016,
            0.035,
            "f2f4f4",
        )
    ring = [
        (-0.36 - 0.22 * math.sin(a / 8 * math.pi), 0.36 + 0.19 * math.cos(a / 8 * math.pi)) for a in range(9)
    ]
    pen.limb(ring, 0.06, 0.05, dark(glaze, 0.12))
    pen.blob("28 20, 44 28, 50 44, 60 56, 54 60, 44 54, 36 42, 26 40", glaze)
    pen.blob("-20 0, -38 14, -42 32, -34 48, -18 58, 18 58, 34 48, 42 32, 38 14, 20 0", glaze)
    pen.blob(
        "-41 36, -20 40, 0 36, 20 40, 41 36, 41 29, 20 33, 0 29, -20 33, -41 29",
        pale(glaze, 0.7),
        detail=True,
    )
    for x in (-0.24, -0.08, 0.08, 0.24):
        pen.disc(x, 0.18, 0.034, pale(glaze, 0.75), detail=True)
        pen.disc(x, 0.18, 0.014, "e8b04a", detail=True)
    pen.blob("-30 50, -26 38, -28 26, -34 32, -34 44", pale(glaze, 0.55), detail=True)
    pen.blob("-20 57, -12 66, 0 69, 12 66, 20 57, 0 55", dark(glaze, 0.08))
    pen.disc(0.0, 0.72, 0.045, "e0b050")


def cup(pen: Pen) -> None:
    """A cup on its saucer, steaming."""
    glaze = pen.own("e4dccb")
    for k in range(3):
        x = -0.12 + 0.11 * k
        pen.limb([(x, 0.64), (x + 0.05, 0.76), (x - 0.03, 0.88), (x + 0.04, 1.02)], 0.014, 0.034, "f4f4f0")
    pen.disc(0.0, 0.07, 0.52, dark(glaze, 0.08), tall=0.14)
    pen.disc(0.0, 0.085, 0.4, pale(glaze, 0.25), tall=0.12)
    ring = [
        (0.3 + 0.18 * math.sin(a / 8 * math.pi), 0.36 + 0.13 * math.cos(a / 8 * math.pi)) for a in range(9)
    ]
    pen.limb(ring, 0.05, 0.04, dark(glaze, 0.1))
    pen.blob("-36 56, -34 34, -24 16, -12 9, 12 9, 24 16, 34 34, 36 56, 0 50", glaze)
    pen.limb("-34.5 42, 0 36, 34.5 42", 0.035, 0.035, "c8543c", detail=True)
    pen.disc(0.0, 0.56, 0.36, pale(glaze, 0.4), tall=0.2)
    pen.disc(0.0, 0.555, 0.32, "5a3826", tall=0.18, detail=True)
    pen.blob("-18 57, -2 59.5, 14 57, 0 55", "8a5c3c", detail=True)


def book(pen: Pen) -> None:
    """An open book on two closed ones."""
    cover = pen.own("8a3a3a")
    pen.box(-0.46, 0.0, 0.44, 0.14, "3f5f7a")
    pen.box(-0.42, 0.025, 0.45, 0.115, "efe6d0", detail=True)
    pen.box(-0.4, 0.14, 0.48, 0.27, mix(cover, rgb("c8a050"), 0.5))
    pen.box(-0.36, 0.165, 0.49, 0.245, "efe6d0", detail=True)
    pen.poly("-56 36, 0 27, 56 36, 56 30, 0 24, -56 30", cover)
    for side in (-1, 1):
        pen.blob(
            [
                (0.0, 0.29),
                (side * 0.2, 0.38),
                (side * 0.42, 0.39),
                (side * 0.55, 0.34),
                (side * 0.52, 0.62),
                (side * 0.3, 0.68),
                (side * 0.12, 0.64),
                (0.0, 0.56),
            ],
            "f6eedc",
        )
        for k in range(5):
            y = 0.42 + k * 0.042
            pen.limb(
                [(side * 0.07, y + 0.01), (side * 0.24, y + 0.05), (side * 0.44, y + 0.03)],
                0.008,
                0.008,
                "a89c8c",
                detail=True,
            )


def lamp(pen: Pen) -> None:
    """A street lamp."""
    iron = pen.own("3a3e48")
    pen.blob("-9 0, -5 6, -2.5 14, 2.5 14, 5 6, 9 0", iron)
    pen.limb("0 10, 0 74", 0.034, 0.024, iron)
    pen.limb("-10 68, 10 68", 0.018, 0.018, iron)
    pen.poly("-5 74, 5 74, 8.5 90, -8.5 90", "ffe6a0", glow=1.0)
    for x in (-0.0675, 0.0, 0.0675):
        pen.limb([(x * 0.75, 0.74), (x * 1.2, 0.9)], 0.009, 0.009, iron, detail=True)
    pen.blob("-11 90, -6 95, 0 98, 6 95, 11 90, 0 89", iron)
    pen.disc(0.0, 0.995, 0.018, iron)


def candle(pen: Pen) -> None:
    """A burning candle."""
    wax = pen.own("f1e6cc")
    pen.disc(0.0, 0.06, 0.3, "b08a4a", tall=0.24)
    pen.disc(0.0, 0.075, 0.23, "d9b468", tall=0.2, detail=True)
    pen.blob("-11 8, -11.5 40, -11 64, 0 66, 11 62, 11.5 40, 11 8, 0 5", wax, glow=0.3)
    pen.blob("6 64, 9 50, 12 46, 13 56, 11.5 64", pale(wax, 0.5), detail=True, glow=0.3)
    pen.limb("0 64, 0.8 72", 0.014, 0.01, "3a2c28", detail=True)
    pen.blob("-5.5 76, -3 88, 0 102, 4 88, 5.5 76, 0 69", "ffb03c", glow=1.0)
    pen.blob("-2.6 76, 0 89, 2.8 76, 0 71", "fff4c0", detail=True, glow=1.0)


def fruit(pen: Pen) -> None:
    """Apples and a pear in a bowl."""
    skin = pen.own("d0493a")
    for x, y, r, colour in (
        (-0.26, 0.46, 0.19, skin),
        (0.28, 0.45, 0.19, mix(skin, rgb("f0a03c"), 0.6)),
        (0.02, 0.5, 0.22, mix(skin, rgb("a0b848"), 0.15)),
    ):
        pen.blob(
            [
                (x - r, y),
                (x - r * 0.7, y + r * 0.75),
                (x, y + r * 0.72),
                (x + r * 0.7, y + r * 0.75),
                (x + r, y),
                (x + r * 0.55, y - r * 0.85),
                (x, y - r * 0.9),
                (x - r * 0.55, y - r * 0.85),
            ],
            colour,
        )
        pen.disc(x - r * 0.4, y + r * 0.34, r * 0.16, pale(colour, 0.75), tall=1.4, turn=0.6, detail=True)
        pen.limb([(x, y + r * 0.7), (x + 0.02, y + r * 1.05)], 0.018, 0.014, "5a4030")
        pen.blob(
            [
                (x + 0.02, y + r * 0.95),
                (x + 0.1, y + r * 1.2),
                (x + 0.17, y + r * 1.1),
                (x + 0.1, y + r * 0.95),
            ],
            "6a9a44",
        )
    pen.blob("-14 60, -20 75, -14 92, -6 98, 2 90, 8 74, 2 60", "b8c04c")
    pen.blob("-54 40, -46 20, -24 6, 24 6, 46 20, 54 40, 30 36, 0 35, -30 36", "d8e0e4")
    pen.limb("-50 32, -25 27, 25 27, 50 32", 0.03, 0.03, "4a78a8", detail=True)
    pen.box(-0.18, 0.0, 0.18, 0.07, "c4ccd2")


def vase(pen: Pen) -> None:
    """A vase of flowers."""
    glaze = pen.own("4a6aa0")
    for _ in range(9):
        x, y = float(pen.rng.uniform(-0.34, 0.34)), float(pen.rng.uniform(0.66, 0.96))
        colour = rgb(("e0567a", "f0b03c", "f4e6da", "b06ac8", "e8743c")[int(pen.rng.integers(5))])
        pen.limb([(x * 0.12, 0.48), (x * 0.5, 0.6), (x, y)], 0.016, 0.012, "4f7f42")
        for k in range(6):
            angle = k * math.pi / 3 + x
            pen.disc(
                x + 0.055 * math.cos(angle),
                y + 0.055 * math.sin(angle),
                0.045,
                mix(colour, pale(colour), 0.3 * (k % 2)),
            )
        pen.disc(x, y, 0.03, "f0d060")
    for x in (-0.28, 0.24):
        pen.blob([(x * 0.2, 0.5), (x * 0.7, 0.56), (x * 1.3, 0.66), (x * 0.8, 0.64)], "5f9a4c")
    pen.blob("-12 0, -22 14, -22 28, -10 40, -9 50, -13 54, 13 54, 9 50, 10 40, 22 28, 22 14, 12 0", glaze)
    pen.limb("-21 24, 0 20, 21 24", 0.05, 0.05, pale(glaze, 0.65), detail=True)


def heart(pen: Pen) -> None:
    """A heart."""
    colour = pen.own("d8344c")
    pen.blob("0 4, -24 28, -46 54, -46 80, -28 94, -10 88, 0 74, 10 88, 28 94, 46 80, 46 54, 24 28", colour)
    pen.blob("-38 72, -32 84, -20 86, -28 78, -33 66", pale(colour, 0.6), detail=True)


def umbrella(pen: Pen) -> None:
    """An open umbrella, stuck in the ground."""
    cloth = pen.own("d8483c")
    pen.limb("6 0, 0 50, -3 98", 0.026, 0.02, "6a4a34")
    panels = 6
    for k in range(panels):
        left, right = -0.55 + 1.1 * k / panels, -0.55 + 1.1 * (k + 1) / panels
        pen.blob(
            [
                (-0.03, 0.96),
                (left * 0.62, 0.86),
                (left, 0.62),
                ((left + right) / 2, 0.665),
                (right, 0.62),
                (right * 0.62, 0.86),
            ],
            cloth if k % 2 else pale(cloth, 0.75),
        )


def clock(pen: Pen) -> None:
    """A round clock on feet."""
    case = pen.own("b8863c")
    for side in (-1, 1):
        pen.limb([(side * 0.24, 0.16), (side * 0.34, 0.0)], 0.06, 0.04, dark(case, 0.3))
        pen.disc(side * 0.26, 0.9, 0.14, pale(case, 0.2), tall=0.75, turn=-side * 0.6)
    pen.disc(0.0, 0.48, 0.42, case)
    pen.disc(0.0, 0.48, 0.35, "f7f1e2", detail=True)
    for k in range(12):
        angle = k * math.pi / 6
        pen.limb(
            [
                (0.28 * math.cos(angle), 0.48 + 0.28 * math.sin(angle)),
                (0.32 * math.cos(angle), 0.48 + 0.32 * math.sin(angle)),
            ],
            0.018,
            0.018,
            "2c2830",
            detail=True,
        )
    for angle, reach, wide in (
        (float(pen.rng.uniform(0, 6.28)), 0.18, 0.028),
        (float(pen.rng.uniform(0, 6.28)), 0.26, 0.018),
    ):
        pen.limb(
            [(0.0, 0.48), (reach * math.cos(angle), 0.48 + reach * math.sin(angle))],
            wide,
            wide * 0.6,
            "2c2830",
            detail=True,
        )
    pen.disc(0.0, 0.48, 0.028, "a83a30", detail=True)


def guitar(pen: Pen) -> None:
    """A guitar, standing."""
    wood = pen.own("c07a3a")
    pen.blob("0 0, -20 4, -25 18, -16 30, -18 44, -8 53, 8 53, 18 44, 16 30, 25 18, 20 4", wood)
    pen.box(-0.03, 0.46, 0.03, 0.9, "4a3226")
    pen.blob("-4.5 88, -6 102, 6 102, 4.5 88", "3a2820")
    pen.disc(0.0, 0.34, 0.07, "2c1c16", detail=True)
    pen.box(-0.07, 0.12, 0.07, 0.15, "3a2820", detail=True)
    for x in (-0.018, -0.006, 0.006, 0.018):
        pen.limb([(x, 0.13), (x, 0.94)], 0.004, 0.004, "e8e0d0", detail=True)


def sword(pen: Pen) -> None:
    """A sword in a stone."""
    steel = pen.own("d4dce6")
    pen.poly("-4.5 20, 4.5 20, 4.5 68, -4.5 68", steel, glow=0.12)
    pen.poly("-1.2 20, 1.2 20, 1.2 68, -1.2 68", dark(steel, 0.3), detail=True)
    pen.limb("-20 70, 0 68, 20 70", 0.05, 0.05, "d9a84c")
    pen.limb("0 70, 0 90", 0.045, 0.045, "5a3428")
    pen.disc(0.0, 0.93, 0.05, "d9a84c")
    pen.disc(0.0, 0.93, 0.024, "b82c3c", detail=True)
    pen.blob("-50 0, -44 16, -24 28, 0 30, 22 25, 40 14, 50 0", "7f7c7e")
    pen.blob("-44 0, -30 10, -6 6, 16 10, 40 0", "6a8a4c")


def planet(pen: Pen) -> None:
    """A ringed planet."""
    body = pen.own("d89a5c")
    half_ring = [
        (
            0.78 * math.cos(a / 12 * math.pi),
            0.5 + 0.2 * math.sin(a / 12 * math.pi) + 0.16 * math.cos(a / 12 * math.pi),
        )
        for a in range(13)
    ]
    pen.limb(half_ring, 0.06, 0.06, pale(body, 0.45))
    pen.disc(0.0, 0.5, 0.44, body)
    for y, high, tone in (
        (0.7, 0.06, pale(body, 0.4)),
        (0.55, 0.05, dark(body, 0.18)),
        (0.38, 0.08, pale(body, 0.25)),
        (0.22, 0.05, dark(body, 0.22)),
    ):
        half = math.sqrt(max(0.44**2 - (y - 0.5) ** 2, 0)) * 0.96
        pen.blob(
            [
                (-half, y),
                (-half * 0.5, y + high * 0.7),
                (half * 0.4, y + high * 0.3),
                (half, y + high * 0.2),
                (half * 0.96, y - high * 0.4),
                (0.0, y - high * 0.3),
                (-half * 0.96, y - high * 0.4),
            ],
            tone,
            detail=True,
        )
    front = [
        (
            0.78 * math.cos(a / 12 * math.pi),
            0.5 + 0.2 * math.sin(a / 12 * math.pi) + 0.16 * math.cos(a / 12 * math.pi),
        )
        for a in range(12, 25)
    ]
    pen.limb(front, 0.07, 0.07, pale(body, 0.55))
