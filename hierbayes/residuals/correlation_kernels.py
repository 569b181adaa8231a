"""Coefficients of C⁻¹ with two derivatives by one coordinate, of chains and of equal correlations.

What is written: the coefficients of the kinds of links and, after them, log|C| (kinds + 1,), then
∂/∂z of them (kinds + 1, 1) and ∂²/∂z² (kinds + 1, 1, 1).
"""

from __future__ import annotations

import math

from hierbayes.compilation import compiled, inner
from hierbayes.compiled_arrays import zeros_of
from hierbayes.residuals.bound_values import CONTINUOUS, EXCHANGEABLE, INDEPENDENT, Floats
from hierbayes.residuals.decay import LONG


@inner
def parts_of(
    kind: int, z: Floats, sizes: Floats, counts: Floats, number: float
) -> tuple[Floats, Floats, Floats]:
    """Those of a `CorrelationKernel`, at all coordinates (k,), of which its own is the first."""
    if kind == INDEPENDENT:
        alone = zeros_of(2)
        alone[0] = 1.0
        return alone, zeros_of((2, 0)), zeros_of((2, 0, 0))
    if kind == EXCHANGEABLE:
        return exchangeable_parts(z[0], sizes, counts, number)
    return chain_parts(z[0], sizes, counts, number, kind == CONTINUOUS)


@compiled(error_model="numpy")
def chain_parts(
    z: float, gaps: Floats, counts: Floats, unit: float, continuous: bool
) -> tuple[Floats, Floats, Floats]:
    """Those of a Markov chain over gaps: 1, and r²/(1 − r²) and −r/(1 − r²) of each r = φ^g."""
    size = 2 * len(gaps) + 2
    own, moved, bent = zeros_of(size), zeros_of((size, 1)), zeros_of((size, 1, 1))
    own[0] = 1.0
    for i in range(len(gaps)):
        g = gaps[i]
        if continuous:
            share = 1.0 / (1.0 + math.exp(z))
            fall = max(-z, 0.0) + math.log1p(math.exp(-abs(z)))  # −log s of the logistic s
            exponent = -g / unit * fall
            of_log = g / unit * share
            r, lost = math.exp(exponent), -math.expm1(2.0 * exponent)
            r1 = r * of_log
            r2 = r1 * (of_log - (1.0 - share))
        else:
            phi, h = math.tanh(z), round(g)
            if g > LONG and phi * phi > 0.0:  # of φ near ±1 the logarithm has more digits
                far = math.exp(-2.0 * abs(z))
                w = 4.0 * far / (1.0 + far) ** 2
                log_size = math.log1p(-far) - math.log1p(far)
                r = math.exp(g * log_size)
                if phi < 0.0 and h % 2 == 1:
                    r = -r
                lost = -math.expm1(2.0 * g * log_size)
                before, further = r / phi, r / (phi * phi)
            else:
                w = 1.0 - phi * phi
                r = phi**h
                lost = 1.0 - r * r
                before = phi ** (h - 1)
                further = phi ** (h - 2) if h > 1 else 0.0
            r1 = g * before * w
            r2 = -2.0 * phi * r1 + g * (g - 1.0) * further * w * w
        lost1, lost2 = -2.0 * r * r1, -2.0 * (r1 * r1 + r * r2)
        a, b = 1 + 2 * i, 2 + 2 * i
        own[a], own[b] = r * r / lost, -r / lost
        moved[a, 0], moved[b, 0] = 2.0 * r * r1 / lost**2, -(1.0 + r * r) * r1 / lost**2
        bent[a, 0, 0] = -lost2 / lost**2 + 2.0 * lost1**2 / lost**3
        bent[b, 0, 0] = -(2.0 * r * r1 * r1 + (1.0 + r * r) * r2) / lost**2
        bent[b, 0, 0] += 2.0 * (1.0 + r * r) * r1 * lost1 / lost**3
        own[size - 1] += counts[i] * math.log(lost)
        moved[size - 1, 0] += counts[i] * lost1 / lost
        bent[size - 1, 0, 0] += counts[i] * (lost2 / lost - (lost1 / lost) ** 2)
    return own, moved, bent


@compiled(error_model="numpy")
def exchangeable_parts(
    z: float, sizes: Floats, counts: Floats, low: float
) -> tuple[Floats, Floats, Floats]:
    """Those of one correlation ρ between ``low`` and 1 in groups of so many rows.

    1/(1 − ρ), and −ρ/((1 + (n − 1)ρ)(1 − ρ)) of each size n.
    """
    size = len(sizes) + 2
    own, moved, bent = zeros_of(size), zeros_of((size, 1)), zeros_of((size, 1, 1))
    tail = 1.0 / (1.0 + math.exp(z))
    apart = (1.0 - low) * tail  # 1 − ρ
    apart1 = -apart * (1.0 - tail)
    apart2 = -apart1 * (1.0 - 2.0 * tail)
    rho = 1.0 - apart
    own[0] = 1.0 / apart
    moved[0, 0] = -apart1 / apart**2
    bent[0, 0, 0] = -apart2 / apart**2 + 2.0 * apart1**2 / apart**3
    for i in range(len(sizes)):
        more = sizes[i] - 1.0
        whole, whole1, whole2 = 1.0 + more * rho, -more * apart1, -more * apart2
        w, w1 = whole * apart, whole1 * apart + whole * apart1
        w2 = whole2 * apart + 2.0 * whole1 * apart1 + whole * apart2
        own[1 + i] = -rho / w
        moved[1 + i, 0] = apart1 / w + rho * w1 / w**2
        bent[1 + i, 0, 0] = apart2 / w - 2.0 * apart1 * w1 / w**2
        bent[1 + i, 0, 0] += rho * w2 / w**2 - 2.0 * rho * w1**2 / w**3
        own[size - 1] += counts[i] * (more * math.log(apart) + math.log(whole))
        moved[size - 1, 0] += counts[i] * (more * apart1 / apart + whole1 / whole)
        bent[size - 1, 0, 0] += counts[i] * (
            more * (apart2 / apart - (apart1 / apart) ** 2)
            + whole2 / whole - (whole1 / whole) ** 2
        )  # fmt: skip
    return own, moved, bent
