"""The SQLite file of a collection in a folder: the source of truth."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from originid.collection.schema import FORMAT, READ, TABLES, UPGRADES
from originid.collection.sqlite import SqliteFile, create
from originid.collection.tables import Tables


class Database(Tables, SqliteFile):
    """The tables of a collection in a folder, and what lies beside them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, READ, TABLES)

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def kept(self) -> Path:
        """The folder of the collection: what can be made again lies there too."""
        return self.place

    def version(self) -> tuple[int, int]:
        """The last id given and the last place in the list of removals, as of `Tables`."""
        return self._remembered("version", super().version)

    def model_folder(self) -> Path:
        """The folder of the model, in that of the collection."""
        return self.place / "model"

    def searcher(self, dim: int) -> None:
        """Nothing: the vectors are searched by an index on this machine."""

    def size(self) -> int:
        """The bytes of all files of the collection."""
        return sum(map(_size, self.place.rglob("*")))

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
                yield
        except BaseException:
            self.format = before
            raise


def _size(path: Path) -> int:
    """The bytes of a file; 0 for a folder, or a file that another process just removed."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
