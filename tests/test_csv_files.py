"""CSV files: what is missing, what a number, what a label, and files that are no table."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest

import hierbayes as hb
from hierbayes.cli import main
from hierbayes.frames.shipped import shipped

GROUPS = [*(f"s{j}" for j in range(10)), "null", "nan"]
MODEL = """title = "t"
group = "g"
within = "y ~ 1 + dose"
random = ["1"]
[between]
"1" = "1"
"dose" = "1"
"""


@pytest.fixture
def trial() -> pd.DataFrame:
    """A response, a dose that may be None, and groups that may be called null."""
    r = np.random.default_rng(5)
    groups = np.repeat(GROUPS, 8)
    dose = r.choice(["None", "Low", "High"], len(groups))
    return pd.DataFrame(
        {"y": r.normal(size=len(groups)) + (dose == "High"), "dose": dose, "g": groups}
    )


def written(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / "data.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def refused(path: Path, *args: object, **kwargs: object) -> str:
    with pytest.raises(hb.DataError, match=re.escape(str(path))) as caught:
        hb.read_csv(path, *args, **kwargs)  # type: ignore[arg-type]
    return str(caught.value).removeprefix(str(path)).lstrip(",: ")


# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize("name", ["hs", "hsfull"])
def test_a_shipped_data_set(name: str) -> None:
    read = hb.read_csv(str(shipped("data").joinpath(f"{name}.csv")), "school")
    pd.testing.assert_frame_equal(read, hb.load_dataset(name))


def test_groups_texts_and_numbers(tmp_path: Path) -> None:
    frame = hb.read_csv(
        written(tmp_path, "g,y,w,z\n007,1.5,b,01\n1,2,a,02\n007,,b,03\n"), "g", texts="z"
    )
    assert list(frame["g"].cat.categories) == ["007", "1"]
    assert list(frame["w"].cat.categories) == ["a", "b"]
    assert list(frame["z"]) == ["01", "02", "03"]
    assert frame["y"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    "label", ["None", "NA", "N/A", "null", "NULL", "nan", "NaN", "#N/A", "-", "."]
)
def test_words_are_labels_in_a_column_of_texts(label: str, tmp_path: Path) -> None:
    frame = hb.read_csv(written(tmp_path, f"y,w,g\n1,{label},{label}\n2,b,x\n3,,y\n"), "g")
    assert frame["w"].tolist()[:2] == [label, "b"]
    assert frame["w"].isna().tolist() == [False, False, True]
    assert frame["g"].tolist() == [label, "x", "y"]


@pytest.mark.parametrize("blank", ["", " ", '""', "   "])
def test_empty_fields_are_missing(blank: str, tmp_path: Path) -> None:
    frame = hb.read_csv(written(tmp_path, f"y,w,g\n1,a,x\n{blank},{blank},{blank}\n"), "g")
    assert frame.isna().to_numpy().tolist() == [[False] * 3, [True] * 3]
    assert frame["y"].dtype == np.float64


@pytest.mark.parametrize("word", ["NA", "NaN", "nan"])
def test_numbers_may_be_missing_in_words(word: str, tmp_path: Path) -> None:
    frame = hb.read_csv(
        written(tmp_path, f"y,b,g\n1.5,TRUE,x\n{word},{word},x\n-2e3,FALSE,y\n"), "g"
    )
    np.testing.assert_array_equal(frame["y"], [1.5, np.nan, -2000.0])
    assert frame["b"].tolist() == [True, np.nan, False]
    assert frame.attrs["missing_numbers"] == {"y": [word], "b": [word]}


def test_other_words_are_missing_where_stated(tmp_path: Path) -> None:
    path = written(tmp_path, "y,w,g\n-999,None,x\n2,b,-999\n3,a,y\n")
    frame = hb.read_csv(path, "g", missing=["-999", "None"])
    assert frame.isna().to_numpy().tolist() == [
        [True, True, False],
        [False, False, True],
        [False] * 3,
    ]


@pytest.mark.parametrize("word", ["None", "null", "N/A", ".", "?", "-"])
def test_numbers_beside_a_word_are_refused(word: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"y,g\n1.5,x\n\n{word},x\n2,y\n")
    assert refused(path, "g") == (
        f"line 4: 'y' is '{word}' where others are numbers; if that is a missing value, say "
        f"missing='{word}' (--missing '{word}'), and if it is a label, say texts='y' (--texts 'y')"
    )
    np.testing.assert_array_equal(hb.read_csv(path, "g", missing=word)["y"], [1.5, np.nan, 2.0])
    assert hb.read_csv(path, "g", texts="y")["y"].tolist() == ["1.5", word, "2"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(encoding: str, end: str, tmp_path: Path) -> None:
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    text = mark + end.join(["größe,g", "1,Ærø", "2,Zürich", ""])
    frame = hb.read_csv(written(tmp_path, text, encoding), "g")
    assert list(frame.columns) == ["größe", "g"]
    assert frame["größe"].tolist() == [1, 2]
    assert frame["g"].tolist() == ["Ærø", "Zürich"]


def test_fields_of_several_lines(tmp_path: Path) -> None:
    text = 'g,note,y\na,"first\nsecond, ""third""",1\n\nb,plain,2\n'
    path = written(tmp_path, text)
    assert hb.read_csv(path, "g")["note"].tolist() == ['first\nsecond, "third"', "plain"]
    assert "line 6: there are 2 fields" in refused(written(tmp_path, text + "c,short\n"))


@pytest.mark.parametrize(
    ("separator", "decimal"), [(";", ","), (";", "."), ("\t", ","), ("|", ".")]
)
def test_other_separators_and_decimals(separator: str, decimal: str, tmp_path: Path) -> None:
    rows = [["y", "w, kg", "g"], [f"1{decimal}5", f"a{decimal}b", "x"], ["NA", "c", "y"]]
    path = written(tmp_path, "\n".join(separator.join(row) for row in rows))
    frame = hb.read_csv(path, "g", separator=separator, decimal=decimal)
    assert frame["y"].tolist()[0] == 1.5
    assert frame["y"].isna()[1]
    assert frame["w, kg"].tolist() == [f"a{decimal}b", "c"]


def test_names_of_rows_without_a_name(tmp_path: Path) -> None:
    frame = hb.read_csv(written(tmp_path, '"", y ,g\n1,5,a\n2,6,b\n'), "g")
    assert list(frame.columns) == ["y", "g"]
    assert frame["y"].tolist() == [5, 6]


def test_what_pandas_writes_is_read() -> None:
    r = np.random.default_rng(1)
    values = np.concatenate([r.normal(size=50) * 10.0 ** r.integers(-300, 300, 50), [0.0, np.inf]])
    rows = list(zip(values, r.choice(["NA", "b", "", "1"], len(values)), strict=True))
    data = pd.DataFrame(rows, columns=["y", "g"])
    with TemporaryDirectory() as folder:
        data.to_csv(Path(folder, "d.csv"), index=False)
        read = hb.read_csv(Path(folder, "d.csv"), "g")
    np.testing.assert_allclose(read["y"].astype(float), data["y"], rtol=1e-15)
    assert read["g"].astype(object).where(read["g"].notna(), "").tolist() == data["g"].tolist()


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; its first line must name the columns"),
        (b"\n\n", "is empty; its first line must name the columns"),
        (b"\xef\xbb\xbf", "is empty; its first line must name the columns"),
        (b"a,b\n", "has names of columns but no rows of data"),
        (b"1,2.5\n3,4\n", "line 1: the first line must name the columns, not ('1', '2.5')"),
        (b"a,b\n1,2\n\n1,2,3,4\n", "line 4: there are 4 fields, "
         "but line 1 names 2 columns; give each line a field for each column, "
         "and quote those with ',' in"),
        (b"a,b\n1\n", "line 2: there are 1 fields, but "
         "line 1 names 2 columns; give each line a field for each column, "
         "and quote those with ',' in"),
        (b"a,b\n1,2,\n3,4,\n", "line 2: there are 3 fields, but line 1 names 2 columns; remove "
         "the separators at the ends of lines, or add as many to the first"),
        (b"a,b\nr1,1,2\n", "line 2: there are 3 fields, but "
         "line 1 names 2 columns; if lines begin with names of rows, give that column a name, too"),
        (b"a,b,a\n1,2,3\n", "line 1: columns 1 and 3 are both called 'a'; rename one"),
        (b"a, a\n1,2\n", "line 1: columns 1 and 2 are both called 'a'; rename one"),
        (b"a;b\n1,5;2\n", "line 1: the columns are separated by ';', not by ','; say so by "
         "separator=';' (on the command line --separator ';')"),
        (b"a\tb\n1\t2\n", "line 1: the columns are separated by a tab, not by ','; say so by "
         "separator='\\t' (on the command line --separator tab)"),
        (b"a;b,kg\n1,5;2,5\n", "line 2: there are 3 fields, but line 1 names 2 columns; if the "
         "columns are separated by ';', say separator=';'"),
        (b"a,b\n1,2\n\xe9,3\n", "line 3: this is no UTF-8; save it as text in UTF-8"),
        (b"a,b\r\n1,2\r\n\xe9,3\r\n", "line 3: this is no UTF-8; save it as text in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "has bytes of value 0, as UTF-16 without a byte order "
         "mark has; save it as text in UTF-8"),
        (b"a,b\n1,2\n3,\"4\n5,6\n", "line 3: a quotation mark that is opened here is not closed, "
         "or text follows a closed one (unexpected end of data)"),
    ],
)  # fmt: skip
def test_no_table(content: bytes, message: str, tmp_path: Path) -> None:
    assert refused(written(tmp_path, content)).removeprefix(" ") == message


@pytest.mark.parametrize(
    ("values", "decimal", "value", "other"),
    [
        (['"1,5"', "2"], ".", "1,5", ","),
        (["2", '"-1,5"', ""], ".", "-1,5", ","),
        (['"1,234.5"', "12.5"], ".", "1,234.5", ","),
        (["1.5", '"2,5"'], ",", "1.5", "."),
    ],
)
def test_numbers_with_another_mark(
    values: list[str], decimal: str, value: str, other: str, tmp_path: Path
) -> None:
    path = written(tmp_path, "\n".join(["g;y", *(f"a;{one}" for one in values)]))
    line = 2 + [one.strip('"') for one in values].index(value)
    said = refused(path, "g", separator=";", decimal=decimal)
    assert said.startswith(f"line {line}: 'y' is '{value}', with '{other}' in a number; if that is")


def test_dates_and_labels_with_marks_are_labels(tmp_path: Path) -> None:
    frame = hb.read_csv(written(tmp_path, 'd,v\n01.02.2020,"a,b"\n02.02.2020,"1,b"\n'))
    assert frame["d"].tolist() == ["01.02.2020", "02.02.2020"]
    assert frame["v"].tolist() == ["a,b", "1,b"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"separator": ";;"}, "separator must be one character, as ',' or ';', not ';;'"),
        ({"decimal": "x"}, "decimal must be '.' or ',', not 'x'"),
        ({"decimal": ","}, "separator and decimal are both ','; they must be different"),
        ({"missing": [-999]}, "missing must be texts as the file writes them, as in "
         "missing='-999', not -999"),
    ],
)  # fmt: skip
def test_wrong_arguments(arguments: dict[str, object], message: str, tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,2\n")
    with pytest.raises(hb.DataError, match=f"^{re.escape(message)}$"):
        hb.read_csv(path, **arguments)  # type: ignore[arg-type]


# ---------------------------------------------------------------- on the page and the command line


def data_line(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*map(str, words)]) == 0
    return next(line for line in capsys.readouterr().out.splitlines() if "Data:" in line).strip()


def test_labels_on_the_command_line(
    trial: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial.to_csv(tmp_path / "d.csv", index=False)
    (tmp_path / "m.toml").write_text(MODEL)
    data = ("--data", str(tmp_path / "d.csv"), "--method", "reml")
    said = "Data:   96 rows, 12 groups (g); no rows dropped; nan is a label of 'g' (8 rows)"
    assert data_line(capsys, "fit", str(tmp_path / "m.toml"), *data) == said
    assert data_line(capsys, "fit", "--formula", "y ~ dose + (1 | g)", *data) == said
    assert (
        data_line(
            capsys,
            "fit",
            "--formula",
            "y ~ 1 + (1 | g)",
            *data,
            "--missing",
            "nan",
            "--missing",
            "null",
        )
        == "Data:   80 rows, 10 groups (g); 16 rows dropped for missing values (16 in 'g')"
    )


def test_missing_numbers_are_stated(trial: pd.DataFrame) -> None:
    trial.loc[[3, 5, 9], "y"] = np.nan
    with TemporaryDirectory() as folder:
        trial.to_csv(Path(folder, "d.csv"), index=False, na_rep="NA")
        data = hb.read_csv(Path(folder, "d.csv"), "g")
    fit = hb.Model("y ~ dose + (1 | g)", data).reml()
    said = "93 rows, 12 groups (g); 3 rows dropped for missing values (3 in 'y', NA among them)"
    assert said in str(fit)


def test_marks_on_the_command_line(
    trial: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial.to_csv(tmp_path / "d.csv", index=False, sep="\t", decimal=",")
    words = (
        "fit",
        "--formula",
        "y ~ dose + (1 | g)",
        "--method",
        "reml",
        "--data",
        str(tmp_path / "d.csv"),
    )
    line = data_line(capsys, *words, "--separator", "tab", "--decimal", ",")
    assert line.startswith("Data:   96 rows, 12 groups (g)")
    assert main([*words]) == 2
    assert "--separator tab" in capsys.readouterr().err
    assert main(["fit", "intercept_only", "--missing", "NA"]) == 2
    assert "--missing says how a file is read; give one by --data" in capsys.readouterr().err


def test_shifted_columns_on_the_command_line(
    trial: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, *lines = trial.to_csv(index=False).splitlines()
    path = written(tmp_path, "\n".join([header, *(f"{line}," for line in lines)]))
    assert main(["fit", "--formula", "y ~ dose + (1 | g)", "--data", str(path)]) == 2
    assert f"{path}, line 2: there are 4 fields, but line 1 names 3" in capsys.readouterr().err
