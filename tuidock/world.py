"""World: one frozen picture of everything the screens show.

Facts only; no engine, no widgets. There is one writer (`feeds.py`), and each change replaces the
whole picture, so a screen can tell by identity which part of it is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tuidock.deed import Deed, tail
from tuidock.engine.errors import EngineError
from tuidock.engine.events import Event, LayerProgress, Pulled, PullEvent, Resolved
from tuidock.engine.types import Container, History, HostInfo, Image, Sample, Status
from tuidock.job import FINISHED, Job

if TYPE_CHECKING:
    from tuidock.engine.anatomy import Anatomy, Living

HISTORY = 300
"""Samples kept for each container: five minutes at one a second."""
EVENTS = 1000
"""Events kept."""
SETTLED = 0.25
"""Seconds by which a clock may seem to move, only because somebody was late to look."""


class Pull(NamedTuple):
    """A pull under way or just over."""

    reference: str
    resolved: Resolved | None = None
    layers: tuple[LayerProgress, ...] = ()
    pulled: Pulled | None = None
    error: EngineError | None = None
    """Why it ended without the image; `Cancelled` when somebody asked for that."""

    @property
    def running(self) -> bool:
        return self.pulled is None and self.error is None

    @property
    def fraction(self) -> float:
        """Bytes here over bytes in all; 0.0 until the manifest is known."""
        total = sum(it.total for it in self.layers)
        return sum(it.done for it in self.layers) / total if total else 0.0

    def after(self, event: PullEvent) -> Pull:
        match event:
            case Resolved(layers=layers):
                waiting = (LayerProgress(digest, "waiting", 0, total) for digest, total in layers)
                return self._replace(resolved=event, layers=tuple(waiting))
            case LayerProgress(digest=digest):
                moved = (event if it.digest == digest else it for it in self.layers)
                return self._replace(layers=tuple(moved))
            case Pulled():
                return self._replace(pulled=event)


class World(NamedTuple):
    """What is known. Mappings are never changed in place."""

    containers: Mapping[str, Container] = {}
    """By id, newest first."""
    images: tuple[Image, ...] = ()
    info: HostInfo | None = None
    samples: Mapping[str, tuple[Sample, ...]] = {}
    """By container id, oldest first, at most HISTORY."""
    skew: float = 0.0
    """What the clock of samples is behind that on the wall, seconds."""
    histories: Mapping[str, History] = {}
    """By container id: of what is being looked at, for a day of it is two megabytes."""
    events: tuple[Event, ...] = ()
    """Oldest first, at most EVENTS."""
    forgotten: int = 0
    """Events that are no longer kept."""
    pulls: Mapping[str, Pull] = {}
    """By reference."""
    jobs: Mapping[int, Job] = {}
    """By number, those that are over too."""
    pending: Mapping[str, str] = {}
    """Container id to the title of the verb under way on it."""
    deeds: tuple[Deed, ...] = ()
    """What was changed from here, oldest first."""
    anatomy: Anatomy | None = None
    """Of the container whose anatomy was looked at last."""
    living: Living | None = None
    """The same container as the kernel shows it; None while it does not run."""
    loaded: bool = False
    """False until the engine has answered for the first time."""

    def with_all(
        self, containers: Iterable[Container], images: Sequence[Image], info: HostInfo
    ) -> World:
        """Everything read anew."""
        found = {it.id: it for it in containers}
        return self._replace(
            containers=found,
            images=tuple(images),
            info=info,
            samples={key: past for key, past in self.samples.items() if key in found},
            loaded=True,
        )

    def with_containers(self, changed: Iterable[Container], gone: Iterable[str]) -> World:
        """Some containers as they are now, and without those that are gone."""
        lost = set(gone)
        merged = {**self.containers, **{it.id: it for it in changed}}
        kept = [it for it in merged.values() if it.id not in lost]
        kept.sort(key=lambda it: -it.created)
        samples = {key: past for key, past in self.samples.items() if key not in lost}
        return self._replace(containers={it.id: it for it in kept}, samples=samples)

    def with_images(self, images: Sequence[Image]) -> World:
        return self._replace(images=tuple(images))

    def with_history(self, history: History) -> World:
        """What a black box says; all others are forgotten."""
        return self._replace(histories={history.id: history})

    def with_samples(self, batch: Sequence[Sample], now: float = 0.0) -> World:
        """One more measurement, by the clock on the wall taken now; a container that was not
        measured keeps its past.
        """
        fresh = {
            it.id: (*self.samples.get(it.id, ())[1 - HISTORY :], it)
            for it in batch
            if it.id in self.containers
        }
        if not fresh:
            return self
        skew = now - batch[-1].at if now else self.skew
        settled = self.skew if abs(skew - self.skew) < SETTLED else skew
        return self._replace(samples={**self.samples, **fresh}, skew=settled)

    def with_events(self, events: Sequence[Event]) -> World:
        every = (*self.events, *events)
        lost = max(0, len(every) - EVENTS)
        return self._replace(events=every[lost:], forgotten=self.forgotten + lost)

    def with_anatomy(self, anatomy: Anatomy) -> World:
        """Another container is looked into, or the same one anew."""
        return self._replace(anatomy=anatomy, living=None)

    def with_living(self, living: Living) -> World:
        """One more look; the same World when somebody looks at another container by now."""
        known = self.anatomy is not None and self.anatomy.id == living.id
        return self._replace(living=living) if known else self

    def with_past(self, events: Sequence[Event]) -> World:
        """Those from before, oldest first, put in front; numbers of the others stay."""
        room = EVENTS - len(self.events)
        before = [it for it in events if not self.events or it.at < self.events[0].at]
        kept = tuple(before[len(before) - room :] if len(before) > room else before)
        return self._replace(events=(*kept, *self.events), forgotten=self.forgotten - len(kept))

    def with_pull(self, pull: Pull) -> World:
        return self._replace(pulls={**self.pulls, pull.reference: pull})

    def with_job(self, job: Job) -> World:
        """A job as it is now; the oldest that are over are forgotten."""
        jobs = {**self.jobs, job.number: job}
        over = [number for number, each in jobs.items() if not each.running]
        for number in over[: max(0, len(over) - FINISHED)]:
            del jobs[number]
        return self._replace(jobs=jobs)

    def without_job(self, number: int) -> World:
        kept = {key: job for key, job in self.jobs.items() if key != number}
        return self._replace(jobs=kept)

    def with_deed(self, deed: Deed) -> World:
        return self._replace(deeds=tail((*self.deeds, deed)))

    def with_pending(self, container_id: str, title: str) -> World:
        """`title` empty: nothing is under way any more."""
        others = {key: value for key, value in self.pending.items() if key != container_id}
        return self._replace(pending={**others, container_id: title} if title else others)

    def latest(self, container_id: str) -> Sample | None:
        """The newest sample of a container that runs."""
        it = self.containers.get(container_id)
        past = self.samples.get(container_id)
        alive = it is not None and it.status in (Status.RUNNING, Status.PAUSED)
        return past[-1] if past and alive else None

    def users(self, image_id: str) -> tuple[Container, ...]:
        """Containers made from an image."""
        return tuple(it for it in self.containers.values() if it.image_id == image_id)

    def count(self, status: Status) -> int:
        return sum(it.status is status for it in self.containers.values())
