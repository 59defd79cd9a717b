"""Wrong tokens at the sign-in, by the address that they come from: a stranger who guesses shuts nobody out
but whoever shares an address with them."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable

WRONG_TRIES, TRIES_SECONDS = 5, 60.0
"""So many wrong tokens from one address in so many seconds; then it has to wait."""
MOST_ADDRESSES = 4096
"""That are remembered; those that tried longest ago are forgotten."""
_A_NETWORK = 64
"""Bits of an IPv6 address that one household has for itself."""


class Tries:
    """``monotonic``: seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def are_over(self, address: str) -> bool:
        """Whether too many came from there of late."""
        tried = self._wrong.get(_whose(address), ())
        return sum(self._monotonic() - at < TRIES_SECONDS for at in tried) >= WRONG_TRIES

    def wrong(self, address: str) -> None:
        """Note one."""
        key = _whose(address)
        self._wrong.setdefault(key, deque(maxlen=WRONG_TRIES)).append(self._monotonic())
        self._wrong.move_to_end(key)
        while len(self._wrong) > MOST_ADDRESSES:
            self._wrong.popitem(last=False)


def _whose(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(found), _A_NETWORK), strict=False))
    return str(found)
