"""The SQLite file of a collection in a folder: the source of truth."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from originid.collection.form_table import Form
from originid.collection.kept_codes import KeptCodes
from originid.collection.places import UPGRADE
from originid.collection.schema import FORMAT, READ, TABLES, UPGRADES
from originid.collection.sqlite import SqliteFile, create
from originid.collection.sqlite_errors import sqlite_errors
from originid.collection.tables import Tables
from originid.details.features import Features
from originid.errors import ModelChangedError


class Database(Tables, SqliteFile):
    """The tables of a collection in a folder, and what lies beside them.

    `originid upgrade` may give the collection another model while it is open. Whatever is read or
    written from then on raises `ModelChangedError`: vectors of two models are never mixed.
    """

    def __init__(self, path: Path) -> None:
        self._made_by: str | None = None  # until it is known, nothing is compared with it
        self._seen: object = None  # the last change of other processes that was looked at
        super().__init__(path, READ, TABLES)
        self._made_by = self.meta("fingerprint")

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def kept(self) -> Path:
        """The folder of the collection: what can be made again lies there too."""
        return self.place

    def model_folders(self) -> list[Path]:
        """The folder of the model, in that of the collection.

        An upgrade commits the vectors, and then gives the model this name. Where it was cut off
        between the two, the model still lies in its own folder. While it does so just now, it is
        first not here, then not there, and then here.
        """
        usual, coming = self.place / "model", self.place / UPGRADE / "model"
        is_coming = coming.is_dir() and not coming.is_symlink()
        return [usual, coming, usual] if is_coming else [usual]

    def version(self) -> tuple[int, int]:
        """The last id given and the last place in the list of removals, as of `Tables`."""
        return self._remembered("version", super().version)

    def searcher(self, dim: int) -> None:
        """Nothing: the vectors are searched by an index on this machine."""

    def size(self) -> int:
        """The bytes of all files of the collection."""
        folders = os.walk(self.place)  # which passes over one that was just removed
        return sum(_size(Path(folder, name)) for folder, _, names in folders for name in names)

    @classmethod
    def create(cls, path: Path, meta: dict[str, str]) -> None:
        """Make an empty file."""
        create(path, FORMAT, TABLES, meta)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction, as of `SqliteFile`; a file of an earlier format is brought up in it."""
        before = self.format
        try:
            with super().writing():
                # Asked again inside: another process may have done it.
                before = self._one("PRAGMA user_version")[0]
                for earlier in range(before, FORMAT):
                    for statement in UPGRADES[earlier]:
                        self._execute(statement)
                    self._execute(f"PRAGMA user_version = {earlier + 1}")
                self.format = FORMAT
                self._no_names = None
                self._refuse_other_model()
                yield
        except BaseException:
            self.format = before
            raise

    def begin_with_model(self, name: str, fingerprint: str, kept: KeptCodes) -> None:
        """Take another model, within a transaction that stores all vectors anew.

        All that the model before had made is forgotten: vectors, second forms, the calibration, and
        the vectors of queries that people decided about.

        Args:
            name: of the model.
            fingerprint: of the model.
            kept: how its vectors are stored.
        """
        self._made_by = None  # whoever else has it open sees the change
        self.set_meta("model", name)
        self.set_meta("fingerprint", fingerprint)
        self.kept_codes = kept
        for table in ("vector", "form", "cohort", "second_look"):
            self._execute(f"DELETE FROM {table}")
        self._execute("UPDATE decision SET code = NULL")

    def give_vector(
        self,
        reference: int,
        code: bytes,
        information: float | None,
        form: Form | None,
        features: Features | None,
    ) -> None:
        """Store the vector of a reference after `begin_with_model`, and what belongs to it.

        Args:
            reference: its id.
            code: its vector.
            information: the share of its picture that shows something, in [0, 1].
            form: its second form, if it has one.
            features: its local features, where they are stored.
        """
        self._add_vector(reference, code)
        if form is not None:
            self._add_form(reference, form)
        if features is not None:
            self._add_details(reference, features)
        query = "UPDATE reference SET information = coalesce(?, information) WHERE id = ?"
        self._execute(query, (information, reference))

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, sqlite_errors(self.place):
            found = super()._all(query, *values)
            if self._made_by is not None and not self._in_transaction:
                # Asked after reading, so that nothing that belongs to another model gets out.
                seen = self._connection.execute("PRAGMA data_version").fetchone()  # 3 microseconds
                if seen != self._seen:
                    self._refuse_other_model()
                    self._seen = seen
        return found

    def _refuse_other_model(self) -> None:
        query = "SELECT value FROM meta WHERE key = 'fingerprint'"
        rows = self._connection.execute(query).fetchall()
        if self._made_by not in (None, str(rows[0][0]) if rows else "None"):
            raise ModelChangedError(
                f"collection {self.place} got another model while it was open",
                "expected the model with which it was opened",
                "give the command again: it then uses the collection's new model",
            )


def _size(path: Path) -> int:
    """The bytes of a file; 0 for a folder, or a file that another process just removed."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
