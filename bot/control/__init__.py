"""How a command talks to the running bot: JSON lines over loopback TCP, opened by a token in the data
directory. Works the same on Linux and Windows, needs no privileges, and is reachable by nobody else.

One connection is one call::

    bot      {"fairbrush": "<version>", "protocol": 1}
    command  {"token": "…", "call": "grant", "args": {…}, "blobs": [<bytes>, …]}  then the blobs themselves
    bot      {"answer": …}  or  {"error": {…}}  or  {"item": …} … {"end": true}
"""

from bot.control.client import ControlClient
from bot.control.server import ControlServer

__all__ = ["ControlClient", "ControlServer"]
