"""Layers: from a registry's compressed stream to the directories that overlayfs stacks.

    bytes ─► Unpacking ─pipe─► child: inflate ─► tar ─► writing    (one locked-in process each)
                 │ UnpackedLayer: directory, diff id, what it needs to know of lower layers
                 ▼
             LayerStore.settle ─► dependence ─► layers/KEY + row

The names below load at first use, so that the child imports none of the parent's half.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.images.layers.store import LayerStore
    from tuidock.engine.images.layers.unpacking import UnpackedLayer, Unpacking

__all__ = ["LayerStore", "UnpackedLayer", "Unpacking"]


def __getattr__(name: str) -> object:
    if name == "LayerStore":
        from tuidock.engine.images.layers import store

        return store.LayerStore
    if name in ("Unpacking", "UnpackedLayer"):
        from tuidock.engine.images.layers import unpacking

        return getattr(unpacking, name)
    raise AttributeError(name)
