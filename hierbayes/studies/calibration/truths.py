"""The parameters that data are simulated from: draws of priors or of a posterior, or one point."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.errors import StudyError, in_quotes
from hierbayes.fit.fit import Fit
from hierbayes.fit.posterior import PosteriorFit
from hierbayes.frames.arrays import Floats, stacked
from hierbayes.likelihood.covariance import cholesky_psd
from hierbayes.likelihood.theta import Theta
from hierbayes.priors.prior_set import PriorSet
from hierbayes.studies.calibration.error_truths import (
    error_coordinates,
    errors_of_fit,
    names_of_errors,
    stated_errors,
)
from hierbayes.studies.simulation.parameters import read_parameters

_BLOCK = 1000  # draws at a time: more of them leave the first as they are
_VALUES = ("gamma", "G", "sigma", "phi")
_ERRORS = "residual"
PRIOR = "prior"


class Posed(Protocol):
    """A model: its problem and its priors."""

    @property
    def problem(self) -> Problem:
        """The design on data."""

    @property
    def priors(self) -> PriorSet:
        """The priors in force."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One point: γ (p,), θ, and the dispersion φ (d,) as η is computed; of Gaussian models σ.

    With a residual structure the coordinates of its parameters stand behind σ; in what is stated,
    and not of a design yet, the parameters themselves.
    """

    gamma: Floats
    theta: Theta
    phi: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Truths:
    """As many points as there are replications, by their number.

    Parameters
    ----------
    gamma : (M, p) float
    theta : Theta
        With one leading axis of length M.
    phi : (M, d) float
    """

    gamma: Floats
    theta: Theta
    phi: Floats

    def at(self, i: int) -> Truth:
        """The truth of replication i."""
        return Truth(self.gamma[i], self.theta[i], self.phi[i])


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Where truths come from.

    Parameters
    ----------
    stated : PriorSet, Fit or Truth
    text : str
        In words.
    """

    stated: PriorSet | Fit | Truth
    text: str

    @property
    def varies(self) -> bool:
        """Whether replications have truths of their own."""
        return isinstance(self.stated, PriorSet | PosteriorFit)

    @property
    def fingerprint(self) -> str:
        """Changes with what is stated."""
        if isinstance(self.stated, PriorSet):
            return f"prior {digest(str(self.stated.frame().to_csv()))}"
        if isinstance(self.stated, Fit):
            fit = self.stated
            errors = fit.error_draws[1]
            return f"fit {digest(fit.gamma_draws, fit.theta.root, fit.response_phi, errors)}"
        return f"values {digest(self.stated.gamma, self.stated.theta.root, self.stated.phi)}"

    def draw(self, problem: Problem, replications: int, seed: int) -> Truths:
        """The truths of replications on a design.

        Raises
        ------
        PriorError
            When a prior is improper, so that nothing can be drawn.
        """
        blocks = -(-replications // _BLOCK)
        parts = [self._block(problem, _BLOCK, seed, k) for k in range(blocks)]
        joined = (np.concatenate(part)[:replications] for part in zip(*parts, strict=True))
        gamma, root, phi = joined
        sigma = phi[:, 0] if problem.family is None else np.ones(replications)
        return Truths(gamma, Theta.of(root, sigma), phi)

    def _block(
        self, problem: Problem, count: int, seed: int, k: int
    ) -> tuple[Floats, Floats, Floats]:
        own = int(np.random.SeedSequence([seed, k]).generate_state(1)[0])
        if isinstance(self.stated, PriorSet):
            from hierbayes.priors.draws import draw_priors

            drawn = draw_priors(self.stated, problem, count, own)
            return drawn.gamma, drawn.theta.root, drawn.phi
        if isinstance(self.stated, Fit):
            fit = self.stated
            at = np.random.default_rng(own).integers(fit.theta.sigma.size, size=count)
            phi = fit.response_phi.reshape(fit.theta.sigma.size, -1)[at]
            if problem.moments is not None:
                values, z = errors_of_fit(fit)
                seen = None if fit.problem.moments is None else fit.problem.moments.rows.parameters
                coordinates = error_coordinates(problem.moments.rows, values[at], z[at], seen)
                phi = np.concatenate([phi, coordinates], axis=1)
            return stacked(fit.gamma_draws)[at], fit.theta.flat.root[at], phi
        one = self.stated
        said = one.phi
        if problem.moments is not None:
            z = error_coordinates(problem.moments.rows, said[None, 1:])[0]
            said = np.concatenate([said[:1], z])
        gamma, root, phi = (
            np.repeat(part[None], count, axis=0) for part in (one.gamma, one.theta.root, said)
        )
        return gamma, root, phi


def digest(*parts: str | Floats) -> str:
    """A short text that changes with texts and arrays."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part))
    return found.hexdigest()[:16]


def read_truth(stated: Any, model: Posed, caller: str) -> Source:
    """What truth= says.

    Parameters
    ----------
    stated : "prior", Model, Fit or mapping
        The model's own priors, those of another model, a fit, or values.
    model : Model
        That is calibrated.
    caller : str
        Which function asks, for messages.

    Raises
    ------
    StudyError
        When it is none of these, or is of another model.
    """
    if isinstance(stated, str) and stated == PRIOR:
        return Source(model.priors, "drawn from the priors of the model")
    if isinstance(stated, Fit):
        _refuse_other_model(stated.problem, model.problem)
        several = stated.sampled
        text = "draws of the posterior" if several else f"the {stated.engine} estimates"
        return Source(stated, text)
    if isinstance(getattr(stated, "priors", None), PriorSet):
        _refuse_other_model(stated.problem, model.problem)
        return Source(stated.priors, "drawn from the priors of another model")
    if not isinstance(stated, Mapping):
        raise StudyError(
            f"truth of {caller}() is 'prior', a fit, another model (for its priors) or a mapping "
            f"with gamma, G and sigma (phi for other families), not {stated!r}"
        )
    problem = model.problem
    takes = _VALUES if problem.moments is None else (*_VALUES[:-1], _ERRORS)
    unknown = [name for name in stated if name not in takes]
    if unknown:
        raise StudyError(f"truth has {in_quotes(unknown)}; it takes: {in_quotes(takes)}")
    gamma, G, sigma_, phi = (stated.get(name) for name in _VALUES)
    if G is None and not problem.design.effects:
        G = np.zeros((0, 0))
    read = read_parameters(problem.design, gamma, G, sigma_, phi, problem.family)
    if problem.moments is not None:
        errors = stated_errors(problem, stated.get(_ERRORS))
        read = replace(read, phi=np.concatenate([read.phi, errors]))
    sigma = float(read.phi[0]) if problem.family is None else 1.0
    theta = Theta.of(cholesky_psd(read.G), sigma)
    return Source(Truth(read.gamma, theta, read.phi), "stated values")


def _refuse_other_model(of: Problem, model: Problem) -> None:
    """Refuse a truth with other parameters."""
    for what, ours, theirs in (
        ("terms", model.design.terms, of.design.terms),
        ("random effects", model.design.effect_labels, of.design.effect_labels),
        ("dispersion", model.dispersion, of.dispersion),
        ("parameters of errors", names_of_errors(model), names_of_errors(of)),
    ):
        if tuple(ours) != tuple(theirs):
            raise StudyError(
                f"truth is of a model with other {what}: {in_quotes(theirs)}, and this one has "
                f"{in_quotes(ours)}; state the same model"
            )
    if model.family != of.family:
        raise StudyError(
            f"truth is of a model of the family {of.family or 'Gaussian'}, and this one is "
            f"{model.family or 'Gaussian'}"
        )
