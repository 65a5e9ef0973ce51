"""The verbs on a container's log; for a while after its removal too, by its whole id."""

from __future__ import annotations

from tuidock.engine.containers.fileverbs import FileVerbs
from tuidock.engine.errors import ContainerNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuidock.engine.types import LogLine, LogQuery, Removed


class LogVerbs(FileVerbs):
    """Those of `Containers` that are about what containers said."""

    def logs(self, key: str, query: LogQuery) -> Iterator[Sequence[LogLine]]:
        """Batches of lines; with `follow` until the container ends."""
        from tuidock.engine.containers.output import logs

        return logs(self.layout, *self._log(key), query)

    def log_files(self, key: str) -> Sequence[str]:
        """Paths, oldest first."""
        from tuidock.engine.logs.reader import files

        return files(self._log(key)[1])

    def removed(self) -> Sequence[Removed]:
        """Containers whose logs can still be read, the last removed first."""
        from tuidock.engine.containers.remains import removed

        return removed(self.layout)

    def _log(self, key: str) -> tuple[str, str]:
        """Id, and path of the current file."""
        try:
            container_id = self._find(key).id
        except ContainerNotFound:
            from tuidock.engine.containers import remains

            if path := remains.log(self.layout, key):
                return key, path
            raise
        return container_id, self.layout.log(container_id)
