"""The columns of the table of references: how its rows are read and written."""

COLUMNS = "location, name, sha256, bytes, mtime_ns, width, height, id, added_at"
# They come behind these, where the file has them. The file may come from somebody else.
INFORMATION = "CASE typeof(information) WHEN 'real' THEN information END"
STATUS = ", ".join(
    f"CASE typeof({column}) WHEN 'integer' THEN {column} END" for column in ("ctime_ns", "inode")
)

INSERT = (
    "INSERT INTO reference"
    " (location, name, sha256, bytes, mtime_ns, width, height, information, ctime_ns, inode)"
    " VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (location) DO NOTHING"
)
"""A row whose location is taken is left out."""
