"""Human and near-human figures."""

from bot.sketch.painting.palette import mix, rgb
from bot.sketch.painting.pen import Pen, dark, pale

_SKIN = ("e8b48c", "c98a5e", "8a5a3c", "f0c8a4")


def person(pen: Pen) -> None:
    """A wanderer with a scarf and a rucksack, looking into the picture."""
    coat = pen.own("b8452f")
    skin = rgb(_SKIN[int(pen.rng.integers(len(_SKIN)))])
    hair = rgb(("3a2a22", "6a4226", "c79a5a", "26222a")[int(pen.rng.integers(4))])
    for x in (-0.055, 0.06):
        pen.limb([(x, 0.44), (x * 1.2, 0.24), (x * 1.1, 0.05)], 0.1, 0.07, "3c4258")
        pen.blob(
            [(x - 0.045, 0.0), (x - 0.04, 0.07), (x + 0.04, 0.07), (x + 0.07, 0.02), (x + 0.06, 0.0)],
            "4a3428",
        )
    pen.limb("11 72, 17 56, 15 42", 0.08, 0.055, dark(coat, 0.15))
    pen.disc(0.15, 0.4, 0.03, skin)
    pen.blob("-12 40, -15 60, -13 76, 0 81, 12 76, 15 60, 13 40, 0 37", coat)
    pen.limb("-12 73, -18 57, -17 42", 0.085, 0.06, coat)
    pen.disc(-0.17, 0.4, 0.032, skin)
    pen.blob("-10 50, -11 70, 0 75, 10 70, 10 50, 0 47", "7a5a3a")
    pen.blob("-7 52, -7 60, 7 60, 7 52", "93703f", detail=True)
    pen.limb("-10 68, 0 71, 10 68", 0.03, 0.03, "5a3e28", detail=True)
    pen.blob("-9 80, 0 84.5, 9 80, 7 76, -7 76", "e0b84a")
    pen.blob("7 79, 20 79, 30 72, 28 69, 16 74.5", "d0a43c")
    pen.disc(0.005, 0.9, 0.082, skin, tall=1.12)
    pen.blob("-9 86, -9.5 95, -4 100, 5 100, 9 94, 8.5 87, 4 84, -4 83", hair)


def knight(pen: Pen) -> None:
    """A knight with sword and shield."""
    cloth = pen.own("a8322e")
    steel = rgb("a8b0bc")
    pen.blob("-10 76, -24 50, -28 12, -10 16, 10 30, 8 74", dark(cloth, 0.2))
    for x in (-0.07, 0.08):
        pen.limb([(x, 0.42), (x * 1.2, 0.22), (x * 1.1, 0.05)], 0.105, 0.075, dark(steel, 0.15))
        pen.disc(x * 1.2, 0.23, 0.045, steel)
        pen.blob(
            [(x - 0.05, 0.0), (x - 0.045, 0.07), (x + 0.045, 0.07), (x + 0.09, 0.015), (x + 0.08, 0.0)],
            dark(steel, 0.25),
        )
    pen.limb("12 72, 22 60, 27 50", 0.085, 0.065, steel)
    pen.limb("29 44, 31 70, 33 106", 0.04, 0.012, "dfe6ee")
    pen.limb("23 51.5, 36 50.5", 0.026, 0.026, "d9a84c")
    pen.disc(0.285, 0.48, 0.035, dark(steel, 0.2))
    pen.blob("-13 40, -15 62, -13 77, 0 81, 13 77, 15 62, 13 40, 0 36", steel)
    pen.blob("-9 36, -9 70, 9 70, 10 36, 0 31", cloth, detail=True)
    pen.box(-0.015, 0.44, 0.015, 0.66, "f0e6cc", detail=True)
    pen.box(-0.06, 0.54, 0.06, 0.57, "f0e6cc", detail=True)
    pen.box(-0.13, 0.42, 0.13, 0.455, "4a3428", detail=True)
    for x in (-0.13, 0.13):
        pen.disc(x, 0.74, 0.06, pale(steel, 0.2))
    pen.blob("-8.5 82, -9 94, 0 101, 9 94, 8.5 82, 0 79", steel)
    pen.box(0.0, 0.895, 0.085, 0.915, "16181e", detail=True)
    for k in range(3):
        pen.box(0.02 + k * 0.022, 0.83, 0.03 + k * 0.022, 0.87, "16181e", detail=True)
    pen.blob("0 99, -4 110, -18 112, -24 100, -12 102", cloth)
    pen.blob("-30 66, -16 70, -4 66, -6 48, -17 34, -28 48", cloth)
    pen.blob("-17 67, -15.5 60, -15.5 42, -17 37, -18.5 42, -18.5 60", "e8c460", detail=True)


def astronaut(pen: Pen) -> None:
    """An astronaut, waving."""
    suit = pen.own("eceae6")
    seam = dark(suit, 0.3)
    pen.blob("-20 42, -22 70, -10 78, 10 78, 22 70, 20 42", dark(suit, 0.35))
    for side in (-1, 1):
        pen.limb([(side * 0.08, 0.42), (side * 0.12, 0.24), (side * 0.11, 0.06)], 0.15, 0.12, suit)
        pen.blob(
            [
                (side * 0.11 - 0.08, 0.0),
                (side * 0.11 - 0.075, 0.09),
                (side * 0.11 + 0.075, 0.09),
                (side * 0.11 + 0.08, 0.0),
            ],
            seam,
        )
        pen.limb([(side * 0.07, 0.23), (side * 0.18, 0.235)], 0.02, 0.02, "c8543c", detail=True)
    pen.limb("-15 68, -27 54, -25 40", 0.12, 0.1, suit)
    pen.disc(-0.25, 0.37, 0.058, seam)
    pen.blob("-16 40, -19 60, -14 75, 14 75, 19 60, 16 40, 0 36", suit)
    pen.limb("15 68, 30 74, 34 90", 0.12, 0.1, suit)
    pen.disc(0.345, 0.95, 0.058, seam)
    pen.box(-0.09, 0.5, 0.09, 0.63, pale(rgb("8a94a4"), 0.2))
    for k, colour in enumerate(("e0483c", "f0c23c", "3c9ae0")):
        pen.disc(-0.05 + k * 0.05, 0.585, 0.015, colour, detail=True, glow=0.6)
    pen.box(-0.06, 0.52, 0.06, 0.545, "4a5260", detail=True)
    pen.disc(0.0, 0.88, 0.17, suit)
    pen.disc(0.02, 0.88, 0.125, "d9a84c", tall=0.9, detail=True)
    pen.disc(0.02, 0.88, 0.112, "1e2c48", tall=0.9, detail=True)
    pen.blob("-5 93, 0 96, 6 95.5, 0 92, -4 88", "8ab4e0", detail=True)


def robot(pen: Pen) -> None:
    """A friendly robot with one antenna."""
    shell = pen.own("7fa8b8")
    joint = rgb("4c5460")
    for side in (-1, 1):
        pen.limb([(side * 0.1, 0.36), (side * 0.11, 0.08)], 0.07, 0.07, joint)
        pen.blob(
            [
                (side * 0.11 - 0.09, 0.0),
                (side * 0.11 - 0.08, 0.1),
                (side * 0.11 + 0.08, 0.1),
                (side * 0.11 + 0.09, 0.0),
            ],
            shell,
        )
    pen.limb("-20 62, -31 50, -29 34", 0.07, 0.06, joint)
    pen.limb("20 62, 33 58, 38 72", 0.07, 0.06, joint)
    for x, y in ((-0.29, 0.31), (0.385, 0.76)):
        pen.disc(x, y, 0.055, shell)
    pen.blob("-20 34, -22 50, -20 66, 20 66, 22 50, 20 34, 0 31", shell)
    pen.box(-0.12, 0.41, 0.12, 0.58, pale(shell, 0.55), detail=True)
    pen.disc(-0.06, 0.52, 0.026, "f0603c", detail=True, glow=0.7)
    pen.disc(0.01, 0.52, 0.026, "f0c83c", detail=True, glow=0.7)
    for k in range(3):
        pen.box(0.05 + k * 0.022, 0.44, 0.06 + k * 0.022, 0.48 + 0.03 * k, joint, detail=True)
    pen.box(-0.05, 0.65, 0.05, 0.71, joint)
    pen.blob("-22 72, -23 84, -18 94, 18 94, 23 84, 22 72, 0 69", mix(shell, pale(shell), 0.5))
    pen.blob("-17 76, -17 89, 17 89, 17 76", "1e2836", detail=True)
    for x in (-0.075, 0.075):
        pen.disc(x, 0.83, 0.038, "8af4ee", detail=True, glow=1.0)
    pen.limb("0 94, 0 104", 0.018, 0.014, joint)
    pen.disc(0.0, 1.06, 0.034, "f0603c", glow=0.8)
    for side in (-1, 1):
        pen.disc(side * 0.235, 0.82, 0.035, joint)


def snowman(pen: Pen) -> None:
    """A snowman with a scarf."""
    scarf = pen.own("c8392e")
    snow = rgb("f4f6fa")
    pen.disc(0.0, 0.24, 0.3, snow, tall=0.86)
    for side in (-1, 1):
        pen.limb([(side * 0.18, 0.56), (side * 0.36, 0.66), (side * 0.48, 0.76)], 0.024, 0.014, "5a4030")
        pen.limb([(side * 0.4, 0.69), (side * 0.42, 0.78)], 0.014, 0.01, "5a4030")
    pen.disc(0.0, 0.56, 0.21, snow, tall=0.9)
    pen.disc(0.0, 0.82, 0.15, snow)
    for y in (0.48, 0.56, 0.64):
        pen.disc(0.02, y, 0.018, "2a262c", detail=True)
    pen.blob("-14 74, 0 69, 14 74, 13 68, 0 64, -13 68", scarf)
    pen.blob("6 68, 14 68, 17 50, 10 49", dark(scarf, 0.12))
    for x in (-0.04, 0.07):
        pen.disc(x, 0.86, 0.017, "2a262c", detail=True)
    pen.poly("1 83, 1 78.5, 16 79.5", "f08a34")
    pen.box(-0.17, 0.93, 0.17, 0.955, "2c2a34")
    pen.box(-0.1, 0.95, 0.1, 1.1, "34323e")
    pen.box(-0.1, 0.955, 0.1, 0.985, scarf, detail=True)
