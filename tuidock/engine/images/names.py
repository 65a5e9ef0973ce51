"""Which image a person means: by tag, by repository digest, by id, or by the start of an id."""

from __future__ import annotations

from tuidock.engine.errors import BadReference, ImageNotFound, InvalidInput
from tuidock.engine.images.reference import is_digest, is_hex_id, parse
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

_HEX = "0123456789abcdef"


class Found(NamedTuple):
    """An image, and the name that it was found by."""

    image: str
    name: str
    """A tag, a `repository@digest`, or the id itself."""

    @property
    def by_id(self) -> bool:
        return self.name == self.image


def identify(db: sqlite3.Connection, text: str) -> Found:
    """Raises ImageNotFound; InvalidInput when the start of an id is that of several."""
    full = f"sha256:{text}" if is_hex_id(text) else text
    if is_digest(full) and _exists(db, full):
        return Found(full, full)
    return _by_name(db, text) or _by_prefix(db, text)


def of(db: sqlite3.Connection, image_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tags, and repository digests, of an image."""
    tags = db.execute("SELECT reference FROM tag WHERE image = ? ORDER BY 1", (image_id,))
    pulled = db.execute("SELECT reference FROM repo_digest WHERE image = ? ORDER BY 1", (image_id,))
    return tuple(row[0] for row in tags), tuple(row[0] for row in pulled)


def point(db: sqlite3.Connection, name: str, image_id: str) -> None:
    """Let a tag, or `repository@digest`, mean this image from now on."""
    db.execute(f"INSERT OR REPLACE INTO {_table(name)} VALUES (?, ?)", (name, image_id))


def forget(db: sqlite3.Connection, name: str) -> None:
    db.execute(f"DELETE FROM {_table(name)} WHERE reference = ?", (name,))


def _table(name: str) -> str:
    return "repo_digest" if "@" in name else "tag"


def _exists(db: sqlite3.Connection, image_id: str) -> bool:
    return db.execute("SELECT 1 FROM image WHERE id = ?", (image_id,)).fetchone() is not None


def _by_name(db: sqlite3.Connection, text: str) -> Found | None:
    """A text that is no reference may still be an id, and is not found otherwise."""
    try:
        name = str(parse(text))
    except BadReference:
        return None
    row = db.execute(f"SELECT image FROM {_table(name)} WHERE reference = ?", (name,)).fetchone()
    return Found(row[0], name) if row else None


def _by_prefix(db: sqlite3.Connection, text: str) -> Found:
    prefix = text.removeprefix("sha256:")
    if not prefix or len(prefix) > 64 or prefix.strip(_HEX):
        raise ImageNotFound(text)
    between = (f"sha256:{prefix}", f"sha256:{prefix}g")
    rows = db.execute("SELECT id FROM image WHERE id >= ? AND id < ? LIMIT 2", between).fetchall()
    if len(rows) > 1:
        raise InvalidInput(f"ambiguous image id: several begin with {prefix}", "give more digits")
    if not rows:
        raise ImageNotFound(text)
    return Found(rows[0][0], rows[0][0])
