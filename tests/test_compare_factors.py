"""Comparisons of fits of several grouping factors: the numbers are those of the fits."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import block_diag

import hierbayes as hb
from hierbayes.errors import StudyError
from hierbayes.likelihood.conditional import flat_prior
from hierbayes.likelihood.of_products import likelihood_of, split_variances_of
from hierbayes.likelihood.reading import NORMAL
from hierbayes.likelihood.theta import Theta
from tests.factors_reference import fit, model, short_posterior
from tests.test_factors_inference import rows_of

FACTORS = ("Block", "Block:Variety")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return model("Oats_split_plot").data


@pytest.fixture(scope="module")
def posterior() -> hb.PosteriorFit:
    return short_posterior("Oats_split_plot")


@pytest.fixture(scope="module")
def three(posterior: hb.PosteriorFit) -> hb.Comparison:
    return hb.compare(fit("Oats_split_plot", "REML"), fit("Oats_split_plot", "ML"), posterior)


@pytest.mark.slow
def test_points_are_their_fits(three: hb.Comparison) -> None:
    for name in ("REML", "ML"):
        ours = fit("Oats_split_plot", name)
        fixed = three.fixed.xs(name, level="fit")
        assert_allclose(fixed["estimate"], ours.gamma, rtol=1e-9)
        assert_allclose(fixed["se"], np.sqrt(np.diag(ours.vcov())), rtol=1e-9)
        variance = three.variance.xs(name, level="fit")
        assert variance.index.tolist() == [
            ("sd", "Intercept|Block"), ("sd", "Intercept|Block:Variety"), ("sigma", "sigma"),
            ("icc", "Block"), ("icc", "Block:Variety"),
        ]  # fmt: skip
        sd, icc = ours.var_corr()["sd"].to_numpy(), ours.icc()["icc"].to_numpy()
        assert_allclose(variance["estimate"], [*sd, *icc], rtol=1e-9)
        limits = ours.intervals()[["lower", "upper"]]
        theirs = three.intervals.xs(name, level="fit").droplevel("method")
        assert_allclose(theirs.loc[limits.index, ["lower", "upper"]], limits, rtol=1e-9)


def test_groups_are_those_of_each_factor(three: hb.Comparison, posterior: hb.PosteriorFit) -> None:
    reml = fit("Oats_split_plot", "REML")
    assert three.effects == {name: (f"Intercept|{name}",) for name in FACTORS}
    for factor in FACTORS:
        effect = f"Intercept|{factor}"
        for name, ours in (("REML", reml), ("posterior", posterior)):
            found = three.groups.xs((effect, name), level=("effect", "fit"))
            shrunk = ours.shrinkage(factor)
            assert found.index.tolist() == shrunk.index.get_level_values("group").tolist()
            assert_allclose(found["value"], shrunk["blup"], rtol=1e-9)
            assert_allclose(found["sd"], shrunk["blup_sd"], rtol=1e-9)
            assert found["rank"].argmin() == shrunk["blup"].argmax()
        rows = three.uncertainty.loc[("posterior", "beta", effect)]
        assert rows.index.tolist() == ["min", "median", "max"]
    difference = three.differences.loc[("REML", "posterior", "beta", "Intercept|Block:Variety")]
    assert difference["group"] in posterior.design.factors[1].labels


@pytest.mark.parametrize("name", ["Oats_split_plot", "Pixel_slope_outer"])
def test_variances_split_by_their_source(name: str) -> None:
    """Against the inverse of the matrix of all effects, fixed and random, at each θ."""
    ours = fit(name, "REML")
    products, rows = ours.problem.products, rows_of(ours)
    root, sigma, spans = ours.theta.root[0, 0], ours.sigma, ours.design.spans
    sizes = np.array([0.7, 1.0, 1.6])
    theta = Theta.of(sizes[:, None, None] * root, sigma * sizes[::-1])
    Ws = tuple(one.W for one in ours.group_designs)
    likelihood = likelihood_of(products, NORMAL, flat_prior(len(ours.gamma)))
    of_gamma, betas = split_variances_of(likelihood, theta, Ws)
    wide = np.hstack([rows.X, *(rows.Z(k) for k in range(len(spans)))])
    p, gammas, covs = rows.X.shape[1], [], []
    for m in range(3):
        G = [rows.G(k, theta.root[m][span, span]) for k, span in enumerate(spans)]
        precision = block_diag(np.zeros((p, p)), *(np.linalg.inv(one) for one in G))
        cov = np.linalg.inv(wide.T @ wide / theta.sigma[m] ** 2 + precision)
        gammas.append(cov @ wide.T @ rows.y / theta.sigma[m] ** 2)
        covs.append(cov)
    mean, within = np.array(gammas), np.array(covs)
    diagonal = np.diagonal(within, axis1=1, axis2=2)
    assert_allclose(of_gamma[0], diagonal[:, :p].mean(axis=0), rtol=1e-6)
    assert_allclose(of_gamma[1], mean[:, :p].var(axis=0, ddof=1), rtol=1e-5, atol=1e-9)
    start = p
    for W, (given, from_theta) in zip(Ws, betas, strict=True):
        J, q, _ = W.shape
        M = np.zeros((J * q, len(mean[0])))  # from (γ, u) to β
        M[:, :p] = W.reshape(J * q, p)
        M[np.arange(J * q), start + np.arange(J * q)] = 1.0
        of_beta = np.array([np.diag(M @ cov @ M.T) for cov in within])
        assert_allclose(given.ravel(), of_beta.mean(axis=0), rtol=1e-5)
        apart = (mean @ M.T).var(axis=0, ddof=1)
        assert_allclose(from_theta.ravel(), apart, rtol=1e-4, atol=1e-8 * apart.max())
        start += J * q


def test_one_factor_beside_several(data: pd.DataFrame) -> None:
    """Effects have their factor in the name wherever one of the fits has several."""
    one = hb.Model("yield ~ nitro + Variety + (1 | Block)", data).reml()
    found = hb.compare({"one": one, "two": fit("Oats_split_plot", "REML")})
    table = found.variance["estimate"]
    assert_allclose(table.loc[("sd", "Intercept|Block", "one")], one.theta.sd[0, 0, 0])
    assert np.isnan(table.loc[("sd", "Intercept|Block:Variety", "one")])
    assert_allclose(table.loc[("icc", "Block", "one")], one.icc()["icc"])
    effect = found.groups.loc[("I:Victory", "Intercept|Block:Variety")]["value"]
    assert np.isnan(effect["one"]) and np.isfinite(effect["two"])
    assert "(model) the random parts differ; only 'two' has (1 | Block:Variety)." in " ".join(
        found.findings
    )
    sampled = {"gamma": hb.Normal(0, 500), "sd": hb.HalfNormal(0.1)}
    narrow = hb.Model("yield ~ nitro + Variety + (1 | Block)", data, priors=sampled).map()
    moved = hb.compare({"two": fit("Oats_split_plot", "REML"), "narrow": narrow})
    row = moved.differences.loc[("two", "narrow", "sd", "Intercept|Block")]
    assert "prior" in row["reasons"]


def test_the_same_effect_of_another_factor_is_another_model(data: pd.DataFrame) -> None:
    moved = data.assign(row=np.arange(len(data)) % 9)
    fits = [
        hb.Model(f"yield ~ nitro + (1 | Block) + (1 | {other})", moved).reml()
        for other in ("Variety", "row")
    ]
    found = hb.compare(*fits)
    assert found.differences["reasons"].str.startswith("model")[
        found.differences["differs"]
    ].all()  # fmt: skip
    assert list(found.effects) == ["Block", "Variety", "row"]


def test_printed(three: hb.Comparison) -> None:
    text = str(three)
    assert "Data:   72 rows, 6 groups (Block), 18 groups (Block:Variety)" in text
    assert "Coefficients of the groups of 'Block', the 3 of 6 groups that differ most:" in text
    assert "Coefficients of the groups of 'Block:Variety', the 3 of 18 groups" in text
    assert "icc(Block:Variety)" in text
    assert max(map(len, text.splitlines())) <= 100
    labels = set(hb.plots.comparison_frame(three)["label"])
    assert {"sd(Intercept|Block)", "icc(Block:Variety)"} <= labels


def test_groups_that_differ_are_refused_by_factor(data: pd.DataFrame) -> None:
    other = data.assign(Block=np.arange(len(data)) % 8)
    with pytest.raises(StudyError) as refused:
        hb.compare(
            hb.Model("yield ~ nitro + (1 | Block) + (1 | Variety)", data).reml(),
            hb.Model("yield ~ nitro + (1 | Variety) + (1 | Block)", other).reml(),
        )
    assert str(refused.value) == (
        "'REML 1' and 'REML 2' are fits of different data: the groups differ, 'Block' with 6 and "
        "'Block' with 8; compare fits of the same grouping"
    )
