"""One attempt: bind a job's graph for a server, put its inputs there, see the run through, keep its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.errors import NothingPainted
from bot.domain.events import EndEvent, Finished, RunEvent
from bot.domain.ids import PromptId, ServerName
from bot.domain.outputs import OutputFile, OutputText, wanted_outputs
from bot.domain.text import Text
from bot.service.gallery import Gallery
from bot.service.ports import Submission
from bot.service.records import JobRecord, RequestRecord, ResultFile, StoredFile
from bot.service.servers import Server
from bot.service.shelf import Shelf
from bot.templates.graph import Graph
from bot.templates.needs import as_written_by
from bot.templates.template import Template
from bot.templates.values import ResolvedValues


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job as one server will run it."""

    template: Template
    graph: Graph


class Runner:
    """Runs attempts. It decides nothing about what a failure means."""

    def __init__(self, shelf: Shelf, gallery: Gallery, *, previews: bool = False) -> None:
        self._shelf = shelf
        self._gallery = gallery
        self._previews = previews
        self._uploads: dict[tuple[ServerName, int, str], str] = {}

    async def prepare(
        self, job: JobRecord, request: RequestRecord, server: Server, *, submitted: bool
    ) -> Prepared:
        """The graph to post; input files are on the server when this returns.

        ``submitted``: it was posted earlier, so only its shape is needed, and nothing is uploaded. Raises
        BackendError, TemplateError or OutputError.
        """
        template = await self._shelf.restored(
            request.template, request.template_hash, server.name, server.catalogue
        )
        values = ResolvedValues.from_json(request.values).for_index(job.index)
        uploads: dict[str, str] = {}
        for file in request.inputs:
            uploads[file.sha256] = file.sha256 if submitted else await self._upload(server, file)
        graph = template.bind(values, uploads)
        if server.catalogue is not None:
            # Accepted in the spelling of all servers together: one of them may write its files otherwise.
            graph = as_written_by(graph, server.catalogue)
        return Prepared(template, graph)

    async def watch(
        self,
        server: Server,
        prompt_id: PromptId,
        prepared: Prepared,
        on_event: Callable[[RunEvent], None],
        *,
        submitted: bool,
    ) -> EndEvent:
        """Post it (or attach to it) and follow it to its end."""
        submission = Submission(
            prompt_id, prepared.graph, frozenset(prepared.template.outputs), self._previews
        )
        return await server.backend.run(submission, on_event, submitted=submitted)

    async def keep(
        self, server: Server, prepared: Prepared, end: Finished
    ) -> tuple[tuple[ResultFile, ...], tuple[str, ...]]:
        """Files and texts of a finished run: all of them on our disk, or none.

        Raises BackendError when the server does not give them, OutputError when the disk refuses.
        """
        files: list[ResultFile] = []
        texts: list[str] = []
        try:
            for output in wanted_outputs(end.outputs, frozenset(prepared.template.outputs)):
                match output:
                    case OutputFile():
                        files.append(await self._gallery.keep(server.backend, output))
                    case OutputText():
                        texts.append(output.text)
        except BaseException:
            await self._gallery.discard(kept.file for kept in files)
            raise
        if not files and not texts:
            raise NothingPainted(
                Text(
                    "The workflow ran but left no result. Its output node must save or preview something "
                    "(template {template}).",
                    template=prepared.template.name,
                )
            )
        return tuple(files), tuple(texts)

    async def discard(self, files: tuple[ResultFile, ...]) -> None:
        await self._gallery.discard(kept.file for kept in files)

    async def _upload(self, server: Server, file: StoredFile) -> str:
        # Once per connection: a server that was restarted may have lost its input folder.
        key = (server.name, server.backend.connections, file.sha256)
        if key not in self._uploads:
            content = await self._gallery.read(file)
            suffix = f".{file.path.rpartition('.')[2]}"
            self._uploads[key] = await server.backend.upload_image(content, suffix)
            while len(self._uploads) > 1000:
                del self._uploads[next(iter(self._uploads))]
        return self._uploads[key]
