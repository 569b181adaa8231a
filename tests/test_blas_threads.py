"""Threads of BLAS while the dense blocks of several factors are worked on, and after it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import hierbayes as hb
from hierbayes.design import blas_threads
from hierbayes.design.blas_threads import few_blas_threads
from hierbayes.estimation import reml


def threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    with threadpool_limits(2, "blas"):
        yield


@pytest.fixture(scope="module")
def crossed() -> hb.Model:
    rng, at = np.random.default_rng(3), np.arange(900)
    data = pd.DataFrame({"y": rng.normal(size=900), "g": at % 30, "k": at // 30, "few": at % 7})
    return hb.Model("y ~ 1 + (1 | g) + (1 | k)", data)


def test_they_are_one_within_and_what_they_were_after(crossed: hb.Model) -> None:
    cross = crossed.problem.products
    with few_blas_threads(cross):
        with few_blas_threads(cross):
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == {2}
    with pytest.raises(ZeroDivisionError), few_blas_threads(cross):
        _ = 1 / 0
    assert threads() == {2}


def test_of_one_factor_of_few_effects_and_of_very_large_blocks_they_stay(
    crossed: hb.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = hb.Model("y ~ 1 + (1 | g)", crossed.data)
    with few_blas_threads(one.problem.products):
        assert threads() == {2}
    loops = hb.Model("y ~ 1 + (1 | g) + (1 | few)", crossed.data)  # which ask BLAS for nothing
    with few_blas_threads(loops.problem.products):
        assert threads() == {2}
    monkeypatch.setattr(blas_threads, "LARGE", 30)
    with few_blas_threads(crossed.problem.products):
        assert threads() == {2}


def test_another_thread_of_python_leaves_them_to_the_first(crossed: hb.Model) -> None:
    def within(_: int) -> set[int]:
        with few_blas_threads(crossed.problem.products):
            return threads()

    with ThreadPoolExecutor(4) as pool, few_blas_threads(crossed.problem.products):
        assert list(pool.map(within, range(20))) == [{1}] * 20
    assert threads() == {2}


def test_a_maximum_is_looked_for_by_one(crossed: hb.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []

    def climb(*given: Any) -> Any:
        seen.append(threads())
        return usual(*given)

    usual = reml.climb
    monkeypatch.setattr(reml, "climb", climb)
    crossed.reml()
    assert seen and all(one == {1} for one in seen)
    assert threads() == {2}
