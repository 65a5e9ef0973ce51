"""Names and states: one SQLite file in WAL mode, the schema of every table in one place.

Big things are files; a row says which of them are complete. Every multi-step change is one
transaction, or leaves rows and files that `system check` recognises as unfinished.
"""

from __future__ import annotations

import _sqlite3  # `sqlite3` adds datetime to it, 2 ms that every `tuidock run` would wait for

from tuidock.engine.layout import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE image (
    id TEXT PRIMARY KEY,              -- digest of the config blob
    manifest TEXT NOT NULL,           -- digest of the manifest blob
    media_type TEXT NOT NULL,         -- of the manifest
    created REAL NOT NULL,
    pulled REAL NOT NULL,
    layer_keys TEXT NOT NULL          -- JSON list of layer keys, lowest first
);
CREATE TABLE tag (
    reference TEXT PRIMARY KEY,       -- docker.io/library/debian:latest
    image TEXT NOT NULL REFERENCES image(id)
);
CREATE TABLE repo_digest (
    reference TEXT PRIMARY KEY,       -- docker.io/library/debian@sha256:...
    image TEXT NOT NULL REFERENCES image(id)
);
CREATE TABLE layer (
    key TEXT PRIMARY KEY,             -- 64 hex: of the diff id, or of the chain id
    diff_id TEXT NOT NULL,
    chain_id TEXT,                    -- NULL: content independent of what lies beneath
    size INTEGER NOT NULL,            -- bytes of the extracted files
    entries INTEGER NOT NULL
);
CREATE INDEX layer_diff_id ON layer(diff_id);
CREATE TABLE layer_blob (
    digest TEXT PRIMARY KEY,          -- compressed blob in the OCI layout
    diff_id TEXT NOT NULL
);
CREATE TABLE container (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image TEXT NOT NULL,              -- the reference that was asked for
    image_id TEXT NOT NULL,
    created REAL NOT NULL,
    command TEXT NOT NULL,            -- JSON list
    spec TEXT NOT NULL,               -- JSON of ContainerSpec
    layer_keys TEXT NOT NULL,         -- JSON list, lowest first
    uid_base INTEGER NOT NULL DEFAULT 0,
    removing INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE network (
    name TEXT PRIMARY KEY,
    subnet TEXT NOT NULL UNIQUE       -- IPv4 with prefix length; kept while no route contradicts
);
CREATE TABLE endpoint (
    container TEXT PRIMARY KEY REFERENCES container(id) ON DELETE CASCADE,
    network TEXT NOT NULL,
    address TEXT NOT NULL,
    interface TEXT NOT NULL,
    ports TEXT NOT NULL,              -- JSON list of Port
    UNIQUE (network, address)
);
"""


def connect(layout: Layout, *, durable: bool = False) -> sqlite3.Connection:
    """Open the database, creating it at first use.

    A commit survives the death of any process. With `durable` it also survives a power cut
    (an fsync each, 2 ms and more); without, a power cut may take the last commits, never
    the database. What took long to fetch is worth it; a container's row is not.
    Autocommit mode: writers say `with transaction(db):`. Rows are plain tuples. A writer
    waits up to 10 s for another. Raises sqlite3.Error.
    """
    db = _sqlite3.connect(
        layout.database, timeout=10, isolation_level=None, check_same_thread=False
    )
    db.execute("PRAGMA foreign_keys = ON")
    db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    if db.execute("PRAGMA user_version").fetchone()[0] == 0:
        _create(db)
    return db


def _create(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    with transaction(db):
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:  # another process may have won
            for statement in SCHEMA.split(";\n"):
                if statement.strip():
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


class transaction:
    """`with transaction(db):` takes the write lock at once, so that a read in it stays true."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def __enter__(self) -> sqlite3.Connection:
        self.db.execute("BEGIN IMMEDIATE")
        return self.db

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.db.execute("COMMIT" if kind is None else "ROLLBACK")
