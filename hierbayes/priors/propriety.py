"""Whether the posterior under flat priors is a probability distribution at all.

As the standard deviations of a set S of random effects grow together by a factor s, the
likelihood with γ and u integrated out falls like s^−e,

    e = Σ_j rank(Z_jS) − r,   r = dim{γ : X_jγ in the span of Z_jS for every j},

(r = 0 where γ has a proper prior).  Under flat priors on S the posterior is proper only if
e > |S| for each such set: for one random intercept, with three groups or more.

References
----------
Gelman (2006), *Prior distributions for variance parameters in hierarchical models*,
doi:10.1214/06-BA117A, section 3.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from hierbayes.design.problem import Problem
from hierbayes.errors import PriorError
from hierbayes.priors.foreign_prior import is_flat
from hierbayes.priors.prior_set import PriorSet
from hierbayes.priors.response_propriety import refuse_improper_response

_TOLERANCE = 1e-9


def refuse_improper(problem: Problem, priors: PriorSet) -> None:
    """Refuse flat priors on standard deviations that too few groups keep in bounds.

    Of other families, whose likelihood may have a limit, see `response_propriety`.

    Raises
    ------
    PriorError
        Naming the random effects, with the number of groups that inform them.
    """
    if problem.family is not None:
        refuse_improper_response(problem, priors)
        return
    flat = [k for k, (_, prior, _) in enumerate(priors.sd) if is_flat(prior)]
    free_gamma = any(is_flat(prior) for _, prior, _ in priors.gamma)
    for size in range(1, len(flat) + 1):
        for some in combinations(flat, size):
            factors = {problem.design.effect_names[k].factor for k in some}
            if len(factors) > 1:  # each factor by itself must leave them proper
                continue
            informed, lost = _exponent(problem, list(some))
            lost = lost if free_gamma else 0
            if informed - lost <= size:
                names = " and ".join(f"'{problem.design.effects[k]}'" for k in some)
                raise PriorError(
                    f"the posterior is improper: with a flat prior the sd of {names} has no upper "
                    f"limit, for the groups give {informed} coefficients and the fixed part takes "
                    f"{lost} of them (more than {size} must be left); state a proper prior, such "
                    "as HalfNormal or HalfT"
                )


def _exponent(problem: Problem, some: list[int]) -> tuple[int, int]:
    """Σ_j rank(Z_jS), and how many fixed columns the groups' own columns absorb."""
    cross = problem.working
    k = next(k for k, at in enumerate(problem.design.spans) if at.start <= some[0] < at.stop)
    span, level = problem.design.spans[k], cross.levels[k]
    mine = [place - span.start for place in some]
    columns = np.linalg.inv(cross.basis.z.matrix[span, span])[:, mine]  # Z_S = Z° columns
    A = columns.T @ level.A @ columns
    B = columns.T @ level.B[:, :, :-1]
    ranks = np.linalg.matrix_rank(A, tol=_TOLERANCE * np.abs(A).max(), hermitian=True)
    own = np.linalg.pinv(A, rcond=_TOLERANCE, hermitian=True) @ B
    XtX = cross.C[:-1, :-1]
    left = XtX - np.einsum("jkp,jkr->pr", B, own)
    size = np.sqrt(np.diag(XtX))
    absorbed = len(size) - np.linalg.matrix_rank(left / np.outer(size, size), tol=_TOLERANCE)
    return int(ranks.sum()), int(absorbed)
