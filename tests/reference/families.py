"""Log densities of families and their derivatives, in many digits: makes families.json.

Needs mpmath, which the tests do not.  Run from the root of the project:
python -m tests.reference.families.  Points that are there already are kept: remove the file to
make all of them again.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

mp = import_module("mpmath")

type Density = Callable[[Any, Any, Any, list[Any]], Any]
type Point = tuple[float, float, float, list[float]]  # y, m, η, φ


def log_choose(m: Any, k: Any) -> Any:
    return mp.loggamma(m + 1) - mp.loggamma(k + 1) - mp.loggamma(m - k + 1)


def log_shares(link: str, eta: Any) -> tuple[Any, Any]:
    """Log p and log(1 − p)."""
    if link == "logit":
        return -mp.log1p(mp.exp(-eta)), -mp.log1p(mp.exp(eta))
    if link == "probit":
        low, high = mp.ncdf(-abs(eta)), mp.log1p(-mp.ncdf(-abs(eta)))
        return (high, mp.log(low)) if eta > 0 else (mp.log(low), high)
    t = mp.exp(eta)
    return mp.log(-mp.expm1(-t)), -t


def binomial(link: str, y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    success, failure = log_shares(link, eta)
    return log_choose(m, y) + y * success + (m - y) * failure


def poisson(y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    return y * eta - mp.exp(eta) - mp.loggamma(y + 1)


def beta_binomial(link: str, y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    a, b = (phi[0] * mp.exp(share) for share in log_shares(link, eta))
    rises = mp.loggamma(a + y) - mp.loggamma(a) + mp.loggamma(b + m - y) - mp.loggamma(b)
    return log_choose(m, y) + rises - mp.loggamma(phi[0] + m) + mp.loggamma(phi[0])


def of_size(y: Any, size: Any, mean: Any) -> Any:
    """The negative binomial of a size, which is the variance's reciprocal coefficient of μ²."""
    ways = mp.loggamma(y + size) - mp.loggamma(size) - mp.loggamma(y + 1)
    return ways + size * mp.log(size / (size + mean)) + y * mp.log(mean / (size + mean))


def negative_binomial(y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    return of_size(y, phi[0], mp.exp(eta))


def negative_binomial1(y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    return of_size(y, mp.exp(eta) / phi[0], mp.exp(eta))


def gamma(y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    rate = phi[0] / mp.exp(eta)
    return phi[0] * mp.log(rate) - mp.loggamma(phi[0]) + (phi[0] - 1) * mp.log(y) - rate * y


def normal(y: Any, mean: Any, sd: Any) -> Any:
    return -mp.log(sd) - ((y - mean) / sd) ** 2 / 2 - mp.log(2 * mp.pi) / 2


def lognormal(y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    return normal(mp.log(y), eta, phi[0]) - mp.log(y)


def beta(y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    a, b = (phi[0] * mp.exp(share) for share in log_shares("logit", eta))
    total = mp.loggamma(phi[0]) - mp.loggamma(a) - mp.loggamma(b)
    return total + (a - 1) * mp.log(y) + (b - 1) * mp.log(1 - y)


def student_t(y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    z = (y - eta) / phi[0]
    value = mp.loggamma((m + 1) / 2) - mp.loggamma(m / 2) - mp.log(m * mp.pi) / 2
    return value - mp.log(phi[0]) - (m + 1) / 2 * mp.log(1 + z**2 / m)


def student_t_estimated(y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    return student_t(y, phi[1], eta, phi)


def cumulative(link: str, y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    k = int(y)
    if k == 0:
        return log_shares(link, phi[0] - eta)[0]
    if k == len(phi):
        return log_shares(link, phi[-1] - eta)[1]
    high, low = log_shares(link, phi[k] - eta), log_shares(link, phi[k - 1] - eta)
    if low[0] < low[1]:
        return mp.log(mp.exp(high[0]) - mp.exp(low[0]))
    return mp.log(mp.exp(low[1]) - mp.exp(high[1]))


def zero_inflated(inside: Density, y: Any, m: Any, eta: Any, phi: list[Any]) -> Any:
    zero, other = 1 / (1 + mp.exp(-phi[-1])), 1 / (1 + mp.exp(phi[-1]))
    value = inside(y, m, eta, phi[:-1])
    return mp.log(zero + other * mp.exp(value)) if y == 0 else mp.log(other) + value


def hurdle(
    inside: Density, y: Any, m: Any, eta: Any, phi: list[Any], *, counts: bool = True
) -> Any:
    zero, other = 1 / (1 + mp.exp(-phi[-1])), 1 / (1 + mp.exp(phi[-1]))
    if y == 0:
        return mp.log(zero)
    below = -mp.expm1(inside(mp.mpf(0), m, eta, phi[:-1])) if counts else 1
    return mp.log(other) + inside(y, m, eta, phi[:-1]) - mp.log(below)


def grid(
    ys: Iterable[tuple[float, float]],
    etas: Iterable[float],
    phis: Iterable[float | list[float]] = (),
) -> list[Point]:
    """All triples; a number among φ is the only one."""
    wanted = [phi if isinstance(phi, list) else [phi] for phi in phis] or [[]]
    return [(y, m, eta, phi) for (y, m), eta, phi in product(ys, etas, wanted)]


def ones(ys: Iterable[float]) -> list[tuple[float, float]]:
    return [(y, 1.0) for y in ys]


TRIALS = [(0.0, 1.0), (1.0, 1.0), (3.0, 7.0), (0.0, 12.0), (12.0, 12.0)]
OUT_OF = [(1.0, 1.0), (1.0, 9.0), (60.0, 60.0), (40.0, 90.0)]
ORDERED = grid(ones(range(4)), [-30.0, -7.0, -1.7, 0.3, 2.6, 30.0], [[-1.0, 0.5, 0.75]])
MIDDLE = [point for point in ORDERED if abs(point[2]) < 7.0]  # e^−e^30 is no number
FAMILIES: dict[str, tuple[Density, list[Point]]] = {
    "Binomial logit": (
        partial(binomial, "logit"), grid(TRIALS, [-700.0, -40.0, -3.1, -0.04, 0.7, 40.0, 700.0]),
    ),
    "Binomial probit": (
        partial(binomial, "probit"),
        grid(TRIALS, [-1e4, -30.0, -6.3, -5.1, -4.9, -1.3, 0.2, 2.7, 5.5, 30.0]),
    ),
    "Binomial cloglog": (
        partial(binomial, "cloglog"),
        grid(TRIALS, [-700.0, -40.0, -9.3, -9.1, -2.4, -1.3, -1.1, -0.5, 0.3, 2.5, 6.5]),
    ),
    "Poisson log": (
        poisson,
        grid(ones([0.0, 4.0, 900.0]), [-700.0, -40.0, -1.2, 1.7, 6.9, 600.0]),
    ),
    "BetaBinomial logit": (
        partial(beta_binomial, "logit"), grid(OUT_OF, [-40.0, -2.2, 0.7, 40.0], [0.02, 7.0, 1e6]),
    ),
    "BetaBinomial probit": (
        partial(beta_binomial, "probit"), grid(OUT_OF, [-8.0, -1.3, 0.7, 8.0], [0.5, 70.0]),
    ),
    "BetaBinomial cloglog": (
        partial(beta_binomial, "cloglog"), grid(OUT_OF, [-40.0, -1.3, 0.7, 3.0], [0.5, 70.0]),
    ),
    "NegativeBinomial log": (
        negative_binomial,
        grid(ones([0.0, 4.0, 31.0, 900.0]), [-40.0, -1.2, 4.7, 40.0],
             [0.003, 1.4, 15.0, 1e7]),
    ),
    "NegativeBinomial1 log": (
        negative_binomial1,
        grid(ones([0.0, 4.0, 31.0, 900.0]), [-20.0, -1.2, 4.7, 20.0],
             [1e-3, 0.1, 1.4, 15.0]),
    ),
    "Gamma log": (gamma, grid(ones([1e-8, 0.7, 300.0]), [-20.0, -1.2, 4.7], [0.01, 2.0, 1e5])),
    "Lognormal identity": (
        lognormal, grid(ones([1e-8, 0.7, 300.0]), [-20.0, 4.7, 1e5], [0.01, 2.0]),
    ),
    "Beta logit": (
        beta, grid(ones([1e-9, 0.31, 0.998]), [-40.0, -2.2, 0.7, 40.0], [0.02, 7.0, 1e4]),
    ),
    "StudentT identity": (
        student_t, grid([(1.0, 4.0), (-7.3, 1.0), (0.3, 30.0)], [-40.0, 0.2, 1e5], [0.01, 2.0]),
    ),
    "StudentT estimated": (
        student_t_estimated,
        grid(ones([0.3, -7.3]), [-40.0, 0.2, 1e5], [[0.01, 4.0], [2.0, 0.3], [2.0, 1e3]]),
    ),
    "Cumulative logit": (partial(cumulative, "logit"), ORDERED),
    "Cumulative probit": (partial(cumulative, "probit"), ORDERED),
    "Cumulative cloglog": (partial(cumulative, "cloglog"), MIDDLE),
    "ZeroInflated Poisson": (
        partial(zero_inflated, poisson), grid(ones([0.0, 3.0]), [-20.0, -1.1, 2.3], [-3.0, 0.4]),
    ),
    "ZeroInflated NegativeBinomial": (
        partial(zero_inflated, negative_binomial),
        grid(ones([0.0, 3.0]), [-20.0, -1.1, 2.3, 20.0], [[1.4, -3.0], [0.3, 0.4]]),
    ),
    "ZeroInflated BetaBinomial": (
        partial(zero_inflated, partial(beta_binomial, "logit")),
        grid([(0.0, 9.0), (3.0, 7.0)], [-1.1, 2.3], [[1.4, -3.0]]),
    ),
    "Hurdle Poisson": (
        partial(hurdle, poisson),
        grid(ones([0.0, 1.0, 4.0]), [-600.0, -20.0, -1.2, 0.3, 6.0, 40.0], [-3.0, 700.0]),
    ),
    "Hurdle NegativeBinomial": (
        partial(hurdle, negative_binomial),
        grid(ones([0.0, 1.0, 31.0]), [-40.0, -20.0, -1.2, 2.3, 40.0], [[0.3, 0.4], [15.0, -3.0]]),
    ),
    "Hurdle NegativeBinomial1": (
        partial(hurdle, negative_binomial1),
        grid(ones([0.0, 1.0, 31.0]), [-20.0, -1.2, 4.7], [[1e-3, 0.4], [1.4, -3.0]]),
    ),
    "Hurdle Gamma": (
        partial(hurdle, gamma, counts=False), grid(ones([0.0, 0.7]), [-1.2, 4.7], [[2.0, 0.4]]),
    ),
    "Hurdle Lognormal": (
        partial(hurdle, lognormal, counts=False), grid(ones([0.0, 0.7]), [-1.2], [[2.0, 0.4]]),
    ),
}  # fmt: skip


def derivative(f: Callable[[Any], Any], x: float, order: int) -> Any:
    return f(mp.mpf(x)) if order == 0 else mp.diff(f, mp.mpf(x), order)


# Digits where there is no φ, so that 1 − p may be next to nothing, and elsewhere.
FAR, NEAR = 350, 50


def numbers(name: str, point: Point) -> Iterator[float]:
    """Log density and three derivatives by η; then ∂/∂φ of the log density, ℓ′ and ℓ″."""
    density = FAMILIES[name][0]
    mp.mp.dps = NEAR if point[3] else FAR
    y, m, eta, phi = mp.mpf(point[0]), mp.mpf(point[1]), point[2], [mp.mpf(v) for v in point[3]]
    for order in range(4):
        yield float(derivative(lambda e: density(y, m, e, phi), eta, order))
    for order, c in product(range(3), range(len(phi))):

        def at(e: Any, v: Any, c: int = c) -> Any:
            return density(y, m, e, [*phi[:c], v, *phi[c + 1 :]])

        place = (mp.mpf(eta), phi[c])
        yield float(mp.diff(at, place, (order, 1)))


def main() -> None:
    place = Path(__file__).with_suffix(".json")
    known = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    made = {}
    for name, (_, points) in FAMILIES.items():
        there = {json.dumps(row[:4]): row for row in known.get(name, [])}
        found = [there.get(json.dumps(list(point))) for point in points]
        made[name] = [
            row or [*point, list(numbers(name, point))]
            for point, row in zip(points, found, strict=True)
        ]
    lines = [
        f' "{name}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]"
        for name, rows in made.items()
    ]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    place.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
