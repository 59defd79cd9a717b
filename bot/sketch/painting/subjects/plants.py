"""Plants, stones and crystals."""

import math

from bot.sketch.painting.palette import mix, rgb
from bot.sketch.painting.pen import Pen, dark, pale


def tree(pen: Pen) -> None:
    """A broad old tree."""
    leaf = pen.own("5f9a48")
    bark = rgb("5e4634")
    pen.blob("-10 0, -5 12, -5 34, -2 50, 5 50, 6 30, 6 12, 13 0, 4 3, -3 2", bark)
    for x, y in ((-0.3, 0.62), (0.28, 0.66), (-0.1, 0.8), (0.16, 0.82)):
        pen.limb([(0.0, 0.34), (x * 0.5, 0.5), (x, y)], 0.05, 0.015, bark)
    clumps = []
    for _ in range(17):
        angle, away = float(pen.rng.uniform(0, 2 * math.pi)), math.sqrt(float(pen.rng.random()))
        clumps.append(
            (
                away * 0.36 * math.cos(angle),
                0.7 + away * 0.23 * math.sin(angle),
                float(pen.rng.uniform(0.1, 0.17)),
            )
        )
    for x, y, r in sorted(clumps, key=lambda clump: clump[1]):
        tone = mix(dark(leaf, 0.38), pale(leaf, 0.22), min(max((y - 0.5) / 0.45, 0.0), 1.0))
        knots = 9
        edge = [
            (
                x + r * (1 + float(pen.rng.uniform(-0.16, 0.16))) * math.cos(k * 2 * math.pi / knots),
                y + r * 0.86 * (1 + float(pen.rng.uniform(-0.16, 0.16))) * math.sin(k * 2 * math.pi / knots),
            )
            for k in range(knots)
        ]
        pen.blob(edge, tone)


def pine(pen: Pen) -> None:
    """A conifer."""
    needle = pen.own("2f5f48")
    pen.limb("0 0, 0 30", 0.06, 0.045, "4f3a2c")
    tiers = 7
    for k in range(tiers):
        low, half = 0.1 + 0.78 * k / tiers, 0.3 * (1 - k / tiers) ** 0.85 + 0.04
        high = min(low + 0.3, 1.0)
        teeth = 6
        edge = [(0.0, high)]
        for n in range(teeth + 1):
            x = half * (1 - 2 * n / teeth)
            drop = 0.0 if n % 2 else -0.035
            edge.append((x * float(pen.rng.uniform(0.92, 1.08)), low + drop + 0.05 * (1 - abs(x / half))))
        pen.poly(edge, mix(needle, pale(needle, 0.25), k / tiers * 0.6))


def palm(pen: Pen) -> None:
    """A palm, leaning."""
    leaf = pen.own("4f9a54")
    pen.limb("-10 0, -8 26, 0 54, 14 76", 0.075, 0.045, "8a6a4a")
    for k in range(8):
        y = 0.06 + k * 0.085
        x = -0.1 + 0.24 * (y / 0.76) ** 1.7
        pen.limb([(x - 0.03, y), (x + 0.03, y + 0.012)], 0.009, 0.009, "6a4e36", detail=True)
    for k in range(9):
        angle = math.pi * (k / 8) * 1.24 - 0.38
        reach = 0.42
        cos, sin = math.cos(angle), math.sin(angle)
        tip = (0.14 + reach * cos, 0.8 + reach * sin * 0.55 - 0.1)
        middle = (0.14 + reach * 0.55 * cos, 0.8 + reach * 0.62 * sin + 0.06)
        low = (middle[0] * 0.96 + 0.005, middle[1] - 0.085)
        pen.blob([(0.13, 0.77), middle, tip, low], mix(leaf, dark(leaf), 0.45 * (k % 2)))
    for x, y in ((0.1, 0.74), (0.17, 0.73), (0.14, 0.7)):
        pen.disc(x, y, 0.032, "6a4a30")


def cactus(pen: Pen) -> None:
    """A saguaro in flower."""
    skin = pen.own("5a8f58")
    pen.limb("0 44, 24 44, 27 56, 27 76", 0.11, 0.1, dark(skin, 0.1))
    pen.limb("0 32, -22 32, -26 42, -26 62", 0.11, 0.1, dark(skin, 0.1))
    for x, y in ((0.27, 0.76), (-0.26, 0.62)):
        pen.disc(x, y, 0.05, dark(skin, 0.1), detail=True)
        pen.disc(x, y + 0.05, 0.03, "f07a9a")
    pen.blob("-10 0, -11.5 40, -10 84, 0 97, 10 84, 11.5 40, 10 0", skin)
    for x in (-0.05, 0.0, 0.05):
        pen.limb([(x, 0.02), (x * 1.1, 0.5), (x * 0.7, 0.92)], 0.01, 0.008, dark(skin, 0.3), detail=True)
    pen.disc(0.0, 0.98, 0.035, "f07a9a")


def flower(pen: Pen) -> None:
    """Three open flowers on their stems."""
    petal = pen.own("e0567a")
    for x, y, size in ((-0.24, 0.62, 0.15), (0.26, 0.7, 0.16), (0.0, 0.84, 0.2)):
        pen.limb([(x * 0.2, 0.0), (x * 0.5, 0.34), (x, y)], 0.028, 0.02, "4f7f42")
        pen.blob(
            [(x * 0.42, 0.26), (x * 0.42 + 0.12, 0.36), (x * 0.42 + 0.24, 0.38), (x * 0.42 + 0.13, 0.27)],
            "5f9a4c",
        )
        pen.blob(
            [(x * 0.3, 0.16), (x * 0.3 - 0.13, 0.26), (x * 0.3 - 0.24, 0.27), (x * 0.3 - 0.12, 0.16)],
            "4f8a48",
        )
        spin = float(pen.rng.uniform(0, 1))
        for ring, count in ((1.0, 9), (0.66, 7)):
            for k in range(count):
                angle = spin + k * 2 * math.pi / count + ring
                reach = size * ring
                pen.disc(
                    x + math.cos(angle) * reach * 0.6,
                    y + math.sin(angle) * reach * 0.55,
                    reach * 0.46,
                    mix(
                        petal, pale(petal, 0.45), float(pen.rng.uniform(0, 0.6)) + (0.3 if ring < 1 else 0.0)
                    ),
                    tall=0.5,
                    turn=angle,
                )
        pen.disc(x, y, size * 0.27, "f0c040")
        pen.disc(x - size * 0.04, y - size * 0.05, size * 0.17, "c88a2c", detail=True)


def bloom(pen: Pen) -> None:
    """One simple flower, for beds and meadows."""
    petal = pen.own("e0567a")
    lean = float(pen.rng.uniform(-0.12, 0.12))
    pen.limb([(0.0, 0.0), (lean * 0.4, 0.4), (lean, 0.76)], 0.05, 0.035, "4f7f42")
    pen.blob("0 22, 14 30, 30 32, 16 20", "5f9a4c")
    pen.blob("0 12, -14 22, -30 22, -14 10", "4f8a48")
    for k in range(7):
        angle = k * 2 * math.pi / 7
        x, y = lean + math.cos(angle) * 0.14, 0.78 + math.sin(angle) * 0.13
        pen.disc(x, y, 0.12, mix(petal, pale(petal, 0.4), 0.5 * (k % 3)), tall=0.62, turn=angle)
    pen.disc(lean, 0.78, 0.07, "f0c040")


def mushroom(pen: Pen) -> None:
    """A big and a small toadstool."""
    cap = pen.own("cc3f34")
    for x, size in ((0.32, 0.5), (-0.08, 1.0)):

        def at(across: float, up: float, x: float = x, size: float = size) -> tuple[float, float]:
            return x + across * size, up * size

        pen.blob(
            [
                at(-0.1, 0.0),
                at(-0.08, 0.2),
                at(-0.075, 0.56),
                at(0.075, 0.56),
                at(0.08, 0.2),
                at(0.11, 0.0),
                at(0.0, -0.02),
            ],
            "f0e6d2",
        )
        pen.blob(
            [at(-0.1, 0.46), at(0.0, 0.42), at(0.1, 0.46), at(0.12, 0.4), at(0.0, 0.35), at(-0.12, 0.4)],
            "e0d2b8",
        )
        pen.blob(
            [
                at(-0.4, 0.55),
                at(-0.2, 0.5),
                at(0.0, 0.52),
                at(0.2, 0.5),
                at(0.4, 0.55),
                at(0.2, 0.6),
                at(-0.2, 0.6),
            ],
            "e6d6ba",
        )
        pen.blob(
            [
                at(-0.42, 0.55),
                at(-0.34, 0.78),
                at(-0.16, 0.94),
                at(0.0, 0.98),
                at(0.16, 0.94),
                at(0.34, 0.78),
                at(0.42, 0.55),
                at(0.2, 0.585),
                at(0.0, 0.57),
                at(-0.2, 0.585),
            ],
            cap,
        )
        for across, up, r in (
            (-0.22, 0.72, 0.055),
            (-0.04, 0.86, 0.06),
            (0.16, 0.78, 0.05),
            (0.02, 0.68, 0.04),
            (0.29, 0.65, 0.035),
            (-0.32, 0.62, 0.03),
        ):
            spot = at(across, up)
            pen.disc(spot[0], spot[1], r * size, "fbf3e4", tall=0.8, detail=True)


def tuft(pen: Pen) -> None:
    """A tuft of grass."""
    blade = pen.own("6a8a3c")
    for k in range(9):
        lean = (k - 4) * 0.16 + float(pen.rng.uniform(-0.1, 0.1))
        tall = float(pen.rng.uniform(0.5, 1.0))
        tone = mix(blade, pale(blade), 0.45 * (k % 3) / 2)
        pen.poly(
            [
                (lean * 0.25 - 0.05, 0.0),
                (lean * 0.7, tall * 0.6),
                (lean * 1.3, tall),
                (lean * 0.25 + 0.05, 0.0),
            ],
            tone,
        )


def rock(pen: Pen) -> None:
    """A balanced pile of stones."""
    stone = pen.own("8f8c8a")
    y = 0.0
    for wide, high in ((0.42, 0.3), (0.3, 0.24), (0.24, 0.2), (0.15, 0.15), (0.09, 0.1)):
        x = float(pen.rng.uniform(-0.04, 0.04))
        tone = mix(stone, rgb("6a625c"), float(pen.rng.uniform(0, 0.6)))
        pen.blob(
            [
                (x - wide, y + high * 0.4),
                (x - wide * 0.7, y + high * 0.95),
                (x, y + high * 1.05),
                (x + wide * 0.75, y + high * 0.9),
                (x + wide, y + high * 0.45),
                (x + wide * 0.6, y),
                (x - wide * 0.6, y),
            ],
            tone,
        )
        y += high * 0.96


def crystal(pen: Pen) -> None:
    """A cluster of glowing crystals."""
    gem = pen.own("8a6ae0")
    for x, tall, half, lean in (
        (-0.26, 0.5, 0.09, -0.16),
        (0.3, 0.56, 0.1, 0.2),
        (-0.12, 0.8, 0.11, -0.07),
        (0.14, 0.72, 0.11, 0.09),
        (0.02, 1.0, 0.13, 0.02),
    ):
        top = x + lean
        pen.poly(
            [
                (x - half, 0.0),
                (top - half * 0.95, tall * 0.8),
                (top, tall),
                (top + half * 0.95, tall * 0.78),
                (x + half, 0.0),
            ],
            gem,
            glow=0.3,
        )
        pen.poly(
            [
                (x - half, 0.0),
                (top - half * 0.95, tall * 0.8),
                (top, tall),
                (top - half * 0.1, tall * 0.72),
                (x - half * 0.1, 0.0),
            ],
            pale(gem, 0.4),
            detail=True,
            glow=0.4,
        )
        pen.poly(
            [(top - half * 0.1, tall * 0.72), (top, tall), (top + half * 0.95, tall * 0.78)],
            pale(gem, 0.65),
            detail=True,
            glow=0.5,
        )
    for x in (-0.34, -0.12, 0.12, 0.34):
        pen.blob([(x - 0.14, 0.0), (x - 0.1, 0.08), (x, 0.12), (x + 0.1, 0.07), (x + 0.14, 0.0)], "5a5460")


def bush(pen: Pen) -> None:
    """A round bush."""
    leaf = pen.own("5d8a46")
    for x, y, r in (
        (-0.3, 0.3, 0.3),
        (0.3, 0.28, 0.28),
        (0.0, 0.42, 0.38),
        (-0.16, 0.2, 0.24),
        (0.2, 0.18, 0.22),
    ):
        pen.disc(x, y, r, mix(leaf, pale(leaf), float(pen.rng.uniform(0, 0.35))), tall=0.85)
