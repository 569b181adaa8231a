"""A process that does some of the replications of a study and writes each as a line."""

from __future__ import annotations

import json
import pickle
import sys
import traceback
from typing import Any


def serve() -> None:
    """Read a task and the replications to do from stdin; write their records to stdout.

    A line that cannot be written means that nobody reads it any more, and ends the process.
    """
    out = sys.stdout
    sys.stdout = sys.stderr  # whatever else is printed is no record
    task, todo = pickle.load(sys.stdin.buffer)
    try:
        for cell, i in todo:
            _write(out, {"cell": cell, "i": i, "found": task.run(cell, i)})
    except BrokenPipeError:
        sys.stderr = None
        raise SystemExit(1) from None
    except Exception:
        _write(out, {"error": traceback.format_exc()})


def _write(out: Any, record: dict[str, Any]) -> None:
    out.write(json.dumps(record) + "\n")
    out.flush()
