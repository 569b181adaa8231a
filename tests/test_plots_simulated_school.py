"""The ten steps of a simulated school: numbers by hand, and what each step adds."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import hierbayes as hb
from hierbayes.errors import StudyError
from hierbayes.plots.look import DISPERSION
from tests.drawn import fits_in, legend_of, lines_of, shows

pytestmark = pytest.mark.slow

FORMULA = "mathach ~ ses + (1 + ses | school)"
SLIDES: dict[str, Any] = {
    "gamma": (12, 2), "G": [[16, 8], [8, 25]], "sigma": 20**0.5, "groups": 40,
    "sizes": ("poisson", 30), "variables": {"ses": ("normal", 0, 1)}, "seed": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def school() -> hb.Simulated:
    return hb.simulate(FORMULA, **SLIDES)


def test_the_frame_by_hand(school: hb.Simulated) -> None:
    frame = hb.plots.simulated_school_frame(school, 7)
    own = school.data[school.data["school"] == 7]
    X = np.column_stack([np.ones(len(own)), own["ses"]])
    beta = np.array([12.0, 2.0]) + school.truth.u.loc[7].to_numpy()
    hat = np.linalg.lstsq(X, own["mathach"].to_numpy(), rcond=None)[0]
    assert_allclose(frame.points, [[12.0, 2.0], beta, hat], rtol=1e-10)
    assert_allclose(frame.rows, own[["ses", "mathach"]], rtol=0)
    G = np.array([[16.0, 8.0], [8.0, 25.0]])
    sampling = 20.0 * np.linalg.inv(X.T @ X)
    for name, centre, M in (
        ("G", [12.0, 2.0], G), ("σ²(X'X)⁻¹", beta, sampling), ("V", [12.0, 2.0], G + sampling)
    ):  # fmt: skip
        away = frame.ellipses.loc[frame.ellipses["ellipse"] == name, ["x", "y"]] - centre
        assert_allclose(np.einsum("ni,ij,nj->n", away, np.linalg.inv(M), away), 1.0, rtol=1e-8)
    # "shadows of the ellipse yield the mean plus or minus 1 standard deviation" (Figure 13)
    assert_allclose(frame.shadows.loc["G"], [12.0, 8.0, 16.0, 2.0, -3.0, 7.0], rtol=1e-12)


def test_a_school_of_two_populations(hs: Any) -> None:
    fit = hb.Model("mathach ~ ses * Sector + (1 + ses | school)", data=hs).reml()
    made = hb.simulate(fit, data=hs, seed=4)
    public = hs.loc[hs["Sector"] == "Public", "school"].iloc[0]
    frame = hb.plots.simulated_school_frame(made, public)
    g = fit.fixef()
    expected = [g["Intercept"] + g["Sector[T.Public]"], g["ses"] + g["ses:Sector[T.Public]"]]
    assert_allclose(frame.points.loc["γ"], expected, rtol=1e-10)
    assert frame.names == ("mathach", "ses")


def test_the_order_of_the_effects_does_not_matter(school: hb.Simulated) -> None:
    one = hb.plots.simulated_school_frame(school, 7)
    G = [[25, 8], [8, 16]]
    made = hb.simulate("mathach ~ ses + (0 + ses + I | school)", **SLIDES | {
        "G": G, "variables": {"ses": ("normal", 0, 1), "I": lambda _, rows: np.ones(len(rows))},
    })  # fmt: skip
    two = hb.plots.simulated_school_frame(made, 7)
    assert_allclose(two.shadows.loc["G"], one.shadows.loc["G"], rtol=1e-12)
    assert_allclose(two.rows, made.data.loc[made.data["school"] == 7, ["ses", "mathach"]], rtol=0)
    assert_allclose(two.points.loc["γ"], [12.0, 2.0], rtol=1e-10)


# ---------------------------------------------------------------- the drawing


def expected_lines(step: int) -> int:
    """Lines of a step: those of data space, or points, ellipses and the four lines of a shadow."""
    if step <= 4:
        return (1, 2, 3, 4)[step - 1]
    points = (step >= 5) + (step >= 7) + (step >= 9)
    ellipses = (step >= 6) + (step >= 8) + (step >= 10)
    return points + ellipses + 4 * (step in (6, 8, 10))


@pytest.mark.parametrize("step", range(1, 11))
def test_each_step_adds_one_thing(school: hb.Simulated, step: int) -> None:
    figure = hb.plots.plot_simulated_school(school, 7, step=step)
    (ax,) = figure.axes
    assert len(lines_of(ax)) == expected_lines(step)
    assert ax.get_title(loc="left").startswith(f"{step} ")
    assert figure.get_suptitle() == "Simulated group 7"
    frame = hb.plots.simulated_school_frame(school, 7)
    assert shows(ax, frame.rows["x"], frame.rows["y"]) is (step in (3, 4))
    for name, first in (("G", 6), ("σ²(X'X)⁻¹", 8), ("V", 10)):
        own = frame.ellipses[frame.ellipses["ellipse"] == name]
        assert shows(ax, own["x"], own["y"]) is (step >= first)
    for name, first in (("γ", 5), ("β", 7), ("β̂", 9)):
        assert shows(ax, *frame.points.loc[name]) is (step >= first)
    assert fits_in(figure)


def test_lines_and_shadows(school: hb.Simulated) -> None:
    frame = hb.plots.simulated_school_frame(school, 7)
    (ax,) = hb.plots.plot_simulated_school(school, 7, step=4).axes
    lines = [one for one in lines_of(ax) if len(one) == 2]
    for line, (a, b) in zip(lines, frame.points.to_numpy(), strict=True):
        assert_allclose(line[:, 1], a + b * line[:, 0], rtol=1e-10)
    (ax,) = hb.plots.plot_simulated_school(school, 7, step=6).axes
    shadow = [one for one in lines_of(ax) if len(one) == 2]
    assert sorted(x[0, 0] for x in shadow[:2]) == [8.0, 16.0]
    assert sorted(y[0, 1] for y in shadow[2:]) == [-3.0, 7.0]
    assert shadow[0][0, 1] == ax.get_ylim()[0] and shadow[2][0, 0] == ax.get_xlim()[0]


def test_all_ten_steps(school: hb.Simulated) -> None:
    before = dict(mpl.rcParams)
    figure = hb.plots.plot_simulated_school(school)
    assert dict(mpl.rcParams) == before
    counts = [len(lines_of(ax)) for ax in figure.axes]
    assert counts == [expected_lines(step) for step in range(1, 11)]
    assert figure.get_suptitle() == "Simulated group 1"
    assert legend_of(figure) == [
        "γ", "β", "β̂", "data", "G (one sd)", "σ²(X'X)⁻¹ (one sd)", "V (one sd)",
    ]  # fmt: skip
    limits = {(ax.get_xlim(), ax.get_ylim()) for ax in figure.axes[:4]}
    assert len(limits) == 1
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in figure.axes[4:]}) == 1
    assert fits_in(figure)
    given = Figure().subplots(2, 5)
    assert hb.plots.plot_simulated_school(school, ax=given) is given[0, 0].figure


def test_some_steps(school: hb.Simulated) -> None:
    """The entries are those of the panels, and lines only where there is data space."""
    in_data_space = hb.plots.plot_simulated_school(school, 7, step=range(1, 5))
    assert [ax.get_title(loc="left")[:1] for ax in in_data_space.axes] == ["1", "2", "3", "4"]
    assert legend_of(in_data_space) == ["γ", "β", "β̂", "data"]
    in_beta_space = hb.plots.plot_simulated_school(school, 7, step=(5, 7, 8))
    assert [len(lines_of(ax)) for ax in in_beta_space.axes] == [
        expected_lines(step) for step in (5, 7, 8)
    ]
    assert legend_of(in_beta_space) == ["γ", "β", "G (one sd)", "σ²(X'X)⁻¹ (one sd)"]
    styles = [line.get_linestyle() for line in in_beta_space.legends[0].get_lines()]
    assert styles[:2] == ["None", "None"] and "None" not in styles[2:]
    mixed = hb.plots.plot_simulated_school(school, 7, step=(1, 6))
    assert legend_of(mixed) == ["γ", "G (one sd)"]
    assert fits_in(in_data_space) and fits_in(in_beta_space)


def test_G_looks_as_it_does_in_the_beta_space_of_a_fit(school: hb.Simulated) -> None:
    (ax,) = hb.plots.plot_simulated_school(school, 7, step=6).axes
    own = hb.plots.simulated_school_frame(school, 7).ellipses
    own = own[own["ellipse"] == "G"]
    (line,) = [one for one in ax.get_lines() if len(np.asarray(one.get_xdata())) == len(own)]
    assert line.get_color() == DISPERSION.color
    (space,) = hb.plots.plot_beta_space(hb.Model(FORMULA, data=school.data).reml()).axes
    assert DISPERSION.color in {one.get_color() for one in space.get_lines()}


def test_refusals(school: hb.Simulated) -> None:
    def message(simulated: hb.Simulated, *args: Any, **changed: Any) -> str:
        with pytest.raises(StudyError) as refused:
            hb.plots.plot_simulated_school(simulated, *args, **changed)
        return str(refused.value)

    wrong: Any = school.data
    assert message(wrong) == (
        "plot_simulated_school() takes what hb.simulate() returns, not an object of type DataFrame"
    )
    assert message(school, 41) == "there is no group 41 in 'school'; they are: 1, 2, 3, 4, 5, ..."
    assert message(school, step=11) == "step must be a whole number from 1 to 10, not 11"
    assert message(school, step=(1, 0)) == "step must be a whole number from 1 to 10, not 0"
    assert message(school, step=()) == "step names none; leave it out for all ten"
    assert message(school, [1]) == "there is no group [1] in 'school'; they are: 1, 2, 3, 4, 5, ..."
    assert message(school, step=1.0) == "step must be a whole number from 1 to 10, not 1.0"
    lonely = hb.simulate(FORMULA, **SLIDES | {"sizes": [1] + [9] * 39})
    assert message(lonely, 1) == (
        "group 1 has no least squares line of its own: it needs two rows with different 'ses'; "
        "choose another group"
    )
    means = hb.simulate("y ~ 1 + (1 | g)", gamma=1, G=1, sigma=1, groups=3, sizes=4, seed=1)
    assert message(means).startswith("the model has one random effect ('Intercept'), and beta ")
    rest: dict[str, Any] = {"groups": 5, "sizes": 6, "sigma": 1, "seed": 1,
            "variables": {"x": ("normal", 0, 1), "z": ("normal", 0, 1)}}  # fmt: skip
    more = hb.simulate("y ~ x + z + (1 + x | g)", gamma=[1, 1, 1], G=np.eye(2), **rest)
    assert message(more) == (
        "the fixed part has more than the groups' lines (a covariate without random effect); the "
        "ten steps show models whose fixed part is a line in each group"
    )
    planes = hb.simulate("y ~ x + z + (1 + x + z | g)", gamma=[1, 1, 1], G=np.eye(3), **rest)
    bare = hb.simulate("y ~ x + z + (0 + x + z | g)", gamma=[1, 1, 1], G=np.eye(2), **rest)
    assert message(bare) == (
        "the model has no random intercept; the ten steps show a model with an intercept and a "
        "slope"
    )
    assert message(planes) == (
        "the model has 3 random effects; the ten steps show a model with an intercept and a slope"
    )
