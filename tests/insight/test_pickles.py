"""Pickles of objects, of which nothing is executed. The files were written by scikit-learn 1.9.1 and joblib 1.6.0."""

import gzip
import lzma
import pickle
import zlib
from pathlib import Path

import pytest

from orchard.insight import InMemory, OnDisk, PickleInsight, Unreadable, examine

FILES = Path(__file__).parent / "pickles"
LOGISTIC = "sklearn.linear_model._logistic.LogisticRegression"
SCALER = "sklearn.preprocessing._data.StandardScaler"


def read(path: Path) -> PickleInsight:
    with OnDisk(path) as source:
        found = examine(path.name, source)
    assert isinstance(found, PickleInsight)
    return found


def said(raw: bytes, name: str = "m.pkl") -> PickleInsight:
    found = examine(name, InMemory(raw))
    assert isinstance(found, PickleInsight)
    return found


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_an_estimator_tells_its_class_its_library_and_its_settings(protocol: int) -> None:
    found = read(FILES / f"logistic-{protocol}.pkl")

    assert (found.protocol, found.type, found.complete) == (protocol, LOGISTIC, True)
    assert (found.library, found.library_version) == ("scikit-learn", "1.9.1")
    assert (found.settings["C"], found.settings["dual"], found.settings["n_jobs"]) == (0.5, False, None)
    assert LOGISTIC in found.imports
    assert "coef_" not in found.settings


@pytest.mark.parametrize(("name", "method"), [("", ""), ("-zlib", "zlib"), ("-bz2", "bz2"), ("-xz", "xz")])
def test_what_joblib_wrote_is_followed_past_its_arrays(name: str, method: str) -> None:
    found = read(FILES / f"pipeline{name}.joblib")

    assert (found.compression, found.type, found.complete) == (method, "sklearn.pipeline.Pipeline", True)
    assert found.steps == (("standardscaler", SCALER), ("logisticregression", LOGISTIC))
    assert found.arrays == 7
    assert found.imports[-1] == LOGISTIC or SCALER in found.imports


def test_arrays_of_objects_are_pickles_in_the_pickle() -> None:
    found = read(FILES / "objects.joblib")

    assert (found.arrays, found.array_bytes, found.complete) == (2, 40, True)


def test_plain_values_have_no_class() -> None:
    found = said(pickle.dumps({"a": [1, 2.5, None, True, b"x", {1, 2}, frozenset((1,)), 2**70, -5, (1, 2, 3, 4)]}))

    assert (found.type, found.library, found.imports, found.complete) == ("", "", (), True)


def test_every_name_that_would_be_imported_is_listed_even_if_it_ends_early() -> None:
    found = said(b"\x80\x02cos\nsystem\ncbuiltins\neval\n\x8c\x04posx")

    assert found.imports == ("builtins.eval", "os.system")
    assert not found.complete
    assert "ends at byte" in found.note


def test_names_that_are_put_together_on_the_stack_are_seen() -> None:
    parts = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93."

    assert said(parts).imports == ("os.system",)
    assert said(b"\x80\x04K\x01K\x02\x93.").imports == ("?.?",)


def test_objects_of_all_protocols_are_understood() -> None:
    found = said(b"(cos\nfork\nK\x01o(ios\npopen\ncos\nkill\n)\x81cos\nnice\n)}\x92\x82\x05\x83\x05\x00\x84\x05\0\0\0.")

    assert found.imports == ("copyreg.extension 5", "os.fork", "os.kill", "os.nice", "os.popen")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nothing of the kind",
        b"\x80\x09.",
        b"\x80\x02a.",
        b"\x80\x02K\x01K\x02a.",
        b"\x80\x02K\x01K\x02K\x03s.",
        b"\x80\x02h\x00.",
        b"\x80\x02.",
        b"\x80\x02u.",
        b"\x80\x02I12x\n.",
        b"\x80\x02Fx\n.",
        b"\x80\x02I" + b"9" * 5000 + b"\n.",
        b"\x80\x02S" + b"a" * 70_000,
        b"\x80\x05\x8d" + b"\xff" * 8 + b".",
        b"x\x9cbroken",
        zlib.compress(b"\x80\x02]" + b"0" * (40 << 20)),
        gzip.compress(b"\x80\x02")[:-9],
        lzma.compress(b"\x80\x02K\x01")[:-9],
    ],
    ids=range(18),
)
def test_what_is_no_pickle_says_why(raw: bytes) -> None:
    found = examine("m.pkl", InMemory(raw))

    assert isinstance(found, Unreadable)


def test_lz4_is_named_and_not_read() -> None:
    found = said(b"\x04\x22\x4d\x18" + bytes(20), "m.joblib")

    assert (found.compression, found.complete) == ("lz4", False)


def test_nothing_grows_with_what_a_pickle_claims() -> None:
    long = said(
        b"\x80\x05\x8e" + (1 << 21).to_bytes(8, "little") + bytes(1 << 21) + b"\x8b\0\1\0\0" + bytes(256) + b"0."
    )
    deep = said(b"\x80\x02" + b"(" * 100_000 + b"K\x01" + b"t" * 100_000 + b".")
    laughs = said(b"\x80\x02]" + b"2\x86" * 200_000 + b".")
    itself = said(b"\x80\x02]q\0h\0a.")

    assert [found.complete for found in (long, deep, laughs, itself)] == [True] * 4


def test_too_many_operations_end_the_walk() -> None:
    found = said(b"\x80\x02cos\nsystem\n" + b"N0" * 550_000 + b".")

    assert found.imports == ("os.system",)
    assert "more than 1000000 operations" in found.note


def wrapper(state: bytes) -> bytes:
    return b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + state + b"ub"


SHAPE = b"U\5shapeK\2\x85U\5dtypecnumpy\ndtype\n"


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"U\5shapeK\2U\5dtypeK\1",
        b"U\5shapeK\2\x85U\5dtypecnumpy\ndtype\nK\1\x85R",
        SHAPE + b"U\2fx\x85R",
        SHAPE.replace(b"K\2\x85", b"J\xff\xff\xff\xff\x85") + b"U\2f8\x85R",
        SHAPE + b"U\2f8\x85R",
    ],
    ids=["nothing", "numbers", "no code", "no width", "negative", "cut off"],
)
def test_arrays_of_joblib_that_make_no_sense_end_the_walk(state: bytes) -> None:
    found = said(wrapper(state))

    assert not found.complete
    assert "joblib.numpy_pickle.NumpyArrayWrapper" in found.imports


def test_many_imports_are_counted_and_some_listed() -> None:
    found = said(b"".join(b"cm%d\nn\n0" % number for number in range(1100)) + b"N.")

    assert len(found.imports) == 1000
    assert "would import 1100 names" in found.note


def test_a_class_alone_is_named() -> None:
    assert said(b"cposix\nsystem\n.").type == "posix.system"
