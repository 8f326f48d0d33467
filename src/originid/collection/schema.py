"""The tables of a collection's database, and what brings the file of an earlier version to them."""

from originid.collection.cohort_table import SCHEMA_COHORT, SCHEMA_SECOND_LOOKS
from originid.collection.decisions import SCHEMA_DECISIONS
from originid.collection.description_table import SCHEMA_DESCRIPTIONS, SCHEMA_THUMBNAILS
from originid.collection.detail_table import SCHEMA_DETAILS
from originid.collection.failure_table import SCHEMA_FAILURES
from originid.collection.folder_table import SCHEMA_FOLDERS, SCHEMA_ID
from originid.collection.form_table import SCHEMA_FORMS
from originid.collection.manifest_table import SCHEMA_MANIFESTS
from originid.collection.name_table import SCHEMA_NAMES

FORMAT = 5
# Earlier ones have less (see UPGRADES); the first writing brings them up.
READ = (1, 2, 3, 4, FORMAT)
SCHEMA = """
CREATE TABLE reference (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    location TEXT NOT NULL UNIQUE,  -- absolute path
    name TEXT NOT NULL,             -- the path as the user gave it
    sha256 BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    added_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    information REAL,               -- see verdict/information.py; NULL where it was not measured
    ctime_ns INTEGER,               -- see system/file_status.py; NULL where it was not noted
    inode INTEGER
);
CREATE INDEX reference_sha256 ON reference (sha256);
-- Apart from their reference, so that reading paths does not read vectors.
CREATE TABLE vector (id INTEGER PRIMARY KEY, crc32 INTEGER NOT NULL, code BLOB NOT NULL);
CREATE TABLE removed (place INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL);
"""
UPGRADES = {
    1: (
        "ALTER TABLE reference ADD COLUMN information REAL",
        SCHEMA_COHORT,
        SCHEMA_DECISIONS,
    ),
    2: (SCHEMA_FORMS, SCHEMA_SECOND_LOOKS, SCHEMA_DETAILS),
    3: (
        "ALTER TABLE reference ADD COLUMN ctime_ns INTEGER",
        "ALTER TABLE reference ADD COLUMN inode INTEGER",
        *SCHEMA_NAMES,
    ),
    4: (SCHEMA_DESCRIPTIONS, SCHEMA_THUMBNAILS, SCHEMA_FOLDERS, SCHEMA_ID, *SCHEMA_MANIFESTS),
}
"""What brings a file of each format to the next one."""
MEASURED = 2  # the first format that has the information of references
NOTED = 4  # the first format that has ctime_ns and inode

TABLES = "".join(
    (
        SCHEMA,
        SCHEMA_FAILURES,
        SCHEMA_COHORT,
        SCHEMA_DECISIONS,
        *UPGRADES[2],
        *(f"{statement};" for statement in (*SCHEMA_NAMES, *UPGRADES[4])),
    )
)
"""All tables of a file of the newest format."""
