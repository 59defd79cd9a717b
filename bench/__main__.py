"""Run every benchmark, one after the other, each in a process of its own.

``bench.chaos`` is not among them: it takes a quarter of an hour.
"""

import subprocess
import sys

NAMES = (
    "startup",
    "overhead",
    "flood",
    "download",
    "submits",
    "duty",
    "restart",
    "fairness",
    "queue_scale",
    "discord_flood",
    "discord_live",
    "telegram_flood",
    "telegram_live",
    "ready",
    "web_watchers",
    "open_pages",
)

if __name__ == "__main__":
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode for name in NAMES
    ]
    sys.exit(max(codes))
