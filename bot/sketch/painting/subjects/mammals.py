"""Four-legged figures, seen from the side, facing right."""

from bot.sketch.painting.palette import mix, rgb
from bot.sketch.painting.pen import Pen, dark, pale

_EYE = rgb("1c1618")


def _eye(pen: Pen, x: float, y: float, size: float = 0.014) -> None:
    pen.disc(x, y, size, _EYE, detail=True)
    pen.disc(x + size * 0.35, y + size * 0.4, size * 0.38, "ffffff", detail=True)


def fox(pen: Pen) -> None:
    """A sitting fox, its tail around it."""
    coat = pen.own("d9692a")
    cream, sock = pale(coat, 0.8), dark(coat, 0.72)
    pen.blob("-10 3, -32 0, -52 7, -58 20, -50 34, -40 30, -40 20, -28 16, -12 17", coat)
    pen.blob("-50 34, -57.5 24, -54.5 13, -49 17, -44 25", cream, detail=True)
    pen.blob("-24 0, -30 16, -26 36, -14 54, 2 64, 14 60, 17 40, 14 16, 10 0", coat)
    pen.blob("6 60, 16 56, 19 42, 14 26, 7 30, 5 45", cream, detail=True)
    pen.blob("-24 0, -29 12, -22 27, -8 25, -3 10, -2 0", mix(coat, dark(coat), 0.25))
    pen.limb("12 34, 14 18, 14.5 2", 0.11, 0.07, coat)
    pen.limb("4 30, 5 16, 6 2", 0.1, 0.07, mix(coat, dark(coat), 0.2))
    for x in (0.065, 0.15):
        pen.blob(
            [(x - 0.04, 0.0), (x - 0.038, 0.12), (x + 0.03, 0.13), (x + 0.075, 0.03), (x + 0.07, 0.0)], sock
        )
    pen.blob("-20 0, -19 6, -8 7, 0 4, 1 0", sock)
    pen.poly("-3 80, 0 100, 10 86", mix(coat, dark(coat), 0.3))
    pen.blob("-5 68, -3 80, 6 87, 16 86, 24 78, 38 70, 39 67, 28 63, 16 58, 4 58", coat)
    pen.blob("39 68.5, 28 63.5, 16 57.5, 6 57.5, 2 62, 14 66, 24 68", cream, detail=True)
    pen.poly("5 84, 10 102, 19 83", coat)
    pen.poly("8.5 86, 11 97, 16 85", dark(coat, 0.6), detail=True)
    pen.disc(0.385, 0.688, 0.02, _EYE, detail=True)
    _eye(pen, 0.215, 0.745, 0.017)


def wolf(pen: Pen) -> None:
    """A wolf that howls."""
    coat = pen.own("7d828c")
    belly, under = pale(coat, 0.55), dark(coat, 0.35)
    for x in (-0.3, 0.2):
        pen.limb([(x, 0.42), (x - 0.03, 0.22), (x + 0.01, 0.1), (x, 0.0)], 0.1, 0.05, under)
    pen.blob("-38 55, -50 48, -60 30, -64 14, -56 16, -48 30, -36 42", coat)
    pen.blob("-42 52, -34 60, -10 60, 12 64, 28 72, 36 60, 32 42, 20 32, -6 36, -26 34, -40 38", coat)
    pen.blob("20 33, 33 44, 37 60, 30 62, 22 48, 0 37", belly, detail=True)
    pen.blob("-42 46, -44 32, -34 20, -36 8, -36 0, -26 0, -28 10, -24 24, -20 40", coat)
    pen.limb("27 42, 29 22, 27 2", 0.13, 0.065, coat)
    pen.blob("23 0, 24 5, 33 3, 33 0", coat, detail=True)
    pen.blob("12 62, 20 78, 28 86, 36 90, 46 100, 50 100, 48 92, 52 90, 46 82, 42 70, 36 56, 24 52", coat)
    pen.blob("30 60, 38 68, 44 82, 50 89, 44 87, 36 76", belly, detail=True)
    pen.poly("24 84, 16 95, 30 90", under)
    pen.disc(0.485, 0.99, 0.02, _EYE, detail=True)
    _eye(pen, 0.36, 0.855, 0.012)


def dog(pen: Pen) -> None:
    """A standing dog with a raised tail."""
    coat = pen.own("c08a4e")
    belly, under = pale(coat, 0.6), dark(coat, 0.3)
    for x in (-0.3, 0.16):
        pen.limb([(x, 0.4), (x - 0.02, 0.2), (x, 0.0)], 0.11, 0.06, under)
    pen.limb("-40 52, -50 60, -54 74, -48 82", 0.09, 0.04, coat)
    pen.blob("-44 50, -36 60, -10 60, 14 64, 28 66, 33 50, 26 34, 0 34, -30 34, -42 38", coat)
    pen.blob("22 62, 33 52, 29 36, 20 40", belly, detail=True)
    pen.blob("-44 48, -45 30, -36 18, -40 0, -28 0, -28 16, -22 36", coat)
    pen.limb("24 42, 25 20, 25 2", 0.13, 0.075, coat)
    pen.blob("21 0, 21 5, 32 4, 33 0", belly, detail=True)
    pen.blob("16 60, 20 78, 28 88, 40 88, 48 80, 60 76, 62 70, 56 65, 44 64, 36 56, 26 52", coat)
    pen.blob("48 72, 60 75, 62 70, 56 65.5, 46 65", belly, detail=True)
    pen.blob("26 88, 20 84, 17 70, 21 62, 28 68, 33 82", under)
    pen.disc(0.615, 0.745, 0.026, _EYE, detail=True)
    _eye(pen, 0.435, 0.795, 0.018)
    pen.limb("30 60, 36 58, 40 62", 0.035, 0.03, "c0392f", detail=True)


def cat(pen: Pen) -> None:
    """A sitting cat, seen from behind its shoulder, tail curled."""
    coat = pen.own("e09a4c")
    belly, mark = pale(coat, 0.75), dark(coat, 0.34)
    pen.limb("-16 6, -36 3, -46 14, -42 28, -34 30", 0.1, 0.06, mix(coat, mark, 0.3))
    pen.blob("-26 0, -31 16, -25 38, -12 56, 6 60, 16 48, 18 20, 16 0", coat)
    pen.blob("6 58, 16 50, 17 30, 10 26, 4 42", belly, detail=True)
    for y in (0.26, 0.35, 0.44):
        pen.limb(
            [(-0.27 + (y - 0.26) * 0.6, y), (-0.18 + (y - 0.26) * 0.5, y + 0.02), (-0.1, y - 0.01)],
            0.025,
            0.008,
            mark,
            detail=True,
        )
    pen.blob("-26 0, -30 12, -22 24, -10 22, -5 8, -4 0", mix(coat, mark, 0.2))
    pen.limb("12 32, 13 3", 0.1, 0.08, coat)
    for x in (-0.1, 0.14):
        pen.blob([(x - 0.06, 0.0), (x - 0.05, 0.05), (x + 0.04, 0.06), (x + 0.08, 0.0)], belly)
    pen.poly("-10 78, -10 97, 2 86", mix(coat, mark, 0.25))
    pen.poly("14 86, 25 96, 25 76", coat)
    pen.poly("18 86, 23.5 92, 23.5 80", "d98a86", detail=True)
    pen.blob("-12 68, -10 80, 0 88, 14 88, 25 80, 27 68, 20 57, 6 54, -6 58", coat)
    pen.blob("4 60, 10 68, 20 67, 25 61, 17 55, 8 55", belly, detail=True)
    for x in (0.06, 0.09, 0.12):
        pen.limb([(x, 0.88), (x + 0.005, 0.8)], 0.02, 0.006, mark, detail=True)
    for x in (0.045, 0.185):
        pen.disc(x, 0.725, 0.032, "e8d860", tall=0.95, detail=True)
        pen.disc(x + 0.004, 0.725, 0.013, _EYE, tall=2.2, detail=True)
    pen.poly("10.5 66.5, 14.5 66.5, 12.5 64", "b5605c", detail=True)


def rabbit(pen: Pen) -> None:
    """A sitting rabbit."""
    coat = pen.own("b59a80")
    belly, under = pale(coat, 0.65), dark(coat, 0.25)
    pen.disc(-0.34, 0.16, 0.08, pale(coat, 0.85))
    pen.blob("-32 2, -36 20, -26 40, -6 50, 12 50, 20 34, 18 10, 12 0", coat)
    pen.blob("-30 0, -32 14, -20 28, -6 22, -2 8, 8 4, 8 0", mix(coat, under, 0.5))
    pen.blob("10 46, 20 36, 19 16, 12 20", belly, detail=True)
    pen.limb("12 24, 17 10, 20 2", 0.09, 0.07, coat)
    pen.blob("0 70, -12 86, -14 100, -6 98, 6 78", under)
    pen.blob("8 70, 2 90, 6 104, 13 98, 17 74", coat)
    pen.blob("9 76, 6 90, 8 98, 12 90, 13 76", "dba39a", detail=True)
    pen.blob("-2 52, 0 68, 12 74, 24 70, 32 58, 28 48, 14 44, 4 44", coat)
    pen.blob("32 58, 28 48, 16 45, 22 54", belly, detail=True)
    pen.disc(0.318, 0.58, 0.016, "a8605c", detail=True)
    _eye(pen, 0.2, 0.63, 0.022)


def bear(pen: Pen) -> None:
    """A walking bear."""
    coat = pen.own("6b4a34")
    muzzle, under = pale(coat, 0.35), dark(coat, 0.35)
    for x in (-0.28, 0.28):
        pen.limb([(x, 0.36), (x + 0.04, 0.18), (x + 0.04, 0.0)], 0.2, 0.13, under)
    pen.blob("-56 42, -52 62, -34 74, -6 74, 18 84, 36 80, 46 60, 42 36, 20 28, -20 26, -46 26", coat)
    pen.blob("-56 46, -56 20, -50 0, -34 0, -34 16, -26 36, -36 50", coat)
    pen.blob("20 50, 20 20, 16 0, 34 0, 36 20, 42 46", coat)
    pen.disc(0.42, 0.82, 0.065, under)
    pen.blob("30 70, 34 82, 46 86, 58 78, 70 68, 72 60, 64 54, 52 52, 40 50", coat)
    pen.blob("58 68, 70 68, 72 60, 64 54.5, 56 56", muzzle, detail=True)
    pen.disc(0.53, 0.86, 0.06, coat)
    pen.disc(0.71, 0.665, 0.028, _EYE, detail=True)
    _eye(pen, 0.565, 0.725, 0.016)


def deer(pen: Pen) -> None:
    """A standing stag."""
    coat = pen.own("a5693c")
    belly, under, horn = pale(coat, 0.6), dark(coat, 0.32), rgb("d9c39a")
    for x in (-0.2, 0.1):
        pen.limb([(x, 0.34), (x - 0.025, 0.18), (x, 0.0)], 0.06, 0.026, under)
    pen.blob("-32 42, -28 50, -6 50, 12 53, 22 50, 24 40, 16 31, -6 31, -24 30, -32 35", coat)
    pen.blob("-24 31, -4 31, 16 32, 0 36, -18 35", belly, detail=True)
    pen.disc(-0.315, 0.43, 0.035, pale(coat, 0.85), tall=1.4, detail=True)
    pen.blob("-33 42, -34 30, -27 20, -30 10, -30 0, -26 0, -25 12, -20 24, -16 36", coat)
    pen.limb("19 38, 20 20, 19 0", 0.08, 0.03, coat)
    pen.blob("8 46, 16 58, 22 68, 29 66, 28 54, 26 40, 18 36", coat)
    pen.blob("25 60, 28 52, 26 40, 22 42", belly, detail=True)
    for lean in (-0.045, 0.05):
        x = 0.235 + lean * 0.4
        pen.limb(
            [(x, 0.73), (x + lean * 2 - 0.02, 0.84), (x + lean * 3.2, 0.94), (x + lean * 2.4, 1.04)],
            0.024,
            0.01,
            horn,
        )
        pen.limb([(x + lean * 1.8 - 0.02, 0.83), (x + lean * 1.2 + 0.03, 0.92)], 0.016, 0.007, horn)
        pen.limb([(x + lean * 3, 0.93), (x + lean * 4.6, 1.0)], 0.016, 0.007, horn)
    pen.blob("20 72, 12 76, 11 73, 18 68", under)
    pen.blob("18 68, 20 74.5, 27 75.5, 34 70, 41 65, 40.5 61.5, 34 61, 26 62", coat)
    pen.blob("34 63.5, 40 63, 39 61.2, 33 60.8", belly, detail=True)
    pen.disc(0.406, 0.645, 0.013, _EYE, detail=True)
    _eye(pen, 0.29, 0.705, 0.011)


def horse(pen: Pen) -> None:
    """A horse at a gentle gallop."""
    coat = pen.own("8a5432")
    mane, under = dark(coat, 0.6), dark(coat, 0.28)
    pen.limb("-30 44, -46 30, -52 14, -60 8", 0.1, 0.03, under)
    pen.limb("24 46, 42 34, 46 20, 40 14", 0.09, 0.03, under)
    pen.blob("-38 60, -52 66, -68 58, -76 44, -66 50, -54 52, -40 52", mane)
    pen.blob("-42 56, -36 66, -18 65, 4 61, 22 67, 33 60, 34 46, 24 40, 0 38, -22 40, -38 42", coat)
    pen.blob("-42 56, -40 40, -32 28, -40 14, -46 2, -40 0, -34 12, -24 28, -16 44", coat)
    pen.limb("26 50, 30 34, 42 22, 54 12", 0.12, 0.035, coat)
    pen.blob("52 14, 56 14, 60 8, 54 7", mane, detail=True)
    pen.blob("14 64, 24 78, 34 90, 44 95, 48 88, 44 76, 38 60, 32 50, 20 50", coat)
    pen.blob("10 66, 16 82, 28 96, 40 101, 38 94, 28 84, 22 70, 16 60", mane)
    pen.poly("38 95, 40 104, 45 94", coat)
    pen.blob("36 90, 42 96, 50 94, 58 84, 66 76, 66 70, 60 67, 52 72, 42 78", coat)
    pen.disc(0.64, 0.735, 0.012, under, detail=True)
    _eye(pen, 0.5, 0.88, 0.014)


def elephant(pen: Pen) -> None:
    """A standing elephant."""
    hide = pen.own("8d8a92")
    under = dark(hide, 0.28)
    for x in (-0.26, 0.16):
        pen.limb([(x, 0.4), (x, 0.0)], 0.19, 0.16, under)
    pen.limb("-50 60, -57 44, -56 28", 0.04, 0.02, under)
    pen.blob("-52 50, -50 76, -30 90, 0 92, 22 88, 34 66, 28 40, 4 30, -24 30, -46 34", hide)
    for x in (-0.4, 0.28):
        pen.blob(
            [
                (x - 0.12, 0.44),
                (x - 0.1, 0.16),
                (x - 0.11, 0.0),
                (x + 0.09, 0.0),
                (x + 0.09, 0.2),
                (x + 0.12, 0.46),
            ],
            hide,
        )
    pen.blob(
        "20 80, 30 98, 48 100, 60 88, 62 70, 66 48, 70 30, 76 20, 82 24"
        ", 84 18, 76 10, 66 14, 58 30, 52 50, 38 54, 26 62",
        hide,
    )
    pen.blob("54 54, 66 42, 80 42, 70 50, 58 58", "f2ead6")
    pen.blob("14 86, 6 72, 10 52, 24 42, 34 54, 36 76, 28 90", mix(hide, under, 0.45))
    _eye(pen, 0.5, 0.8, 0.014)


def sheep(pen: Pen) -> None:
    """A woolly sheep."""
    wool = pen.own("efe6d6")
    face = rgb("3c3438")
    for x in (-0.24, -0.12, 0.14, 0.26):
        pen.limb([(x, 0.3), (x, 0.0)], 0.075, 0.055, face)
    pen.disc(-0.42, 0.5, 0.08, dark(wool, 0.1))
    for x, y, r in (
        (-0.26, 0.36, 0.17), (0.0, 0.33, 0.18), (0.24, 0.36, 0.16), (-0.3, 0.54, 0.18), (-0.12, 0.62, 0.18),
        (0.1, 0.63, 0.18), (0.28, 0.55, 0.17), (0.0, 0.48, 0.24),
    ):  # fmt: skip
        pen.disc(x, y, r, mix(wool, pale(wool), float(pen.rng.uniform(0.0, 0.6))))
    pen.blob("34 80, 30 68, 34 52, 46 42, 55 44, 56 58, 50 74, 42 82", face)
    pen.blob("34 74, 22 70, 24 64, 35 68", face)
    for x, y, r in ((0.35, 0.8, 0.07), (0.43, 0.83, 0.065), (0.29, 0.74, 0.06)):
        pen.disc(x, y, r, wool)
    pen.disc(0.46, 0.66, 0.026, "f6f2e8", detail=True)
    pen.disc(0.468, 0.66, 0.013, _EYE, detail=True)


def cow(pen: Pen) -> None:
    """A spotted cow."""
    hide = pen.own("f1ebe2")
    spot, under = rgb("3a322e"), dark(hide, 0.25)
    for x in (-0.34, 0.16):
        pen.limb([(x, 0.36), (x, 0.02)], 0.13, 0.08, under)
    pen.limb([(-0.52, 0.6), (-0.6, 0.44), (-0.58, 0.24)], 0.03, 0.02, under)
    pen.disc(-0.58, 0.22, 0.04, spot, tall=1.5)
    pen.blob("-54 58, -46 70, -10 70, 22 72, 34 64, 34 44, 22 32, -10 29, -40 30, -52 40", hide)
    pen.blob("-40 68, -24 69, -18 54, -30 44, -42 52", spot, detail=True)
    pen.blob("0 69, 16 70, 20 56, 8 46, -4 56", spot, detail=True)
    pen.blob("-20 32, -8 30, -12 20, -22 22", "e8b0a4")
    for x in (-0.42, 0.26):
        pen.blob(
            [
                (x - 0.09, 0.42),
                (x - 0.06, 0.16),
                (x - 0.06, 0.0),
                (x + 0.06, 0.0),
                (x + 0.06, 0.18),
                (x + 0.09, 0.42),
            ],
            hide,
        )
        pen.box(x - 0.06, 0.0, x + 0.06, 0.045, spot, detail=True)
    pen.blob("26 86, 16 88, 16 82, 26 78", spot)
    pen.limb([(0.34, 0.9), (0.3, 0.98), (0.36, 1.02)], 0.04, 0.012, "d9c9a4")
    pen.blob("24 68, 26 86, 36 94, 46 90, 56 74, 64 64, 62 54, 52 52, 40 58, 30 54", hide)
    pen.blob("28 88, 36 94, 44 90, 44 76, 34 72", spot, detail=True)
    pen.blob("54 66, 64 64, 62 54, 52 52, 48 58", "e8b0a4", detail=True)
    pen.disc(0.59, 0.6, 0.014, spot, detail=True)
    _eye(pen, 0.49, 0.79, 0.018)
