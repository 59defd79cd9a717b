"""Birds, facing right."""

from bot.sketch.painting.palette import mix, rgb
from bot.sketch.painting.pen import Pen, dark, pale

_EYE = rgb("1a1618")


def _eye(pen: Pen, x: float, y: float, size: float = 0.016) -> None:
    pen.disc(x, y, size, _EYE, detail=True)
    pen.disc(x + size * 0.35, y + size * 0.4, size * 0.36, "ffffff", detail=True)


def owl(pen: Pen) -> None:
    """An owl on a branch."""
    coat = pen.own("8a6a4a")
    face, wing = pale(coat, 0.62), dark(coat, 0.35)
    pen.limb("-52 10, -10 7, 30 10, 56 18", 0.08, 0.04, "54402f")
    pen.blob(
        "-20 10, -29 36, -30 66, -22 90, -26 102, -12 95, 0 94"
        ", 12 95, 26 102, 22 90, 30 66, 29 36, 20 10, 0 2",
        coat,
    )
    pen.blob("-14 16, -18 42, -10 56, 10 56, 18 42, 14 16, 0 10", face, detail=True)
    for row in range(4):
        for k in range(3 - row % 2 + 1):
            x = (k - (3 - row % 2) / 2) * 0.085
            pen.blob(
                [
                    (x - 0.03, 0.46 - row * 0.085),
                    (x, 0.42 - row * 0.085),
                    (x + 0.03, 0.46 - row * 0.085),
                    (x, 0.445 - row * 0.085),
                ],
                wing,
                detail=True,
            )
    for side in (-1, 1):
        pen.blob(
            [
                (side * 0.2, 0.6),
                (side * 0.31, 0.5),
                (side * 0.33, 0.26),
                (side * 0.22, 0.06),
                (side * 0.15, 0.26),
                (side * 0.16, 0.48),
            ],
            wing,
        )
        pen.disc(side * 0.115, 0.74, 0.125, face)
        pen.disc(side * 0.11, 0.74, 0.075, "f0b93c", detail=True)
        pen.disc(side * 0.105, 0.74, 0.043, _EYE, detail=True)
        pen.disc(side * 0.105 + 0.016, 0.757, 0.014, "ffffff", detail=True)
        pen.blob([(side * 0.05, 0.06), (side * 0.09, 0.13), (side * 0.13, 0.06)], "c99a3c")
    pen.poly("-3.5 70, 3.5 70, 0 60", "c9882f")


def bird(pen: Pen) -> None:
    """A songbird on a twig."""
    coat = pen.own("4a86b8")
    breast, wing = mix(rgb("f0a060"), pale(coat, 0.5), 0.35), dark(coat, 0.35)
    pen.limb("-60 6, -10 3, 40 8, 70 20", 0.05, 0.025, "5e4632")
    pen.blob("46 11, 50 24, 60 28, 58 16", "6d9a4c")
    for x in (-0.04, 0.06):
        pen.limb([(x, 0.2), (x + 0.02, 0.06)], 0.022, 0.018, "7a5a40")
    pen.blob("-30 30, -56 14, -70 4, -60 2, -36 14", wing)
    pen.blob("-38 26, -30 46, -10 62, 2 78, 16 86, 30 80, 34 68, 30 46, 16 24, -8 16", coat)
    pen.blob("32 64, 31 46, 17 25, -6 17, 2 34, 14 50, 20 64", breast, detail=True)
    pen.blob("4 56, -10 54, -36 30, -52 12, -24 20, 0 32, 8 46", wing)
    pen.blob("2 50, -16 40, -30 28, -10 34", mix(wing, coat, 0.6), detail=True)
    pen.poly("32 76, 47 71, 33 68", "e0a030")
    _eye(pen, 0.235, 0.745, 0.028)


def gull(pen: Pen) -> None:
    """A gull on the wing."""
    coat = pen.own("f2f2f0")
    wing = mix(coat, rgb("8b98a6"), 0.6)
    pen.blob("2 50, -10 66, -36 86, -68 94, -40 74, -20 52, -6 42", dark(wing, 0.2))
    pen.blob("-30 42, -46 36, -48 44", coat)
    pen.blob("-36 40, -10 52, 14 54, 32 52, 36 46, 26 42, 4 36, -20 36", coat)
    pen.blob("12 50, 22 70, 46 92, 84 98, 56 82, 30 56, 16 42, -2 44", wing)
    pen.blob("84 98, 64 96, 52 88, 62 87", "3a3c44", detail=True)
    pen.poly("34 50, 44 45, 34 45", "e8a733")
    _eye(pen, 0.29, 0.49, 0.013)


def swan(pen: Pen) -> None:
    """A swan on still water."""
    coat = pen.own("f6f4ef")
    fold = mix(coat, rgb("9aa8bc"), 0.35)
    pen.blob("-62 34, -46 28, -36 8, -20 0, 16 0, 32 10, 34 26, 20 34, -10 36, -36 32", coat)
    pen.blob("-60 44, -40 40, -20 44, 6 42, 22 28, 14 14, -16 12, -40 24", fold)
    pen.blob("-52 38, -30 36, -6 36, 10 26, -10 22, -34 28", coat)
    pen.limb("22 20, 36 34, 30 56, 22 72, 28 88, 40 90", 0.15, 0.085, coat)
    pen.blob("34 94, 44 95, 50 89, 48 83, 38 83", coat)
    pen.blob("47 90, 60 82, 62 78, 46 82", "e07a30")
    pen.blob("44 92, 50 90, 48 83, 45 86", "26222a", detail=True)
    pen.disc(0.425, 0.905, 0.013, _EYE, detail=True)


def heron(pen: Pen) -> None:
    """A wading bird on one leg."""
    coat = pen.own("8fa3b8")
    wing, beak = dark(coat, 0.35), rgb("dba23c")
    pen.limb("-2 38, 0 20, -1 0", 0.022, 0.016, "8a7450")
    pen.limb("-6 38, 6 30, 0 22", 0.02, 0.014, "75623f")
    pen.blob("-40 30, -24 50, -4 60, 10 56, 12 44, 0 36, -20 34", coat)
    pen.blob("-44 26, -26 46, -6 54, 4 48, -10 38, -28 34", wing)
    pen.limb("6 50, 18 60, 10 74, 8 86, 17 94", 0.1, 0.05, pale(coat, 0.55))
    pen.blob("10 93, 17 99, 25 97, 27 92, 18 89", pale(coat, 0.6))
    pen.blob("20 98, 10 100, -4 95, 10 96", "2e3340")
    pen.poly("25.5 96.5, 50 92, 25.5 91.5", beak)
    pen.disc(0.215, 0.95, 0.012, _EYE, detail=True)


def penguin(pen: Pen) -> None:
    """A penguin, seen from the front."""
    coat = pen.own("2a3040")
    for side in (-1, 1):
        pen.blob([(side * 0.03, 0.0), (side * 0.06, 0.06), (side * 0.16, 0.06), (side * 0.2, 0.0)], "e59a35")
    pen.blob("-26 10, -31 34, -26 62, -18 84, -10 97, 0 100, 10 97, 18 84, 26 62, 31 34, 26 10, 0 3", coat)
    pen.blob("-19 12, -23 36, -17 60, -5 70, 5 70, 17 60, 23 36, 19 12, 0 6", "f6f3ea", detail=True)
    pen.blob("-12 70, 0 62, 12 70, 0 74", "f0b84a", detail=True)
    for side in (-1, 1):
        pen.blob(
            [
                (side * 0.22, 0.66),
                (side * 0.36, 0.46),
                (side * 0.4, 0.22),
                (side * 0.32, 0.26),
                (side * 0.24, 0.42),
            ],
            dark(coat, 0.2),
        )
        pen.disc(side * 0.075, 0.85, 0.035, "f6f3ea", detail=True)
        pen.disc(side * 0.07, 0.85, 0.02, _EYE, detail=True)
    pen.poly("-4.5 81, 4.5 81, 0 73", "e89a30")
