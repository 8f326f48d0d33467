"""``python -m originid`` is the command line."""

from originid.cli import main

main()
