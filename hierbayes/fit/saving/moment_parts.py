"""The moments of a residual structure as plain values and arrays in a file.

The structure itself stands in the specification; here is what its parts know of rows that are gone,
and the sums over links.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import pandas as pd

from hierbayes.design.basis import Basis
from hierbayes.design.design import Design
from hierbayes.design.joined_errors import SummedErrors
from hierbayes.design.residual_moments import ResidualMoments
from hierbayes.design.residual_rows import ResidualRows
from hierbayes.fit.saving.row_columns import frame_as_bytes, frame_of_bytes
from hierbayes.residuals.bound_values import KeptPart
from hierbayes.residuals.structure import ResidualStructure

_SUMS = ("cells", "atoms", "classes", "class_of", "atom_codes")
_LEVELS = ("level_of", "level_counts")


def moments_said(
    moments: ResidualMoments, arrays: dict[str, np.ndarray], rows: list[bytes]
) -> dict[str, Any]:
    """What is said of moments; their arrays and frames are put among those of the file."""

    def frame(values: pd.DataFrame) -> dict[str, Any]:
        said, written = frame_as_bytes(values)
        rows.append(written)
        return said

    law = moments.rows
    arrays |= {f"errors_{name}": getattr(moments, name) for name in _SUMS}
    arrays |= {f"errors_{name}": getattr(law, name) for name in _LEVELS}
    arrays |= {f"errors_counts{k}": one for k, one in enumerate(moments.counts)}
    parts = []
    for at, part in enumerate(law.parts):
        kept = part.kept
        arrays |= {f"errors_part{at}_{name}": one for name, one in kept.arrays.items()}
        parts.append({"arrays": list(kept.arrays), "frame": frame(kept.frame)})
    return {"group": law.group, "labels": frame(pd.DataFrame({"group": law.labels})),
            "parts": parts}  # fmt: skip


def moments_again(
    said: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    rows: Iterator[bytes],
    structure: ResidualStructure | None,
    design: Design,
    basis: Basis,
) -> ResidualMoments:
    """The moments of a structure again, ``design`` that of all groups.

    Raises
    ------
    ValueError
        When they are not whole.
    """
    if structure is None:
        raise ValueError("errors without a structure")
    # in the order in which they were written
    kept = [
        KeptPart({name: arrays[f"errors_part{at}_{name}"] for name in one["arrays"]},
                 frame_of_bytes(one["frame"], next(rows)))
        for at, one in enumerate(said["parts"])
    ]  # fmt: skip
    labels = pd.Index(frame_of_bytes(said["labels"], next(rows))["group"], tupleize_cols=False)
    correlation = structure.correlation
    of_variances = kept if correlation is None else kept[1:]
    law = SummedErrors(
        structure,
        said["group"],
        labels,
        arrays["errors_level_of"],
        arrays["errors_level_counts"],
        None if correlation is None else correlation.again(kept[0]),
        tuple(part.again(one) for part, one in zip(structure.variances, of_variances, strict=True)),
    )
    sums: dict[str, Any] = {name: arrays[f"errors_{name}"] for name in _SUMS}
    found = ResidualMoments(
        rows=cast(ResidualRows, law),  # answers as they do where it can
        **sums,
        counts=tuple(arrays[f"errors_counts{k}"] for k in range(len(design.factors))),
        design=design,
        basis=basis,
    )
    if not len(found.cells) == len(found.atoms) == len(found.class_of):
        raise ValueError("sums of errors are not of one number")
    return found
