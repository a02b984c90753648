"""The program: `python -m netspec`, and the script `netspec`."""

import os

from netspec import interrupt

interrupt.install()


def run() -> int:
    """Run the command that the program was called with; return its exit code."""
    # No file that is opened later may become standard input, output or error.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    from netspec.cli import main

    return main()


if __name__ == "__main__":
    raise SystemExit(run())
