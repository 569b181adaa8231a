"""The model files: sixteen that fit as R fits them, and wrong ones that are refused."""

import re
from pathlib import Path

import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.frames.shipped import shipped
from hierbayes.library.loading import load_model
from hierbayes.library.model_file import read_model_file
from hierbayes.library.shipped_models import find_model_file, model_names, shipped_model
from hierbayes.priors.text import read_prior, read_priors

# Restricted log-likelihoods of lme4 1.1-31.
LOGLIK = {
    "crossed_schools": -7429.97349145,
    "contextual_mean_and_centred_within_group": -6416.72600403365,
    "contextual_mean_and_raw_variable": -6416.72600403365,
    "growth_in_schools": -2029.10714633,
    "intercepts_and_slopes_as_outcomes": -6419.69471301439,
    "intercepts_and_slopes_as_outcomes_with_contextual_mean": -6409.61218377596,
    "means_as_outcomes": -6486.34025461708,
    "non_random_slopes": -6419.97608096645,
    "one_way_ancova": -6428.77269518096,
    "one_way_anova_with_random_effects": -6489.96930800307,
    "parallel_mean_slopes": -6424.3494985482,
    "random_coefficients": -6427.88756942799,
}

# Log-likelihoods by Laplace's approximation: glmmTMB 1.1.5 and ordinal 2022.11-16 (wine).
LAPLACE = {
    "bitterness_of_wine": -81.565412776773,
    "contraception_by_district": -1180.305142717,
    "illness_in_herds": -92.026281864757,
    "ticks_on_grouse": -890.27133008742,
}

GOOD = """
title = "T"
group = "school"
within = "mathach ~ 1 + ses"
random = ["1", "ses"]
[between]
"1" = "1 + Sector"
"""
KEYS = (
    "title, about, dataset, family, residual, weights, counts, offset, known_sd, group, formula, "
    "within, random, between, priors"
)


def replaced(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def write(folder: Path, text: str) -> Path:
    path = folder / "model.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", LOGLIK)
def test_reml_of_shipped_models_is_that_of_lme4(name: str) -> None:
    assert load_model(name).reml().loglik == pytest.approx(LOGLIK[name], abs=1e-6, rel=0)


@pytest.mark.parametrize("name", LAPLACE)
def test_likelihood_of_shipped_models_of_other_responses_is_that_of_r(name: str) -> None:
    assert load_model(name).ml().loglik == pytest.approx(LAPLACE[name], abs=1e-6, rel=0)


def test_names_and_titles() -> None:
    files = {name: read_model_file(shipped_model(name)) for name in model_names()}
    assert list(files) == sorted(LOGLIK | LAPLACE)
    assert {file.dataset for file in files.values()} == {
        "cbpp", "contraception", "egsingle", "grouseticks", "hs", "scotssec", "wine"
    }  # fmt: skip
    assert len({file.title for file in files.values()}) == len(files)
    assert files["one_way_ancova"].title == "One-way ANCOVA with random effects"


def test_coefficient_without_fixed_part() -> None:
    model = load_model("contextual_mean_and_raw_variable")
    assert model.specification.fixed == ("1", "cvar(ses, school)", "ses")
    assert model.specification.random_effects == (("1", "dvar(ses, school)"),)


def test_content(tmp_path: Path) -> None:
    file = read_model_file(write(tmp_path, GOOD + '[priors]\nsigma = "HalfNormal(10)"\n'))
    assert (file.title, file.about, file.dataset) == ("T", "", None)
    assert isinstance(file.equations, hb.Multilevel)
    assert file.equations.random == (("1", "ses"),)
    assert dict(file.equations.between) == {"1": "1 + Sector", "ses": "1"}
    assert file.priors == {"sigma": "HalfNormal(10)"}


def test_equations_at_three_levels_and_a_formula() -> None:
    growth, crossed = (read_model_file(shipped_model(name))
                       for name in ("growth_in_schools", "crossed_schools"))  # fmt: skip
    assert growth.groups == ("school", "child")
    assert isinstance(growth.equations, hb.Multilevel)
    assert growth.equations.between["1"] == {"school": "1 + lowinc", "child": "1"}
    assert crossed.equations == "attain ~ verbal + Sex + (1 | primary) + (1 | second)"
    assert crossed.groups == ("primary", "second")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('formula = "y ~ x + (1 | g)"\n' + GOOD, "key 'group': the formula states the model; keep"),
        ('title = "T"\nformula = "y ~ x"\n', "key 'formula': 'y ~ x' has no random part"),
        (replaced('"school"', '["school", "class"]'), "key 'between': with several groups the"),
    ],
)
def test_wrong_files_of_several_factors(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(hb.ModelFileError, match=f"^{re.escape(f'{path}, {message}')}"):
        read_model_file(path)


def test_independent_blocks(tmp_path: Path) -> None:
    path = write(tmp_path, replaced('["1", "ses"]', '[["1"], ["ses"]]'))
    equations = read_model_file(path).equations
    assert isinstance(equations, hb.Multilevel)
    assert equations.random == (("1",), ("ses",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            replaced("random", "randon"),
            f"key 'randon': there is no such key; did you mean 'random'? The keys are: {KEYS}",
        ),
        ("xyzzy = 1\n" + GOOD, f"key 'xyzzy': there is no such key; the keys are: {KEYS}"),
        (
            replaced('group = "school"\n', ""),
            "key 'group': it is missing; write the name of a column, as in group = \"school\"",
        ),
        (
            replaced('random = ["1", "ses"]\n', "") + 'random = ["1", "ses"]\n',
            "key 'random': it stands below [between] and so inside it; move it above",
        ),
        (
            replaced('["1", "ses"]', '"1 + ses"'),
            'key \'random\': it must be a list of terms, as in random = ["1", "ses"]',
        ),
        (
            replaced('["1", "ses"]', "[]"),
            'key \'random\': it must be a list of terms, as in random = ["1", "ses"]',
        ),
        (
            replaced('"1 + Sector"', "1"),
            "key 'between': it must be a table from terms to equations, as in [between] "
            '"ses" = "1 + Sector"',
        ),
        (
            GOOD + "[priors]\nsigma = 10\n",
            "key 'priors': it must be a table from blocks to priors, as in [priors] "
            'sigma = "HalfNormal(10)"',
        ),
        (
            'dataset = "hsx"\n' + GOOD,
            "key 'dataset': no data set is called 'hsx'; those shipped are: cbpp, "
            "contraception, egsingle, grouseticks, hs, hs1, hs2, hsfull, orthodont, scotssec, "
            "sleepstudy, wine "
            "(leave the key out to give data of your own)",
        ),
        (
            replaced("mathach ~", "mathach"),
            "key 'within': cannot read the within equation 'mathach 1 + ses': it needs a response, "
            "'~' and terms, as in 'y ~ 1 + x'",
        ),
        (
            GOOD + 'x = "1"\n',
            "key 'between': there is a between equation for 'x', which is no coefficient of the "
            "within equation 'mathach ~ 1 + ses'; its coefficients are: '1', 'ses'",
        ),
        (
            replaced('["1", "ses"]', '["1", "Size"]'),
            "key 'random': 'Size' is to vary between groups but is no coefficient of the within "
            "equation 'mathach ~ 1 + ses'; its coefficients are: '1', 'ses'",
        ),
    ],
)
def test_wrong_files(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(hb.ModelFileError, match=f"^{re.escape(f'{path}, {message}')}$"):
        read_model_file(path)


def test_not_toml(tmp_path: Path) -> None:
    path = write(tmp_path, 'title = "T"\ngroup school\n')
    with pytest.raises(hb.ModelFileError, match=r"model.toml is not TOML: .*\(at line 2, column"):
        read_model_file(path)
    path.write_bytes(b"title = '\xff'\n")
    with pytest.raises(hb.ModelFileError, match=r"is not TOML: it is no text in UTF-8$"):
        read_model_file(path)


def test_missing_file_and_unknown_name(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    message = f"cannot read the model file {path}: No such file or directory"
    with pytest.raises(hb.ModelFileError, match=f"^{re.escape(message)}$"):
        load_model(path)
    with pytest.raises(hb.ModelFileError, match=r"did you mean 'random_coefficients'\? Those"):
        shipped_model("random_coefficient")
    with pytest.raises(hb.ModelFileError, match=r"^no model is called 'xyzzy'; those shipped are"):
        load_model("xyzzy")


def test_a_name_is_shipped_and_a_path_is_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert find_model_file("one_way_ancova") == shipped("models").joinpath("one_way_ancova.toml")
    assert find_model_file(path) == find_model_file(str(path)) == path


def test_own_file_needs_data(tmp_path: Path, hs: pd.DataFrame) -> None:
    path = write(tmp_path, GOOD)
    with pytest.raises(hb.ModelFileError, match="key 'dataset': it is missing and no data are"):
        load_model(path)
    assert load_model(path, hs).reml().loglik == pytest.approx(
        LOGLIK["parallel_mean_slopes"], abs=1e-6, rel=0
    )


def test_priors_of_a_file(tmp_path: Path, hs: pd.DataFrame) -> None:
    stated = '[priors]\nsigma = "HalfNormal(10)"\n[priors.gamma]\n"ses" = "Normal(0, 2)"\n'
    table = load_model(write(tmp_path, GOOD + stated), hs).priors.frame()
    assert table.loc[("sigma", "sigma")].tolist() == ["HalfNormal(10)", "stated", ""]
    assert table.loc[("gamma", "ses")].tolist() == ["Normal(0, 2)", "stated", ""]
    assert table.loc[("gamma", "Intercept"), "source"] == "default"
    table = load_model(write(tmp_path, GOOD + '[priors]\nG = "Wishart(4, 2)"\n'), hs).priors.frame()
    assert table.loc[("G", "G")].tolist() == ["Wishart(4, 2)", "stated", ""]


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ('sigma = "HalfNormal 10"', "cannot read the prior 'HalfNormal 10': write a family"),
        ('sigma = "Normal(0, 1)"', "Normal has no place as a prior of 'sigma'"),
        ('tau = "HalfNormal(1)"', "there is no block of priors called 'tau'"),
        ('sd = {"x" = "HalfNormal(1)"}', "there is a prior of 'sd' for 'x', which does not exist"),
    ],
)
def test_wrong_priors_of_a_file(
    stated: str, message: str, tmp_path: Path, hs: pd.DataFrame
) -> None:
    path = write(tmp_path, GOOD + "[priors]\n" + stated)
    expected = f"{path}, key 'priors': {message}"
    with pytest.raises(hb.ModelFileError, match=f"^{re.escape(expected)}"):
        load_model(path, hs)


@pytest.mark.parametrize(
    ("text", "prior"),
    [
        ("HalfNormal(10)", hb.HalfNormal(10)),
        (" HalfT( 3,0 , 5.5 ) ", hb.HalfT(3, 0, 5.5)),
        ("Normal(-1.5e1, 2)", hb.Normal(-15, 2)),
        ("Normal(sigma=2, mu=0)", hb.Normal(0, 2)),
        ("Flat()", hb.Flat()),
        ("LKJ(2)", hb.LKJ(2)),
        ("PC(5, 0.05)", hb.PC(5, 0.05)),
        ("InverseWishart(4, 10)", hb.InverseWishart(4, 10)),
        ("Beta(2, 5)", hb.Beta(2, 5)),
        ("R2D2M2()", hb.R2D2M2()),
        ("R2D2M2(0.4, concentration=0.5)", hb.R2D2M2(0.4, 2, 0.5)),
    ],
)
def test_prior_texts(text: str, prior: object) -> None:
    assert read_prior(text) == prior


def test_priors_by_block_and_name() -> None:
    read = read_priors({"sigma": "HalfNormal(1)", "sd": {"ses": "HalfCauchy(2)"}})
    assert read == {"sigma": hb.HalfNormal(1), "sd": {"ses": hb.HalfCauchy(2)}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("HalfNormal", "write a family with its numbers, as in HalfNormal(10); the families"),
        ("__import__('os')", "there is no family '__import__'; the families are: Normal(mu, "),
        ("Normal(0, 1).x", "write a family with its numbers"),
        ("Cauchy(1)", "there is no family 'Cauchy'; the families are: Normal(mu, sigma), "),
        ("HalfT()", "the numbers do not fit HalfT(nu, mu, sigma); the families are: "),
        ("HalfT(3, 0, 5, 1)", "the numbers do not fit HalfT(nu, mu, sigma)"),
        ("Normal(0, s=1)", "the numbers do not fit Normal(mu, sigma)"),
        ("Normal(0, mu=1)", "the numbers do not fit Normal(mu, sigma)"),
        ("Normal(0, 1e999)", "the numbers do not fit Normal(mu, sigma)"),
        ("Normal(0, 1.2.3)", "the numbers do not fit Normal(mu, sigma)"),
        ("Normal(0, 1,)", "the numbers do not fit Normal(mu, sigma)"),
        ("Wishart(4)", "the numbers do not fit Wishart(nu, scale)"),
        ("Wishart(4, [1, 2])", "the numbers do not fit Wishart(nu, scale)"),
    ],
)
def test_wrong_prior_texts(text: str, message: str) -> None:
    expected = f"cannot read the prior '{text}': {message}"
    with pytest.raises(hb.PriorError, match=f"^{re.escape(expected)}"):
        read_prior(text)


def test_prior_with_impossible_numbers() -> None:
    with pytest.raises(hb.PriorError, match=r"^HalfNormal: sigma must be positive, not -1\.0$"):
        read_prior("HalfNormal(-1)")


def test_a_family_stands_in_a_file(tmp_path: Path) -> None:
    text = 'title = "T"\ndataset = "hs"\nfamily = "bernoulli"\n'
    text += 'formula = "Minority ~ ses + (1 | school)"\n'
    path = write(tmp_path, text)
    assert read_model_file(path).family == "bernoulli"
    assert load_model(path).problem.family == hb.families.Bernoulli()
    text = text.replace("Minority", "Size")
    zeros = "ZeroInflated(inside=Poisson(link='log'), zeros='~ 1 + ses')"
    whole = write(tmp_path, text.replace("bernoulli", zeros))
    family = load_model(whole).problem.family
    assert family is not None
    assert (str(family), family.dispersion) == (zeros, ("zero: Intercept", "zero: ses"))
    wrong = write(tmp_path, text.replace("bernoulli", "Poisson(inverse)"))
    with pytest.raises(hb.ModelFileError, match=r"'family': cannot read the family 'Poisson\(i"):
        load_model(wrong)
    wrong = write(tmp_path, text.replace("bernoulli", "binary"))
    with pytest.raises(hb.ModelFileError, match=r"key 'family': there is no family 'binary'"):
        load_model(wrong)


def test_a_file_states_numbers_by_row(tmp_path: Path) -> None:
    stated = 'weights = "ses2"\noffset = "0.1 * ses2"\n'
    hs = hb.load_dataset("hs").assign(ses2=lambda d: d["ses"] ** 2 + 1.0)
    made = load_model(write(tmp_path, GOOD.replace("[between]", f"{stated}[between]")), hs)
    spec = made.specification
    assert (spec.weights, spec.offsets, spec.known_sd) == ("ses2", ("I(0.1 * ses2)",), "")
    counted = load_model(write(tmp_path, GOOD.replace("[between]", 'counts = "n"\n[between]')),
                         hs.assign(n=2))  # fmt: skip
    assert counted.problem.design.n == 2 * len(hs)
    with pytest.raises(hb.ModelFileError, match=r"key 'known_sd': it must be the column of known"):
        read_model_file(write(tmp_path, "known_sd = 3\n" + GOOD))
