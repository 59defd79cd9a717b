"""How fast the command answers: ``--help`` and ``--version`` beside an empty interpreter."""

import subprocess
import sys
import time

from bench.support import milliseconds, report

RUNS = 15
COMMANDS = {
    "help": ["-m", "bot", "--help"],
    "version": ["-m", "bot", "--version"],
    "imagine_help": ["-m", "bot", "imagine", "--help"],
    "baseline_empty_python": ["-c", "pass"],
}


def main() -> None:
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - start)
    figures = {name: milliseconds(taken) for name, taken in seconds.items()}
    met = all(figures[name]["median_ms"] <= 300 for name in ("help", "version"))
    report("startup", "help and version <= 300 ms", met, **figures)


if __name__ == "__main__":
    main()
