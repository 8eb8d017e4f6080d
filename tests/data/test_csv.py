"""CSV and TSV: what is read as what, and a sentence with file, line and column for everything that is not."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from chainrule.data import Column, load, load_like
from chainrule.errors import DataError, SettingError

PLANTS = """height,colour,kind
1.5,red,rose
2.0,blue,iris
-3e-1,red,rose
4,green,iris
"""


def write(folder: Path, text: str | bytes, name: str = "plants.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_numbers_categories_and_text_classes(tmp_path: Path) -> None:
    data = load(write(tmp_path, PLANTS), target="kind")
    assert data.columns == (Column("height", "number"), Column("colour", "category", ("blue", "green", "red")))
    assert data.feature_names == ("height", "colour=blue", "colour=green", "colour=red")
    np.testing.assert_array_equal(
        data.x, np.array([[1.5, 0, 0, 1], [2, 1, 0, 0], [-0.3, 0, 0, 1], [4, 0, 1, 0]], np.float32)
    )
    assert (data.classes, data.y.tolist(), data.y.dtype.name) == (("iris", "rose"), [1, 0, 1, 0], "int64")
    assert (data.target, data.name, data.where.tolist(), data.x.dtype.name) == (
        "kind",
        "plants",
        [2, 3, 4, 5],
        "float32",
    )


def test_ignored_columns_are_left_out_and_may_have_gaps(tmp_path: Path) -> None:
    path = write(tmp_path, PLANTS.replace("blue", ""))
    assert load(path, target="kind", ignore=["colour"]).feature_names == ("height",)
    assert load(path, target="kind", ignore="colour").feature_names == ("height",)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("plants.csv", lambda text: "\ufeff" + text),
        ("plants.csv", lambda text: text.replace(",", ";")),
        ("plants.csv", lambda text: text.replace(",", "\t")),
        ("plants.tsv", lambda text: text.replace(",", "\t")),
        ("PLANTS.TSV", lambda text: text.replace(",", "\t")),
        ("plants.csv", lambda text: text.replace("\n", "\r\n")),
        ("plants.csv", lambda text: text.replace(",", " , ")),
        ("plants.csv", lambda text: text.replace("red", '"red"')),
        ("plants.csv", lambda text: text + "\n\n\n"),
        ("plants.csv", lambda text: text.rstrip("\n")),
    ],
    ids=["bom", "semicolon", "tab", "tsv", "TSV", "crlf", "spaces", "quotes", "blank end", "no newline at the end"],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_dialects_read_alike(tmp_path: Path, name: str, change: Any, packed: bool) -> None:
    plain = load(write(tmp_path, PLANTS, "plain.csv"), target="kind")
    raw = change(PLANTS).encode()
    other = load(write(tmp_path, gzip.compress(raw) if packed else raw, name + ".gz" * packed), target="kind")
    np.testing.assert_array_equal(other.x, plain.x)
    assert (other.columns, other.classes, other.y.tolist()) == (plain.columns, plain.classes, plain.y.tolist())
    assert other.name.lower() == "plants"


def test_the_delimiter_is_sought_outside_quotes_and_cells_may_hold_it(tmp_path: Path) -> None:
    data = load(write(tmp_path, '"a, b, c";y\n1;"yes; or no"\n2;no\n'), target="y")
    assert (data.feature_names, data.classes) == (("a, b, c",), ("no", "yes; or no"))


def test_where_is_the_line_in_the_file(tmp_path: Path) -> None:
    data = load(write(tmp_path, 'a,y\n\n1,"of\ntwo lines"\n2,no\n'), target="y")
    assert data.where.tolist() == [3, 5]


def target(values: list[object]) -> str:
    return "a,y\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values))


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([0, 1, 1, 0, 1], "auto", (0, 1)),
        (["0.0", "1.0", "1", "0", "1"], "auto", (0, 1)),
        ([*range(20)] * 3, "auto", tuple(range(20))),
        ([*range(21)] * 3, "auto", ()),
        ([1, 2, 1, 2], "auto", ()),
        ([1, 2, 3, 1, 2, 3], "auto", ()),
        ([1, 2, 1, 2], "classes", (1, 2)),
        ([0, 1, 1, 0, 1], "numbers", ()),
        ([0.5, 1, 1, 0.5, 1], "auto", ()),
        ([0.5, 1, 1, 0.5, 1], "classes", ("0.5", "1")),
        (["no", "yes", "no", "1"], "auto", ("1", "no", "yes")),
        (["1", "2", "3", "few"], "classes", ("1", "2", "3", "few")),
        (["True", "False"], "auto", ("False", "True")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_the_target_is(tmp_path: Path, values: list[object], task: Any, classes: tuple[object, ...]) -> None:
    data = load(write(tmp_path, target(values)), target="y", task=task)
    assert data.classes == classes
    if classes:
        assert [str(classes[code]) for code in data.y] == [str(v).removesuffix(".0") for v in values]
    else:
        np.testing.assert_array_equal(data.y, np.array(values, np.float32)[:, None])


def test_a_column_is_numeric_from_half_its_filled_cells_on(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 4, column 'a': expected a number, found 'x'"):
        load(write(tmp_path, "a,y\n1,p\n2,q\nx,p\nz,q\n"), target="y")
    mostly_text = load(write(tmp_path, "a,y\n1,p\nw,q\nx,p\nz,q\n", "text.csv"), target="y")
    assert mostly_text.columns == (Column("a", "category", ("1", "w", "x", "z")),)


def test_python_only_numbers_are_text(tmp_path: Path) -> None:
    data = load(write(tmp_path, "a,y\n1_0,p\n2_0,q\n"), target="y")
    assert data.columns[0].kind == "category"


ROWS = "1,2,p\n3,4,q\n5,6,p\n"
BAD: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "no such target": (
        "sepal,petal,kind\n" + ROWS,
        {"target": "kinds"},
        "bad.csv: there is no column 'kinds'; the columns are: sepal, petal, kind; did you mean 'kind'?",
    ),
    "no such target, none near": (
        "a,b,y\n" + ROWS,
        {"target": "species"},
        "bad.csv: there is no column 'species'; the columns are: a, b, y",
    ),
    "no target": ("a,b,y\n" + ROWS, {"target": None}, "(target=); the columns are: a, b, y"),
    "no such ignored column": (
        "a,b,y\n" + ROWS,
        {"ignore": ["bb"]},
        "there is no column 'bb'; the columns are: a, b, y; did you mean 'b'?",
    ),
    "target ignored": ("a,b,y\n" + ROWS, {"ignore": ["y"]}, "the column 'y' is both the target and ignored"),
    "nothing but the target": ("y\np\nq\n", {}, "expected a column beside the target 'y' to predict it from"),
    "text among numbers": (
        "a,b,y\n1,2,p\n3,abc,q\n5,6,p\n",
        {},
        "bad.csv, line 3, column 'b': expected a number, found 'abc'; correct it or remove the row, "
        "or leave the column out with --ignore 'b' (ignore=['b'])",
    ),
    "empty among numbers": (
        "a,b,y\n1,2,p\n,4,q\n5,6,p\n",
        {},
        "bad.csv, line 3, column 'a': expected a number, found an empty cell; fill it in or remove the row, "
        "have missing values (NaN) filled with --missing fill (missing=\"fill\"), or leave the column out with --ignore 'a'",
    ),
    "NA among numbers": (
        "a,b,y\n1,NA,p\n3,4,q\n5,6,p\n",
        {},
        "line 2, column 'b': expected a number, found 'NA'; fill it in or remove the row",
    ),
    "NaN": (
        "a,b,y\n1,2,p\n3,NaN,q\n5,6,p\n",
        {},
        "line 3, column 'b': expected a finite number (below 3.4e38), found 'NaN'; fill it in",
    ),
    "inf": ("a,b,y\n1,2,p\n3,4,q\n5,-inf,p\n", {}, "line 4, column 'b': expected a finite number"),
    "beyond float32": ("a,b,y\n1,2,p\n3,4,q\n1e39,6,p\n", {}, "line 4, column 'a': expected a finite number"),
    "empty category": (
        "a,b,y\nu,2,p\n ,4,q\nv,6,p\n",
        {},
        "bad.csv, line 3, column 'a': found an empty cell; fill it in or remove the row, have missing values (NaN) filled with --missing fill",
    ),
    "column without a filled cell": ("a,b,y\n,2,p\n,4,q\n,6,p\n", {}, "line 2, column 'a': found an empty cell"),
    "empty target": ("a,b,y\n1,2,p\n3,4,\n5,6,p\n", {}, "bad.csv, line 3, column 'y': found an empty cell; fill it in"),
    "text in a target of numbers": (
        "a,b,y\n1,2,1.5\n3,4,2.5\n5,6,high\n",
        {},
        "line 4, column 'y': expected a number, found 'high'; correct it or remove the row",
    ),
    "task numbers on text": (
        "a,b,y\n" + ROWS,
        {"task": "numbers"},
        "bad.csv, line 2, column 'y': expected a number, found 'p'",
    ),
    "a gap in whole-number classes": (
        "a,b,y\n1,2,0\n3,4,nan\n5,6,1\n",
        {"task": "classes"},
        "line 3, column 'y': expected a finite number",
    ),
    "decimal comma": (
        "a;b;y\n1,5;2;p\n2,5;4;q\n",
        {},
        "line 2, column 'a': expected a decimal point, found the decimal comma '1,5'; write 1.5",
    ),
    "decimal comma in the target": ("a;y\n1;2,5\n2;3,5\n", {}, "line 2, column 'y': expected a decimal point"),
    "names": (
        "a,b,y\n" + "".join(f"name{i:03},{i},{i % 2}\n" for i in range(101)),
        {},
        "bad.csv, column 'a': expected at most 100 categories, found 101 different texts "
        "(name000, name001, name002, ...), as names and ids have; leave the column out with --ignore 'a'",
    ),
    "short row": ("a,b,y\n1,2,p\n3,q\n5,6,p\n", {}, "bad.csv, line 3: expected 3 cells as in the header, found 2"),
    "long row": ("a,b,y\n1,2,p\n3,4,5,q\n", {}, "bad.csv, line 3: expected 3 cells as in the header, found 4"),
    "no header": (
        "1,2,3\n4,5,6\n",
        {},
        "bad.csv, line 1: expected a header line with column names, found only numbers",
    ),
    "column without a name": ("a,,y\n" + ROWS, {}, "line 1: expected a name for every column, found none for column 2"),
    "name twice": ("a,a,y\n" + ROWS, {}, "line 1, column 'a': expected every column name once"),
    "empty file": ("", {}, "bad.csv: the file is empty"),
    "only blank lines": ("\n\n", {}, "bad.csv: the file is empty"),
    "only a header": ("a,b,y\n", {}, "bad.csv: expected rows below the header line, found none"),
    "one row": ("a,b,y\n1,2,p\n", {}, "bad.csv: expected at least 2 rows to learn from, found 1"),
    "one class": ("a,b,y\n1,2,p\n3,4,p\n", {}, "bad.csv: expected at least two different targets"),
    "one number": ("a,b,y\n1,2,7.5\n3,4,7.5\n", {}, "every row has the target 7.5"),
    "not UTF-8": (
        b"a,b,y\n1,2,p\n3,4,\xff\n",
        {},
        "bad.csv, line 3: expected text in UTF-8, found the byte 0xff; save the file as UTF-8",
    ),
    "open quote": ('a,b,y\n1,2,p\n3,"4,q\n5,6,p\n', {}, "bad.csv, line 3: expected cells separated by ','"),
    "damaged gzip": (gzip.compress(b"a,b,y\n1,2,p\n" * 20)[:-9], {}, "bad.csv: the gzip data is damaged"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    content, options, sentence = BAD[case]
    path = write(tmp_path, content, "bad.csv")
    with pytest.raises(DataError) as caught:
        load(path, **{"target": "y", **options})
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(str(path))


CELLS = st.sampled_from(["0", "1", "2.5", "-3e2", "nan", "inf", "1e39", "", " ", "x", "z", '"q,q"', "1_0"])


@given(
    rows=st.lists(st.tuples(CELLS, CELLS).map(",".join), max_size=8),
    task=st.sampled_from(["auto", "classes", "numbers"]),
)
def test_any_text_is_a_table_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], task: Any
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_bytes("\n".join(["a,y", *rows]).encode())
    try:
        data = load(path, target="y", task=task)
    except DataError as error:
        message = str(error)
        event(message.rpartition("any.csv")[2][:40])
    else:
        message = str(path)
        event(data.describe())
        assert len(data) >= 2
    assert message.startswith(str(path))


def test_an_error_carries_file_line_and_column(tmp_path: Path) -> None:
    path = write(tmp_path, "a,y\n1,p\nx,q\n2,p\n")
    with pytest.raises(DataError) as caught:
        load(path, target="y")
    assert (caught.value.file, caught.value.line, caught.value.column) == (str(path), 3, "a")


def test_an_unknown_task_is_a_setting_error(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"The 'task' parameter of load must be 'auto', .* Got 'words' instead"):
        load(write(tmp_path, PLANTS), target="kind", task="words")  # type: ignore[arg-type]


def test_a_hundred_categories_are_fine(tmp_path: Path) -> None:
    rows = "".join(f"name{i % 100},{i % 2}\n" for i in range(200))
    assert load(write(tmp_path, "a,y\n" + rows), target="y").x.shape == (200, 100)


# ------------------------------------------------------------------------------------------ rows to predict


@pytest.fixture
def columns(tmp_path: Path) -> tuple[Column, ...]:
    return load(write(tmp_path, PLANTS), target="kind").columns


def test_rows_to_predict_are_matched_by_name(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    new = load_like(write(tmp_path, "extra,colour,height\nx,green,2.5\n", "new.csv"), columns, target="kind")
    np.testing.assert_array_equal(new.x, np.array([[2.5, 0, 1, 0]], np.float32))
    assert (len(new), new.where.tolist(), new.answers) == (1, [2], ())


def test_training_rows_are_encoded_as_in_training(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = write(tmp_path, PLANTS)
    new = load_like(path, columns, target="kind")
    np.testing.assert_array_equal(new.x, load(path, target="kind").x)
    assert new.answers == ("rose", "iris", "rose", "iris")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "size\n1\nsmall\n",
            "new.csv: expected the columns of the training, missing: height, colour; the file has size",
        ),
        (
            "height,colour\n1,red\n2,pink\n",
            "new.csv, line 3, column 'colour': expected one of the known categories (blue, green, red), found 'pink'",
        ),
        (
            "height,colour\n1,red\ntall,red\n",
            "new.csv, line 3, column 'height': expected a number, found 'tall'; correct it or remove the row",
        ),
        ("height,colour\n1,red\n2,\n", "new.csv, line 3, column 'colour': found an empty cell; fill it in"),
        ("height,colour\n", "new.csv: expected rows below the header line"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    tmp_path: Path, columns: tuple[Column, ...], text: str, sentence: str
) -> None:
    with pytest.raises(DataError) as caught:
        load_like(write(tmp_path, text, "new.csv"), columns)
    assert sentence in str(caught.value)
    assert "--ignore" not in str(caught.value)


def test_a_table_cannot_feed_a_network_trained_on_arrays(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"plants\.csv: expected arrays, as in \.npz, .* had no named columns"):
        load_like(write(tmp_path, PLANTS), ())
