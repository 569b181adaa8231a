"""Log densities of families and their derivatives, in 700 digits: makes families.json.

Needs mpmath, which the tests do not.  Run from the root of the project:
python -m tests.reference.families
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

mp = import_module("mpmath")
mp.mp.dps = 700

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


def grid(ys: Iterable[tuple[float, float]], etas: Iterable[float]) -> list[Point]:
    return [(y, m, eta, []) for (y, m), eta in product(ys, etas)]


TRIALS = [(0.0, 1.0), (1.0, 1.0), (3.0, 7.0), (0.0, 12.0), (12.0, 12.0)]
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
        grid([(0.0, 1.0), (4.0, 1.0), (900.0, 1.0)], [-700.0, -40.0, -1.2, 1.7, 6.9, 600.0]),
    ),
}  # fmt: skip


def derivative(f: Callable[[Any], Any], x: float, order: int) -> Any:
    return f(mp.mpf(x)) if order == 0 else mp.diff(f, mp.mpf(x), order)


def numbers(density: Density, point: Point) -> Iterator[float]:
    """Log density and three derivatives by η; then ∂/∂φ of the log density, ℓ′ and ℓ″."""
    y, m, eta, phi = mp.mpf(point[0]), mp.mpf(point[1]), point[2], [mp.mpf(v) for v in point[3]]
    for order in range(4):
        yield float(derivative(lambda e: density(y, m, e, phi), eta, order))
    for order, c in product(range(3), range(len(phi))):

        def at(e: Any, v: Any, c: int = c) -> Any:
            return density(y, m, e, [*phi[:c], v, *phi[c + 1 :]])

        place = (mp.mpf(eta), phi[c])
        yield float(mp.diff(at, place, (order, 1)))


def main() -> None:
    made = {
        name: [[*point, list(numbers(density, point))] for point in points]
        for name, (density, points) in FAMILIES.items()
    }
    lines = [
        f' "{name}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]"
        for name, rows in made.items()
    ]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    Path(__file__).with_suffix(".json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
