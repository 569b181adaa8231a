"""The command line: list, explain and translate models, fit one, write its result.

Arguments are read, and help is printed, before anything of the package but its name is loaded.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from hierbayes.cli.arguments import read_arguments
from hierbayes.errors import HierbayesError

_INTERRUPTED = 130  # as shells say it: 128 and the number of the signal


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those the program was started with.

    Returns
    -------
    int
        0 when all went well; 2 for wrong usage, wrong input and files that cannot be read or
        written, with the reason on standard error.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # γ and σ, on any terminal
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        arguments = read_arguments(argv)
        from hierbayes.cli import commands

        commands.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of the output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except HierbayesError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        _refuse("interrupted")
        return _INTERRUPTED
    return 0


def _refuse(message: str) -> int:
    print(f"hierbayes: error: {message}", file=sys.stderr)
    return 2
