"""Power and precision of a test, by simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hierbayes.design.subject import subject_of
from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.degrees_of_freedom.source import refuse_unknown_method
from hierbayes.fit.fit import Fit
from hierbayes.inference.hypotheses.hypothesis import Hypothesis, read_hypothesis
from hierbayes.priors.propriety import refuse_improper
from hierbayes.specification.counts import refuse_bad_count
from hierbayes.studies.calibration.calibrate import (
    chosen_seed,
    identity_of,
    replicate,
)
from hierbayes.studies.calibration.designs import (
    OnData,
    Size,
    read_groups,
    read_sizes,
    refuse_no_model,
    resized,
)
from hierbayes.studies.calibration.estimates import Fitting, read_methods
from hierbayes.studies.calibration.new_data import DataSource
from hierbayes.studies.calibration.power_study import PowerStudy
from hierbayes.studies.calibration.power_task import PowerTask
from hierbayes.studies.calibration.run_file import Records
from hierbayes.studies.calibration.tasks import Cell
from hierbayes.studies.calibration.truths import Source, digest, read_truth

_METHODS = ("reml", "ml", "posterior")
_POSTERIOR_DRAWS = 1000


def power(
    model: OnData,
    test: Any,
    truth: str | OnData | Fit | Mapping[str, Any],
    *,
    groups: int | Sequence[int] | Mapping[str, Any] | None = None,
    rows: int | Sequence[int] | None = None,
    replications: int = 1000,
    method: str | None = None,
    prob: float = DEFAULT_PROB,
    df: str | None = None,
    seed: int | None = None,
    cores: int | None = None,
    file: str | Path | None = None,
    client: Any = None,
    progress: bool = True,
) -> PowerStudy:
    """How often a test rejects, and how wide its interval is, in designs of several sizes.

    Data are simulated from the truth on every design and fitted.  A truth that varies, draws of a
    prior or of a posterior, makes of power its average over it: assurance.

    Parameters
    ----------
    model : Model
        On data of a pilot, or made by `hb.simulate`: its rows are those of the designs.
    test : str, list, mapping or matrix
        What is 0 under the null, as in `hb.wald`: ``["ses"]``, a contrast, or several rows.
    truth : Fit, mapping, "prior" or Model
        As in `hb.calibrate`: a fit's estimates, the draws of a posterior, values, or priors.
    groups, rows : int, sequence of int or mapping, optional
        Numbers of groups, and of rows in each; every pair is a design. Groups and rows of the data
        are drawn for it, each as often as every other or once more, once for all replications. By
        default those of the data.  Of several grouping factors numbers go by factor, ``{"school":
        [20, 40], "class": 3}``, one of them with several: of a nested one so many in each of the
        groups that it is nested in.  Cells of factors that cross keep the pattern of the data (a
        new cell has the rows of the one that its levels were drawn from), and ``rows`` are those
        of each cell.
    replications : int
        Data sets for each design.
    method : {"reml", "ml", "posterior"}, optional
        By default REML, of families ML; of a posterior the test rejects where its interval does
        not hold 0.
    prob : float
        Of the interval; the test rejects at one less this.
    df : str, optional
        Degrees of freedom, as in `hb.wald`.
    seed, cores, file, client, progress
        As in `hb.calibrate`.

    Returns
    -------
    PowerStudy
        Its ``table``, and ``smallest(power=0.8)`` or ``smallest(half_width=...)``.

    Raises
    ------
    StudyError
        When an argument makes no sense, or the file is of another run.
    HypothesisError
        When the test cannot be read.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses + Sector + (1 | school)", data=hs)
    >>> truth = dict(gamma=[12, 2.2, -2], G=4, sigma=6)
    >>> found = hb.power(model, ["Sector[T.Public]"], truth, groups=[20, 60], rows=20,
    ...                  replications=30, seed=1, progress=False)
    >>> found.table["rows in all"].tolist()
    [400, 1200]
    """
    refuse_no_model(model, "power")
    problem, source = model.problem, read_truth(truth, model, "power")
    usual = "reml" if problem.family is None else "ml"
    (chosen, *others) = read_methods(method, problem, (usual,))
    if others or chosen not in _METHODS:
        raise StudyError(f"method is one of {in_quotes(_METHODS)}, not {method!r}")
    if df is not None:
        refuse_unknown_method(df)
    Interval(prob)
    refuse_bad_count("replications", replications)
    hypothesis = read_hypothesis(test, problem.design.terms, np.ones(len(problem.design.terms)))
    if chosen == "posterior":
        refuse_improper(problem, model.priors)
        _refuse_several_rows(hypothesis)
    seed = chosen_seed(seed, file)
    factors = tuple(factor.name for factor in problem.design.named_factors)
    sizes = [Size(J, n) for J in read_groups(groups, factors) for n in read_sizes("rows", rows)]
    cells = tuple(_cell(model, source, size, replications, seed) for size in sizes)
    fitting = Fitting(model.priors, "auto", _POSTERIOR_DRAWS, 2, prob)
    task = PowerTask(cells, chosen, fitting, hypothesis.L, df, seed)
    identity = identity_of(model, source, seed) | {
        "test": digest(hypothesis.L), "method": chosen, "prob": prob, "df": df or "usual",
    }  # fmt: skip
    records = replicate(task, cells, replications, identity, cores, file, client, progress=progress)
    return _power(model, source, task, hypothesis, sizes, records, replications)


def _cell(model: OnData, source: Source, size: Size, replications: int, seed: int) -> Cell:
    problem = resized(model, size, seed)
    return Cell(size.name, DataSource(problem), source.draw(problem, replications, seed))


def _refuse_several_rows(hypothesis: Hypothesis) -> None:
    if len(hypothesis.L) > 1:
        raise StudyError(
            f"a posterior is asked about one contrast, and this test has {len(hypothesis.L)} rows: "
            f"{in_quotes(hypothesis.labels)}; state one, or use method='reml'"
        )


def _power(
    model: OnData,
    source: Source,
    task: PowerTask,
    hypothesis: Hypothesis,
    sizes: list[Size],
    records: Records,
    replications: int,
) -> PowerStudy:
    level, parts = 1.0 - task.fitting.prob, {}
    failures: dict[str, None] = {}
    for size, cell in zip(sizes, task.cells, strict=True):
        problem = cell.source.problem
        _, J = size.counted or ("", problem.design.factors[0].J)
        found = [records[cell.name, i] for i in range(replications)]
        failures |= dict.fromkeys(f"a fit failed: {one['failed']}" for one in found
                                  if "failed" in one)  # fmt: skip
        frame = pd.DataFrame({
            "truth": [one["truth"][0] for one in found],
            "estimate": [one.get("estimate", np.nan) for one in found],
            "half width": [one.get("half", np.nan) for one in found],
            "p": [one.get("p", np.nan) for one in found],
            "singular": [bool(one.get("singular")) for one in found],
            "failed": ["failed" in one for one in found],
        })  # fmt: skip
        parts[J, size.rows or "all"] = frame.rename_axis("replication"), problem.design.n
    frames = pd.concat({key: frame for key, (frame, _) in parts.items()}, names=["groups", "rows"])
    index = pd.MultiIndex.from_tuples(list(parts), names=["groups", "rows"])
    word = "Assurance" if source.varies else "Power"
    engine = "posterior" if task.method == "posterior" else task.method.upper()
    lines = subject_of(model.problem.design).lines(
        ("Truth", source.text),
        ("Sets", f"{replications} of each design, seed {task.seed}"),
        *_about_groups(sizes),
    )
    return PowerStudy(
        f"{word} of a test at level {level:.3g}, {engine}: {hypothesis.title} "
        f"({', '.join(hypothesis.labels)})",
        lines,
        frames,
        pd.Series([n for _, n in parts.values()], index=index, name="rows in all"),
        level,
        source.varies,
        tuple(failures)[:5],
        task.seed,
        (sizes[0].counted or ("", 0))[0],
    )


def _about_groups(sizes: list[Size]) -> list[tuple[str, str]]:
    """What the designs have in common, of several grouping factors."""
    groups = sizes[0].groups
    if not isinstance(groups, tuple):
        return []
    fixed = [f"{count} of '{factor}'" for factor, count in groups[1:]]
    said = "; ".join([f"the number of '{groups[0][0]}'", *fixed])
    return [("Groups", f"{said}; of a nested factor in each, other cells as in the data")]
