"""Processes that begin with the program loaded, on Linux: what a Python and all modules take to load is many
times what most commands then do, and the tests start a hundred of them.

A nursery is a process that loads the modules and does nothing else. It forks a copy of itself for each
command; the copy runs ``python -m MODULE …`` from there on, with the folder, environment, streams and
arguments that it was given, as if it had just begun. It becomes a child of the process that runs the tests,
so that all of :class:`subprocess.Popen` works as ever. Elsewhere than on Linux, :class:`Popen` is that class.
"""

from __future__ import annotations

import array
import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

LOADED = ("bot.cli.batch", "bot.cli.engine", "bot.app.service", "bot.app.discord", "bot.app.telegram")
_CHILD_SUBREAPER = 36
"""``PR_SET_CHILD_SUBREAPER`` of prctl(2): orphans among our descendants become our children."""
_MOST = 1 << 20
"""Bytes of one order: arguments and environment."""


@cache
def _nursery() -> socket.socket:
    """The nursery of this process."""
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-W", "default::ResourceWarning", "-m", __name__, str(theirs.fileno())],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )

    def close() -> None:
        ours.close()
        process.wait()

    atexit.register(close)
    return ours


def _module_of(args: Any, options: dict[str, Any]) -> tuple[str, list[str]] | None:
    """What ``python -m`` of a plain command shall run; None when the nursery cannot."""
    if sys.platform != "linux" or options.get("preexec_fn") or options.get("shell"):
        return None
    words = list(map(os.fsdecode, args))
    if words[:1] != [sys.executable] or "-m" not in words:
        return None
    place = words.index("-m")
    if words[1:place] not in ([], ["-W", "default::ResourceWarning"]):
        return None
    return words[place + 1], words[place + 2 :]


class Popen(subprocess.Popen[Any]):
    """A process from the nursery, where it can be one."""

    def __init__(self, args: Any, **options: Any) -> None:
        self._module = _module_of(args, options)
        super().__init__(args, **options)

    def _execute_child(self, *given: Any) -> None:
        if self._module is None:
            super()._execute_child(*given)  # type: ignore[misc]
            return
        folder, environment, pipes = given[5] or Path.cwd(), given[6] or os.environ, given[10:16]
        order = json.dumps([*self._module, os.fspath(folder), dict(environment)]).encode()
        streams = [number if end == -1 else end for number, end in enumerate((pipes[0], pipes[3], pipes[5]))]
        nursery = _nursery()
        nursery.sendmsg([order], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))])
        self.pid = int(nursery.recv(100))
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def run(args: Any, *, input: str | None = None, timeout: float, **options: Any) -> Any:  # noqa: A002
    """As :func:`subprocess.run` with ``capture_output``."""
    process = Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    with process:
        try:
            out, err = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(args, process.returncode, out, err)


# In the nursery


def _serve(orders: socket.socket) -> tuple[list[Any], array.array[int]] | None:
    """Fork for each order. Returns twice or more: in every copy what it shall do, and None at the end."""
    while True:
        streams = array.array("i")
        content, ancillary, _, _ = orders.recvmsg(_MOST, socket.CMSG_LEN(3 * streams.itemsize))
        if not content:
            return None
        for _, _, data in ancillary:
            streams.frombytes(data)
        reading, writing = os.pipe()
        between = os.fork()
        if between:
            # Once its parent is gone, and not before, the copy is a child of whoever runs the tests.
            os.waitpid(between, 0)
            orders.send(os.read(reading, 100))
            for handle in (reading, writing, *streams):
                os.close(handle)
            continue
        if copy := os.fork():
            os.write(writing, str(copy).encode())
            os._exit(0)
        orders.close()
        return json.loads(content), streams


def _become(streams: array.array[int], folder: str, environment: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 1024)
    encoding, _, errors = environment.get("PYTHONIOENCODING", "").partition(":")
    unbuffered = bool(environment.get("PYTHONUNBUFFERED"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = open(  # noqa: SIM115 - open to the end of the process
            number,
            "r" if number == 0 else "w",
            encoding=encoding or "utf-8",
            errors="backslashreplace" if number == 2 else errors or "surrogateescape",
            closefd=False,
        )
        if number:
            stream.reconfigure(line_buffering=number == 2 or os.isatty(number), write_through=unbuffered)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that of whoever runs the tests
    for module in LOADED:
        importlib.import_module(module)
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        order = _serve(orders)
    if order is None:
        return
    (module, words, folder, environment), streams = order
    _become(streams, folder, environment)
    sys.argv = [module, *words]
    sys.path[0] = folder
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
