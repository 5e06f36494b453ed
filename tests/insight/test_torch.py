"""PyTorch's checkpoints, of which nothing is executed."""

import struct
import zipfile
from collections import OrderedDict
from io import BytesIO

import pytest

from orchard.errors import InvalidDocumentError, LimitExceededError, OrchardError
from orchard.insight import InMemory, TorchInsight, Unreadable, examine, read_torch
from support.torchfiles import Storage, Tensor, tensor, torch_legacy, torch_zip

STATE = OrderedDict(
    {"fc.weight": tensor("0", 3, 4), "fc.bias": tensor("1", 3, kind="f2"), "steps": tensor("2", kind="i8")}
)
ROWS = [
    ("fc.weight", "float32", (3, 4), 48),
    ("fc.bias", "float16", (3,), 6),
    ("steps", "int64", (), 8),
]


@pytest.mark.parametrize("write", [torch_zip, torch_legacy])
def test_a_state_is_listed_in_its_order(write: type) -> None:
    found = read_torch(InMemory(write(STATE)))

    assert [(t.name, t.dtype, t.shape, t.size) for t in found.tensors] == ROWS
    assert found.parameters_by_dtype == {"float32": 12, "float16": 3, "int64": 1}
    assert found.size == 62
    assert "torch._utils._rebuild_tensor_v2" in found.imports


def test_a_training_checkpoint_counts_its_weights_alone() -> None:
    kept = {
        "epoch": 7,
        "best": 0.93,
        "model_state_dict": STATE,
        "optimizer_state_dict": {"state": {0: {"exp_avg": tensor("9", 3, 4)}}, "param_groups": [{"lr": 0.1}]},
        "hparams": {"lr": 0.001, "name": "tiny", "layers": [1, 2]},
    }

    found = read_torch(InMemory(torch_zip(kept)))

    assert found.weights_under == "model_state_dict"
    assert found.parameters == 16
    assert [t.name for t in found.tensors][-1] == "optimizer_state_dict.state.0.exp_avg"
    assert found.notes == {"epoch": 7, "best": 0.93, "hparams.lr": 0.001, "hparams.name": "tiny"}


def test_a_module_that_was_pickled_whole_has_the_names_of_its_state() -> None:
    # class Net: _modules = {"fc": Linear}; its _parameters = {"weight": a tensor}
    raw = torch_zip({"net": {"_modules": {"fc": {"_parameters": {"weight": tensor("0", 2)}, "_buffers": {}}}}})

    assert [t.name for t in read_torch(InMemory(raw)).tensors] == ["net.fc.weight"]


def test_tied_weights_count_once() -> None:
    shared = Storage("0", "f4", 12)
    tied = {
        "embed.weight": Tensor(shared, (3, 4)),
        "head.weight": Tensor(shared, (3, 4)),
        "part": Tensor(shared, (2,), 5),
    }

    found = read_torch(InMemory(torch_zip(tied)))

    assert (len(found.tensors), found.parameters, found.size) == (3, 14, 48)


def test_an_archive_of_torchscript_is_told_apart() -> None:
    assert read_torch(InMemory(torch_zip(STATE, more={"constants.pkl": b"\x80\x02)."}))).container == "torchscript"


@pytest.mark.parametrize(
    ("value", "storages", "why"),
    [
        ({"w": Tensor(Storage("0", "f4", 4), (5,))}, None, "is not in its 16 bytes of storage"),
        ({"w": Tensor(Storage("0", "f4", 4), (2, 2), 3)}, None, "is not in its 16 bytes of storage"),
        ({"w": Tensor(Storage("0", "f4", 4), (2,), strides=(9,))}, None, "is not in its 16 bytes of storage"),
        ({"w": Tensor(Storage("0", "f4", 4), (-1,))}, None, "has no shape"),
        ({"w": Tensor(Storage("0", "f4", 4), (2**40, 2**40))}, None, "no tensor has the shape"),
        ({"w": Tensor(Storage("0", "f4", 4), (4,))}, [], "nothing is there of 16 bytes"),
        ({"w": Tensor(Storage("0", "f4", 4), (4,))}, [Storage("0", "f4", 1)], "4 bytes is there of 16 bytes"),
        (
            {"a": Tensor(Storage("0", "f4", 4), (4,)), "b": Tensor(Storage("0", "f2", 4), (4,))},
            None,
            "contradict each other",
        ),
    ],
    ids=["longer", "behind", "strides", "negative", "huge", "absent", "cut", "two types"],
)
def test_tensors_that_are_not_in_the_file_are_refused(value: object, storages: list[Storage] | None, why: str) -> None:
    with pytest.raises(InvalidDocumentError, match=why):
        read_torch(InMemory(torch_zip(value, storages)))


def test_an_expanded_tensor_may_be_larger_than_its_storage() -> None:
    expanded = Tensor(Storage("0", "f4", 1), (5, 5), strides=(0, 0))

    assert read_torch(InMemory(torch_zip({"w": expanded}))).parameters == 25


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def test_a_compressed_archive_is_read_too() -> None:
    raw = zipped(("m/data.pkl", b"\x80\x02}q\0X\1\0\0\0aK\1s."), method=zipfile.ZIP_DEFLATED)

    assert read_torch(InMemory(raw)).notes == {"a": 1}


def twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate"):
        return zipped(("m/data.pkl", b"."), ("m/data.pkl", b"."))


def overlapping() -> bytes:
    raw = bytearray(zipped(("m/data.pkl", b"\x80\x02)."), ("m/data/0", bytes(64))))
    second = raw.rindex(b"PK\1\2")
    raw[second + 42 : second + 46] = struct.pack("<L", 8)
    return bytes(raw)


def renamed() -> bytes:
    raw = zipped(("m/data.pkl", b"\x80\x02)."))
    return raw.replace(b"m/data.pkl", b"m/DATA.pkl", 1)


BOMB = zipped(("m/data.pkl", b"\x80\x02]" + b"0" * (40 << 20) + b"."), method=zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (twice, "twice"),
        (overlapping, "over another entry"),
        (renamed, "contradicts the directory"),
        (lambda: zipped(("readme", b"x")), "without the data.pkl"),
        (lambda: zipped(("a/data.pkl", b"x"), ("b/data.pkl", b"x")), "without the data.pkl"),
        (lambda: torch_zip(STATE) + b"x", "not what it must be"),
        (lambda: torch_zip(STATE)[:400], "no directory"),
        (lambda: b"PK\3\4" + torch_zip(STATE), "does not end where it must"),
        (lambda: zipped(("m/data.pkl", b"\x80\x02(lp0\n.."), method=zipfile.ZIP_LZMA), "compressed by method 14"),
        (lambda: torch_legacy(STATE)[:-1], "ends at byte"),
        (lambda: torch_legacy(STATE).replace(b"\x0c\0\0\0\0\0\0\0", b"\x0d\0\0\0\0\0\0\0"), "what the tensors say"),
        (lambda: b"neither", "neither a zip archive"),
    ],
    ids=[
        "twice",
        "overlap",
        "renamed",
        "no-pickle",
        "two",
        "cut",
        "half",
        "shifted",
        "lzma",
        "legacy",
        "count",
        "other",
    ],
)
def test_archives_that_could_be_read_in_two_ways_are_refused(raw: type, why: str) -> None:
    with pytest.raises(OrchardError, match=why):
        read_torch(InMemory(raw()))


def test_a_bomb_ends_at_a_limit() -> None:
    assert len(BOMB) < 1 << 20

    with pytest.raises((LimitExceededError, InvalidDocumentError), match=r"expands to|operations|work on"):
        read_torch(InMemory(BOMB))


def test_a_pickle_that_would_run_something_is_read_and_says_so() -> None:
    evil = b"\x80\x02cposix\nsystem\nX\x06\0\0\0rm -rf\x85R."

    found = examine("model.pt", InMemory(zipped(("m/data.pkl", evil))))

    assert isinstance(found, TorchInsight)
    assert found.imports == ("posix.system",)
    assert found.tensors == ()


def test_names_that_both_use_are_told_apart_by_the_bytes() -> None:
    assert isinstance(examine("pytorch_model.bin", InMemory(torch_zip(STATE))), TorchInsight)
    assert isinstance(examine("weights.pkl", InMemory(torch_legacy(STATE))), TorchInsight)
    assert examine("vocab.bin", InMemory(b"anything")) is None
    assert isinstance(examine("model.pth", InMemory(b"anything")), Unreadable)


STORED = b"((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + b"0X\3\0\0\0cpuK\4tQ"


def calling(function: bytes, arguments: bytes) -> bytes:
    """Write a pickle of a dictionary with one call in it."""
    return b"\x80\x02}X\1\0\0\0w" + function + arguments + b"Rs."


PLAIN = b"ctorch._utils\n_rebuild_tensor_v2\n" + STORED + b"K\0K\4\x85K\1\x85\x89)tR"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (calling(b"ctorch._utils\n_rebuild_parameter\n", b"(" + PLAIN + b"\x88)t"), ("float32", (4,), 16)),
        (
            calling(
                b"ctorch._tensor\n_rebuild_from_type_v2\n",
                b"(ctorch._utils\n_rebuild_tensor_v2\nctorch.nn\nX\n" + STORED + b"K\0K\4\x85K\1\x85\x89)tNt",
            ),
            ("float32", (4,), 16),
        ),
        (
            calling(
                b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n",
                b"(ctorch\nbfloat16\nctorch\nSize\nK\5K\6\x86\x85RK\6K\1\x86\x89t",
            ),
            ("bfloat16", (5, 6), 0),
        ),
        (
            calling(b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n", b"(ctorch\nbfloat16\nK\5K\1\x89t"),
            None,
        ),
        (
            calling(
                b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n", b"(ctorch\nbfloat16\nK\5K\6\x86K\6K\1\x86\x89t"
            ),
            ("bfloat16", (5, 6), 0),
        ),
        (
            calling(
                b"ctorch._utils\n_rebuild_tensor_v3\n",
                STORED.replace(b"FloatStorage", b"UntypedStorage").replace(b"K\4", b"K\x10")
                + b"K\0K\4\x85K\1\x85\x89)ctorch\nint32\nt",
            ),
            ("int32", (4,), 16),
        ),
        (calling(b"ctorch._utils\n_rebuild_tensor_v2\n", b"K\1K\2\x86"), ()),
        (calling(b"ctorch._utils\n_rebuild_tensor_v2\n", b"(K\1K\2K\3K\4t"), ()),
        (calling(b"ctorch._utils\n_rebuild_parameter\n", b")"), ()),
    ],
    ids=["parameter", "subclass", "size", "no size", "meta", "untyped", "few", "no storage", "empty"],
)
def test_tensors_are_recognised_in_all_their_wrappings(raw: bytes, expected: tuple[object, ...] | None) -> None:
    archive = InMemory(zipped(("m/data.pkl", raw), ("m/data/0", bytes(16))))

    if expected is None:
        with pytest.raises(InvalidDocumentError, match="has no shape"):
            read_torch(archive)
        return
    assert [(t.dtype, t.shape, t.size) for t in read_torch(archive).tensors] == ([expected] if expected else [])


def test_a_storage_of_no_known_kind_is_refused() -> None:
    raw = calling(
        b"ctorch._utils\n_rebuild_tensor_v2\n", STORED.replace(b"FloatStorage", b"OddStorage") + b"K\0))\x89)t"
    )

    with pytest.raises(InvalidDocumentError, match="storage of a tensor is not what"):
        read_torch(InMemory(zipped(("m/data.pkl", raw))))


def test_what_python_2_wrote_is_named_by_its_keys() -> None:
    pairs = b"(l(lp0\nX\1\0\0\0wa" + PLAIN + b"aa"
    raw = b"\x80\x02ccollections\nOrderedDict\n" + pairs + b"\x85R."

    found = read_torch(InMemory(zipped(("m/data.pkl", raw), ("m/data/0", bytes(16)))))

    assert [t.name for t in found.tensors] == ["w"]
