"""Calibrating a model on data simulated from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from hierbayes.display.interval import DEFAULT_PROB, Interval
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.fit import Fit
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.propriety import refuse_improper
from hierbayes.specification.counts import is_whole, refuse_bad_count, refuse_bad_seed
from hierbayes.studies.calibration.calibration import Calibration
from hierbayes.studies.calibration.designs import (
    OnData,
    Size,
    read_groups,
    refuse_no_model,
    resized,
)
from hierbayes.studies.calibration.estimates import SAMPLERS, Fitting, read_methods
from hierbayes.studies.calibration.new_data import DataSource
from hierbayes.studies.calibration.ranks import DRAWS, chosen_groups
from hierbayes.studies.calibration.records import calibration_of
from hierbayes.studies.calibration.run_file import Records, RunFile, seed_of
from hierbayes.studies.calibration.tasks import CalibrationTask, Cell, Task
from hierbayes.studies.calibration.truths import Source, digest, read_truth
from hierbayes.studies.calibration.workers import do_all

AS_DATA = "as the data"


def calibrate(
    model: OnData,
    truth: str | OnData | Fit | Mapping[str, Any] = "prior",
    *,
    replications: int = 500,
    methods: str | Sequence[str] | None = None,
    prob: float = DEFAULT_PROB,
    groups: int | Sequence[int] | Mapping[str, Any] | None = None,
    effects: int = 3,
    sampler: str = "auto",
    draws: int = 1000,
    refits: int = 200,
    seed: int | None = None,
    cores: int | None = None,
    file: str | Path | None = None,
    client: Any = None,
    progress: bool = True,
) -> Calibration:
    """Fit a model to data simulated from it, and see whether what it says is true.

    Data sets are simulated on the rows of the model from known parameters, fitted, and their
    estimates and intervals held against the truth: coverage, bias, width.  Where truths are drawn
    from the prior of the model and posteriors are fitted, the rank of the truth among draws of its
    posterior is uniform if and only if everything is right (simulation-based calibration).

    Parameters
    ----------
    model : Model
        Of any family, number of grouping factors and residual structure.  Its priors are those of
        the posteriors, as they are for its own data.
    truth : "prior", Model, Fit or mapping
        Draws of the model's own priors; those of another model's, which shows what a wrong prior
        does; a fit's estimates, or the draws of a posterior; or values, as in
        ``dict(gamma=..., G=..., sigma=...)`` (see `hb.simulate`), of a residual structure with its
        parameters by name, ``residual=dict(phi=0.5)``.
    replications : int
        Data sets.
    methods : str or sequence of str
        Any of ``"reml"``, ``"ml"``, ``"posterior"`` and ``"bootstrap"`` (percentiles of a
        parametric bootstrap of REML; of families of ML).  By default the posterior where truths
        are of a prior, and REML (ML) elsewhere.
    prob : float
        Probability of the intervals.
    groups : int, sequence of int or mapping, optional
        Numbers of groups, each a design of its own: groups of the data are drawn with their rows
        and variables, once for all replications.  By default those of the data.
    effects : int
        Groups of each factor whose random effects are ranked, from the smallest to the largest.
    sampler : {"auto", "nutpie", "importance"}
        Of Gaussian models: importance sampling of θ at a thousand points, and NUTS where its
        weights cannot stand for the posterior (k-hat above 0.7); or one of them.  Families have
        NUTS.  The result says how many data sets were fitted by which.
    draws : int
        Of each posterior, at least 200; truths are ranked among 99 of them.
    refits : int
        Of each bootstrap.
    seed : int, optional
        By default one is drawn, or that of the file.  What a replication finds depends on the seed
        and on its number alone.
    cores : int, optional
        Processes; by default as many as there are processors.
    file : path, optional
        Where finished replications are kept, line by line.  The same call goes on where a run was
        stopped or killed, and one for more replications or groups does the rest.
    client : distributed.Client, optional
        Of a Dask cluster, whose workers do the replications.
    progress : bool

    Returns
    -------
    Calibration

    Raises
    ------
    StudyError
        When an argument makes no sense, or the file is of another run.
    PriorError
        When truths are to be drawn from an improper prior.

    References
    ----------
    Talts, Betancourt, Simpson, Vehtari & Gelman (2018), *Validating Bayesian Inference Algorithms
    with Simulation-Based Calibration*; Modrák et al. (2023), *Bayesian Analysis*.

    Examples
    --------
    >>> import hierbayes as hb
    >>> hs = hb.load_dataset("hs")
    >>> model = hb.Model("mathach ~ ses + (1 | school)", data=hs)
    >>> fit = model.reml()
    >>> found = hb.calibrate(model, fit, replications=20, seed=1, progress=False)
    >>> found.coverage.index.get_level_values("parameter").tolist()
    ['Intercept', 'ses', 'Intercept', 'sigma']
    >>> bool(found.coverage.loc[("as the data", "reml", "gamma", "ses"), "coverage"] > 0.5)
    True
    """
    refuse_no_model(model, "calibrate")
    problem, source = model.problem, read_truth(truth, model, "calibrate")
    usual = "reml" if problem.family is None else "ml"
    of_priors = isinstance(source.stated, PriorSet)
    asked = read_methods(methods, problem, ("posterior",) if of_priors else (usual,))
    Interval(prob)
    refuse_bad_count("replications", replications)
    _refuse_bad_settings(effects, sampler, draws, refits)
    if "posterior" in asked:
        refuse_improper(problem, model.priors)
    seed = chosen_seed(seed, file)
    fitting = Fitting(model.priors, sampler, draws, refits, prob)
    factors = tuple(factor.name for factor in problem.design.named_factors)
    cells = tuple(
        _cell(model, source, Size(J, None), replications, effects, seed)
        for J in read_groups(groups, factors)
    )
    task = CalibrationTask(cells, asked, fitting, seed, of_priors)
    identity = identity_of(model, source, seed) | {
        "methods": list(asked), "prob": prob, "effects": effects, "sampler": sampler,
        "draws": draws, "refits": refits,
    }  # fmt: skip
    records = replicate(task, cells, replications, identity, cores, file, client, progress=progress)
    return calibration_of(model, source, task, records, replications)


def chosen_seed(seed: int | None, file: str | Path | None) -> int:
    """The seed that is stated, or that of a file, or a new one."""
    begun = seed_of(file)
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31)) if begun is None else begun
    refuse_bad_seed(seed)
    return int(seed)


def identity_of(model: OnData, source: Source, seed: int) -> dict[str, Any]:
    """What a file of a run is known by."""
    design, family = model.problem.design, model.problem.family
    rows = design.rows
    sizes = [] if family is None else [model.problem.family_rows.m]
    sizes += [one for one in (rows.added, rows.root_weights) if one is not None]
    codes = [np.asarray(code, dtype=np.float64) for code in rows.codes_of]
    if model.problem.moments is not None:
        codes.append(model.problem.moments.cells[:, 0])  # as errors weigh the first column
    return {
        "model": str(design.specification),
        "family": str(family or "Gaussian"),
        "data": digest(rows.X, rows.Z, *codes, *sizes),
        "truth": source.fingerprint,
        "priors": digest(str(model.priors.frame().to_csv())),
        "version": version("hierbayes"),
        "seed": seed,
    }


def replicate(
    task: Task,
    cells: Sequence[Cell],
    replications: int,
    identity: dict[str, Any],
    cores: int | None,
    file: str | Path | None,
    client: Any,
    *,
    progress: bool,
) -> Records:
    """Every replication of every design, those of a file as they are there."""
    if cores is not None:
        refuse_bad_count("cores", cores)
    with RunFile(file, identity) as kept:
        todo = [
            (k, i)
            for i in range(replications)
            for k, cell in enumerate(cells)
            if (cell.name, i) not in kept.found
        ]
        do_all(
            task,
            todo,
            lambda place, found: kept.append(cells[place[0]].name, place, found),
            cores=cores,
            what="replications",
            progress=progress,
            client=client,
        )
        return kept.found


def _cell(
    model: OnData, source: Source, size: Size, replications: int, effects: int, seed: int
) -> Cell:
    problem = resized(model, size, seed)
    truths = source.draw(problem, replications, seed)
    name = AS_DATA if size.groups is None else size.words
    return Cell(name, DataSource(problem), truths, chosen_groups(problem, effects))


def _refuse_bad_settings(effects: int, sampler: str, draws: int, refits: int) -> None:
    refuse_bad_count("refits", refits)
    refuse_bad_count("draws", draws)
    if not is_whole(effects) or effects < 0:
        raise StudyError(f"effects must be a whole number of groups, not {effects!r}")
    if sampler not in SAMPLERS:
        raise StudyError(f"sampler must be one of {in_quotes(SAMPLERS)}, not {sampler!r}")
    if draws < 2 * (DRAWS + 1):
        raise StudyError(f"draws must be at least {2 * (DRAWS + 1)}, not {draws}")
    if refits < 2:
        raise StudyError("refits must be at least 2: a single one has no limits")
