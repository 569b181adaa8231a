"""A formula is data: what can be said in one, what is refused, and that nothing in it is run."""

from collections.abc import Callable
from pathlib import Path
from pickle import dumps, loads
from typing import Any

import formulaic.utils.stateful_transforms
import formulaic.utils.variables
import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.specification.known_functions import CONTRASTS, NUMPY, STATEFUL
from hierbayes.specification.terms import names_in

# Each writes the file at {0} should it be run.
PROGRAMS = (
    "{{ses + 0*__import__('pathlib').Path('{0}').write_text('x')}}",
    "np.exp(0*ses + __import__('pathlib').Path('{0}').write_text('x'))",
    "{{(lambda: open('{0}', 'w').write('x'))()}}",
    "{{(lambda: open('{0}', 'w').write('x'))()(ses)}}",
    "{{__import__('pathlib').Path('{0}').touch()(ses)}}",
    "I(open('{0}', 'w').write('x'))",
    "I(open('{0}', 'w').write('x')(ses))",
    "{{ses.__class__.__init__.__globals__['sys'].modules['pathlib'].Path('{0}').touch()}}",
    "{{[open('{0}', 'w') for one in (1,)]}}",
    "np.save('{0}', ses)",
    "{{ses.to_csv('{0}')}}",
    "{{ses.pipe(np.save, '{0}')}}",
    "cvar(ses.to_csv('{0}'), school)",
    "C(Sex, open('{0}', 'w'))",
    "poly(ses, open('{0}', 'w').write('x'))",
    "scale(ses, center=open('{0}', 'w'))",
    "np.where(open('{0}', 'w'), 1, 0)",
    '{{exec(\'open("{0}", "w")\')}}',
    "{{eval(\"open('{0}', 'w')\")}}",
    '{{f\'{{open("{0}", "w")}}\'}}',
    "np.log(ses, where=open('{0}', 'w'))",
)
PLACES = (
    "mathach ~ {} + (1 | school)",
    "{} ~ ses + (1 | school)",
    "mathach ~ ses + (1 + {} | school)",
    "mathach ~ {} ~ ses + (1 | school)",  # formulaic would look at what stands left of a tilde
    "mathach ~ ses + ({} ~ 1 | school)",
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_in_a_formula_is_run(program: str, tmp_path: Path, hs: pd.DataFrame) -> None:
    code = program.format(tmp_path / "mark")
    for place in PLACES:
        with pytest.raises(hb.HierbayesError):
            hb.Model(place.format(code), data=hs)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_in_a_model_file_is_run(program: str, tmp_path: Path, hs: pd.DataFrame) -> None:
    code = program.format(tmp_path / "mark")
    file = tmp_path / "model.toml"
    for within, key in ((f"mathach ~ 1 + {code}", "1"), ("mathach ~ 1", "1")):
        between = "1" if within.endswith(code) else f"1 + {code}"
        file.write_text(
            f"title = 't'\ngroup = 'school'\nwithin = '''{within}'''\nrandom = ['1']\n"
            f"[between]\n'{key}' = '''{between}'''\n"
        )
        with pytest.raises(hb.HierbayesError):
            hb.load_model(file, data=hs)
    assert [path.name for path in tmp_path.iterdir()] == ["model.toml"]


def test_formulaic_evaluates_nothing(monkeypatch: pytest.MonkeyPatch, hs: pd.DataFrame) -> None:
    def refuse(*given: Any, **named: Any) -> None:
        raise AssertionError("formulaic was to evaluate code")

    for module in (formulaic.utils.stateful_transforms, formulaic.utils.variables):
        monkeypatch.setattr(module, "eval", refuse, raising=False)
    formula = (
        "log(mathach + 10) ~ poly(ses, 2) * C(Sex, contr.sum) + cvar(ses, school) + {Size / 2} "
        "+ (1 + center(ses) | school)"
    )
    fit = hb.Model(formula, data=hs).reml()
    np.testing.assert_allclose(fit.predict(hs.iloc[:9]), fit.predict().iloc[:9])
    assert hb.Model(formula, hs).multilevel().within.startswith("log(mathach + 10) ~ 1")


NOT_KNOWN = "make a column of it"
ALLOWED = (
    "a formula has columns, numbers, + - * / // % **, comparisons, & | ~, and functions; make a "
    "column of anything else"
)
REFUSED = {
    "{x.clip(0)}": "'x.clip' is an attribute, and a formula reads none but functions of np: make a "
    "column of it",
    "{x.y}": "'x.y' is an attribute, and a formula reads none but functions of np: make a column "
    "of it",
    "{x[0]}": f"'x[0]' is no part of a formula; {ALLOWED}",
    "{lambda: x}": f"'lambda: x' is no part of a formula; {ALLOWED}",
    "{[k for k in x]}": f"'[k for k in x]' is no part of a formula; {ALLOWED}",
    "{x if w > 0 else w}": "'x if w > 0 else w' is no part of a formula; write "
    "np.where(x > 0, 1, 0)",
    "I(x > 0 and w > 0)": "'x > 0 and w > 0' is no part of a formula; write & for 'and' and | for "
    "'or', with each comparison in brackets",
    "I(not x)": "'not x' is no part of a formula; write ~",
    "I(f in ['low'])": "'f in ['low']' is no part of a formula; write np.isin(x, ['a', 'b'])",
    "{x ^ 2}": "'x ^ 2' is no part of a formula; write ** for a power",
    "I(3j * x)": f"'3j' is no part of a formula; {ALLOWED}",
    "np.log(x, x)": "'np.log(x, x)': np.log takes 1 arguments in a formula",
    "np.log(x, out=x)": "'np.log(x, out=x)': np.log takes no argument 'out' in a formula; those by "
    "name are: none",
    "poly(x, w)": f"'w' is no constant; {ALLOWED}",
    "cvar(x)": "'cvar(x)': cvar takes 2 arguments in a formula",
    "center(x, _state={})": f"'center(x, _state={{}})' is no part of a formula; {ALLOWED}",
    "Q('x')": "a formula has no function 'Q'; put the column in backticks",
}


@pytest.mark.parametrize("factor", REFUSED)
def test_what_is_refused_is_named(factor: str) -> None:
    with pytest.raises(hb.FormulaError) as refused:
        names_in(factor)
    said = factor[1:-1] if factor.startswith("{") else factor
    assert str(refused.value) == f"cannot read '{said}' in the formula: {REFUSED[factor]}"


IN_PLACE = {"mean": "center(x)", "std": "scale(x)", "var": "scale(x)"}


@pytest.mark.parametrize("code", ["np.{}(x)", "{{x - x.{}()}}", "I(x / np.{}(x))"])
@pytest.mark.parametrize(
    "name",
    ["mean", "std", "var", "max", "sum", "median", "ptp", "cumsum", "diff", "rank", "shift",
     "quantile", "argsort", "average"],
)  # fmt: skip
def test_statistics_of_the_data_are_refused(name: str, code: str) -> None:
    with pytest.raises(hb.FormulaError) as refused:
        names_in(code.format(name))
    assert "is made of many rows at once, and a formula does not remember it" in str(refused.value)
    assert str(refused.value).endswith("make a column of it")
    if name in IN_PLACE:
        assert f"write {IN_PLACE[name]}, which does, or cvar(x, group)" in str(refused.value)


@pytest.mark.parametrize("name", ["np.mean", "lag", "rank", "np.cumsum", "np.random.rand"])
def test_a_model_refuses_them(name: str, hs: pd.DataFrame) -> None:
    with pytest.raises(hb.FormulaError):
        hb.Model(f"mathach ~ {name}(ses) + (1 | school)", data=hs)


def grouped(rows: int = 96) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = np.arange(rows) // 8
    data = pd.DataFrame({"x": rng.normal(4.0, 1.0, rows), "w": rng.uniform(0.2, 0.9, rows), "g": g})
    data["f"] = rng.choice(["low", "mid", "top"], rows)
    data["y"] = rng.normal(size=rows // 8)[g] + rng.normal(size=rows)
    return data


VALUES: dict[str, Callable[[pd.DataFrame], Any]] = {
    "I(x + 2 * w - 1)": lambda d: d.x + 2 * d.w - 1,
    "{-x / w}": lambda d: -d.x / d.w,
    "{x // 2 + x % 2}": lambda d: d.x // 2 + d.x % 2,
    "I(x**2)": lambda d: d.x**2,
    "I((x > 4) & (w < 0.5) | (f == 'low'))": lambda d: (d.x > 4) & (d.w < 0.5) | (d.f == "low"),
    "I(~(x > 4))": lambda d: d.x <= 4,
    "I(0.3 < w <= 0.6)": lambda d: (d.w > 0.3) & (d.w <= 0.6),
    "I((x > 4).astype(float))": lambda d: d.x > 4,
    "{(x > 4) * w}": lambda d: (d.x > 4) * d.w,
    "np.where(x > 4, w, -1)": lambda d: np.where(d.x > 4, d.w, -1),
    "np.clip(x, 3, 5)": lambda d: d.x.clip(3, 5),
    "np.clip(x, 3, None)": lambda d: d.x.clip(3),
    "np.minimum(x, 4)": lambda d: np.minimum(d.x, 4),
    "np.isin(f, ['low', 'top'])": lambda d: d.f != "mid",
    "np.round(x, 1)": lambda d: d.x.round(1),
    "I(np.pi * x)": lambda d: np.pi * d.x,
    "log(x)": lambda d: np.log(d.x),
    "abs(x - 4)": lambda d: abs(d.x - 4),
    "poly(x, 2, raw=True)": lambda d: np.column_stack([d.x, d.x**2]),
    "2:x": lambda d: 2 * d.x,
    "{3}:x": lambda d: 3 * d.x,
    "x:w": lambda d: d.x * d.w,
    "I(x^2 + w)": lambda d: d.x**2 + d.w,
}


@pytest.mark.parametrize("term", VALUES)
def test_values(term: str) -> None:
    data = grouped()
    made = hb.Model(f"y ~ {term} + (1 | g)", data=data).problem.design.rows.X[:, 1:]
    wanted = np.asarray(VALUES[term](data), dtype=np.float64).reshape(len(data), -1)
    np.testing.assert_allclose(made, wanted, rtol=1e-13)


@pytest.mark.parametrize("name", sorted(set(NUMPY) - {"isin"}))
def test_functions_of_numpy_are_those_of_each_row(name: str) -> None:
    """The values are numpy's, and those of half of the rows are the same."""
    rest = {"where": "x > 4, w, x", "clip": "w, 0.3, 0.5"}
    two = NUMPY[name].values == 2
    code = f"np.{name}({rest.get(name, 'w, x' if two else 'w')})"
    data = grouped()
    if name == "arccosh":
        code = "np.arccosh(x)"
    response = hb.Model(f"{{{code} + x}} ~ 1 + (1 | g)", data=data).problem.design
    half = hb.Model(f"{{{code} + x}} ~ 1 + (1 | g)", data=data.iloc[::2]).problem.design
    np.testing.assert_array_equal(response.rows.y[::2], half.rows.y)
    if name not in rest:
        arguments = (data.w, data.x)[: 1 + two] if name != "arccosh" else (data.x,)
        wanted = np.asarray(getattr(np, name)(*arguments), dtype=np.float64) + data.x
        np.testing.assert_allclose(response.rows.y, wanted, rtol=1e-13)


@pytest.mark.parametrize(
    "term",
    [*(f"{name}(x, g)" for name in ("cvar", "dvar", "lvar")), "center(x)", "scale(x)",
     "standardize(x)", "poly(x, 3)", "bs(x, df=4)", "cr(x, df=3, constraints='center')",
     "cs(x, df=3, constraints='center')",
     "cc(x, df=3, constraints='center')",
     "I(center(x)**2)", "scale(np.log(x))", "poly(`x`, 2)"],
)  # fmt: skip
def test_transforms_are_remembered(term: str) -> None:
    assert {call.split("(")[0] for call in ["cvar(x)", "cc(x)"]} <= set(STATEFUL)
    data = grouped()
    data["y"] += data["g"] % 3
    data["x"] += data["g"] % 4
    fit = hb.Model(f"y ~ {term} + (1 | g)", data=data).reml()
    for rows in ([3, 50], [0], list(range(40, 50))):
        np.testing.assert_allclose(
            fit.predict(data.iloc[rows]), fit.predict().iloc[rows], rtol=1e-9, atol=1e-9
        )
    again = loads(dumps(fit))
    np.testing.assert_array_equal(
        again.predict(data.iloc[[3, 50]]), fit.predict(data.iloc[[3, 50]])
    )


@pytest.mark.parametrize("coding", CONTRASTS)
def test_codings_are_formulaics(coding: str) -> None:
    arguments = {"contr.custom": "({'a': [1, 0, -1], 'b': [0, 1, -1]})", "Treatment": "('mid')"}
    data = grouped()
    model = hb.Model(f"y ~ C(f, {coding}{arguments.get(coding, '')}) + (1 | g)", data=data)
    assert model.problem.design.rows.X.shape[1] == 3
    plain = hb.Model("y ~ f + (1 | g)", data=data)
    assert model.ml().loglik == pytest.approx(plain.ml().loglik, abs=1e-9)


def hinge(x: pd.Series, knot: float = 0.0) -> Any:
    return np.maximum(x - knot, 0.0)


def test_a_caller_hands_over_functions() -> None:
    data = grouped().astype({"x": "float32"})
    data["k"] = (data["x"] * 20).astype("uint8")
    functions = {"hinge": hinge}
    model = hb.Model("y ~ hinge(x, knot=4) + hinge(k, 99) + (1 | g)", data, functions=functions)
    wanted = np.column_stack([hinge(data.x.astype(float), 4), hinge(data.k.astype(float), 99)])
    np.testing.assert_allclose(model.problem.design.rows.X[:, 1:], wanted)
    fit = model.reml()
    np.testing.assert_allclose(fit.predict(data.iloc[:1]), fit.predict().iloc[:1])
    np.testing.assert_array_equal(loads(dumps(fit)).predict(data), fit.predict(data))
    equations = hb.Multilevel("y ~ hinge(x, knot=4)", group="g")
    within = hb.Model(equations, data=data, functions=functions)
    assert within.multilevel().within == "y ~ 1 + hinge(x, knot=4)"


FUNCTIONS: tuple[tuple[Any, str, str], ...] = (
    ([hinge], "x", "functions must be a mapping from names to functions, as in {'f': f}, not list"),
    ({"f g": hinge}, "x", "a function in a formula is called by a plain name, not 'f g'"),
    ({"log": hinge}, "x", "a formula has a function 'log' already; hand over another name"),
    ({"f": 3}, "x", "functions: 'f' must be a function, not int"),
    ({"f": hinge}, "h(x)",
     "a formula has no function 'h': a formula knows numpy's functions of one row, such as "
     "np.log, the transforms center, scale, poly, bs, cr, cvar, dvar and lvar, C and I; hand over "
     "your own, as in functions={'h': h}, or make a column of it"),
    ({}, "factr(x)",
     "a formula has no function 'factr': did you mean 'factor'? Otherwise, a formula knows numpy's "
     "functions of one row, such as np.log, the transforms center, scale, poly, bs, cr, cvar, dvar "
     "and lvar, C and I; hand over your own, as in functions={'factr': factr}, or make a column of "
     "it"),
    ({}, "np.sqr(x)",
     "cannot read 'np.sqr(x)' in the formula: a formula has no function 'np.sqr': did you mean "
     "'np.sqrt'? Otherwise, a formula knows "
     "numpy's functions of one row, such as np.log, the transforms center, scale, poly, bs, cr, "
     "cvar, dvar and lvar, C and I; or make a column of it"),
    ({"hinge": hinge}, "hinged(x)",
     "a formula has no function 'hinged': did you mean 'hinge'? Otherwise, a formula knows numpy's "
     "functions of one row, such as np.log, the transforms center, scale, poly, bs, cr, cvar, dvar "
     "and lvar, C and I; hand over your own, as in functions={'hinged': hinged}, or make a column "
     "of it"),
    ({"f": lambda x: x - x.mean()}, "f(x)",
     "'f(x)' makes other values when some rows are left out, so that it would mean something else "
     "on new data; make a column of it"),
    ({"f": lambda x: 1.0}, "f(x)", "'f(x)' must make one value for each of 96 rows; it does not"),
)  # fmt: skip


@pytest.mark.parametrize(("functions", "term", "message"), FUNCTIONS)
def test_functions_that_are_refused(functions: Any, term: str, message: str) -> None:
    with pytest.raises(hb.FormulaError) as refused:
        hb.Model(f"y ~ {term} + (1 | g)", grouped(), functions=functions)
    assert str(refused.value) == message


def test_a_model_file_that_needs_functions_says_so(tmp_path: Path) -> None:
    file = tmp_path / "model.toml"
    file.write_text(
        'title = "t"\ngroup = "g"\nwithin = "y ~ 1 + hinge(x, knot=4)"\nrandom = ["1"]\n'
    )
    with pytest.raises(hb.FormulaError, match=r"hand over your own, as in functions=\{'hinge'"):
        hb.load_model(file, data=grouped())
    model = hb.load_model(file, data=grouped(), functions={"hinge": hinge})
    assert model.problem.design.terms == ("Intercept", "hinge(x, knot=4)")


@pytest.mark.parametrize("system", hb.dialects().index.drop("hlm"))  # equations, not code
def test_no_system_is_told_of_functions_that_were_handed_over(system: str) -> None:
    model = hb.Model("y ~ hinge(x) + (1 | g)", grouped(), functions={"hinge": hinge})
    with pytest.raises(hb.FormulaError, match="hinge"):
        model.emit(system)


def test_labels_are_not_computed_with() -> None:
    with pytest.raises(hb.FormulaError) as refused:
        hb.Model("y ~ I(2 * f) + (1 | g)", data=grouped())
    assert str(refused.value) == (
        "cannot compute with 'f', which holds labels and no numbers; compare it, as in "
        "(f == 'a'), or make a column of numbers"
    )
    with pytest.raises(hb.FormulaError) as refused:
        hb.Model("y ~ I((x > 0) & w) + (1 | g)", data=grouped())
    assert str(refused.value) == "'&' takes comparisons, such as (x > 0), and not numbers"


def test_a_difference_outside_of_a_term_is_refused(small_data: pd.DataFrame) -> None:
    """R takes out a term that is not there without a word."""
    with pytest.raises(hb.FormulaError) as refused:
        hb.Model("y ~ x - np.log(w) + (1 | g)", data=small_data)
    assert "'- np.log(w)' takes out a term that is not in the formula; write a difference" in str(
        refused.value
    )
    kept = hb.Model("y ~ x * np.exp(w) - np.exp(w) + (1 | g)", data=small_data)
    assert kept.problem.design.terms == ("Intercept", "x", "x:np.exp(w)")
