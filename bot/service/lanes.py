"""Which servers can run what: the needs of jobs against the catalogues of servers."""

from __future__ import annotations

from collections.abc import Mapping, Set

from bot.domain.ids import ServerName
from bot.domain.text import Text
from bot.templates.catalogue import Catalogue
from bot.templates.needs import Needs, missing


class Lanes:
    """Answers from memory: one entry for each distinct need, shared by all its jobs."""

    def __init__(self, servers: tuple[ServerName, ...]) -> None:
        self._servers = servers
        self._catalogues: dict[ServerName, Catalogue | None] = dict.fromkeys(servers)
        self._needs: dict[str, Needs] = {}
        self._lanes: dict[str, frozenset[ServerName]] = {}
        self._interned: dict[frozenset[ServerName], frozenset[ServerName]] = {}

    def learn(self, key: str, needs: str) -> None:
        """Make a key of :attr:`~bot.domain.work.Work.needs` known; ``needs`` is its JSON."""
        if key not in self._needs:
            self._needs[key] = Needs.from_json(needs)

    def __len__(self) -> int:
        """Needs that are known."""
        return len(self._needs)

    def keep(self, keys: Set[str]) -> None:
        """Forget all others: whoever may ask can think of any number of them."""
        self._needs = {key: needs for key, needs in self._needs.items() if key in keys}
        self._lanes = {key: servers for key, servers in self._lanes.items() if key in keys}

    def knows(self, key: str) -> bool:
        return key in self._needs

    def servers_for(self, key: str) -> frozenset[ServerName]:
        """The servers that can run it. One whose catalogue is not known yet may; an unknown key any."""
        if key not in self._lanes:
            needs = self._needs.get(key)
            found = frozenset(
                name
                for name, catalogue in self._catalogues.items()
                if needs is None or catalogue is None or not missing(needs, catalogue)
            )
            self._lanes[key] = self._interned.setdefault(found, found)
        return self._lanes[key]

    def use(self, catalogues: Mapping[ServerName, Catalogue | None]) -> frozenset[str]:
        """Take over what servers offer now; the keys whose servers have changed."""
        if all(self._catalogues.get(name) is catalogue for name, catalogue in catalogues.items()):
            return frozenset()
        before = dict(self._lanes)
        self._catalogues = dict(catalogues)
        self._lanes.clear()
        return frozenset(key for key, servers in before.items() if self.servers_for(key) != servers)

    def why_not(self, key: str) -> Text:
        """What every server lacks, in the words of the first that we know."""
        needs = self._needs.get(key)
        for catalogue in self._catalogues.values():
            if needs is not None and catalogue is not None and (lacking := missing(needs, catalogue)):
                return lacking[0]
        return Text("no server is configured that has what it needs.")
