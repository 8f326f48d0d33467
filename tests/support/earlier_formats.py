"""Statements that make a collection's database what an earlier version would have made."""

TO_4 = (
    "DROP TABLE description",
    "DROP TABLE thumbnail",
    "DROP TABLE manifest",
    "DROP TABLE folder",
    "DELETE FROM meta WHERE key = 'id'",
    "PRAGMA user_version = 4",
)
TO_3 = (
    *TO_4,
    "DROP TABLE name",
    "ALTER TABLE reference DROP COLUMN ctime_ns",
    "ALTER TABLE reference DROP COLUMN inode",
    "PRAGMA user_version = 3",
)
TO_2 = (
    *TO_3,
    "DELETE FROM vector WHERE id IN (SELECT id FROM form)",
    "DROP TABLE form",
    "DROP TABLE second_look",
    "DROP TABLE detail",
    "PRAGMA user_version = 2",
)
