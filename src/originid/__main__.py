"""The command line: ``originid``, and ``python -m originid``."""

import os


def main() -> None:
    """Run the command line and exit, with 130 also if it is interrupted while it is loaded."""
    try:
        from originid.cli import main as run
    except KeyboardInterrupt:
        os._exit(130)
    run()


if __name__ == "__main__":
    main()
