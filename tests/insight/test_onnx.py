from pathlib import Path
from typing import ClassVar

import onnxruntime
import pytest
from safetensors.numpy import load_file

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight import GraphValue, InMemory, OnDisk, read_onnx

MODEL = Path(__file__).parents[2] / "examples" / "digits" / "model"


def field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def tensor(*, name: bytes = b"w", dims: tuple[int, ...] = (2,), content: bytes = field(9, bytes(8))) -> bytes:
    return b"".join(field(1, d) for d in dims) + field(2, 1) + field(8, name) + content


def model(graph: bytes, *others: bytes) -> bytes:
    return field(1, 8) + field(7, graph) + field(8, field(1, b"") + field(2, 17)) + b"".join(others)


def test_read_onnx_when_it_is_the_example_then_tells_what_onnxruntime_tells() -> None:
    with OnDisk(MODEL / "digits.onnx") as file:
        header = read_onnx(file)

    session = onnxruntime.InferenceSession(MODEL / "digits.onnx", providers=["CPUExecutionProvider"])
    types = {"tensor(float)": "FLOAT", "tensor(int64)": "INT64"}
    assert header.inputs == tuple(
        GraphValue(name=i.name, dtype=types[i.type], shape=tuple(i.shape)) for i in session.get_inputs()
    )
    assert header.outputs == tuple(
        GraphValue(name=o.name, dtype=types[o.type], shape=tuple(o.shape)) for o in session.get_outputs()
    )
    assert header.producer.startswith(session.get_modelmeta().producer_name)
    assert header.graph == session.get_modelmeta().graph_name
    assert header.opsets[""] >= 7
    assert sum(header.operators.values()) > 0


def test_read_onnx_when_content_is_plain_then_points_at_it() -> None:
    raw = (MODEL / "digits.onnx").read_bytes()
    weights = load_file(MODEL / "digits.safetensors")

    found = {tensor.name: tensor for tensor in read_onnx(InMemory(raw)).tensors}

    assert found.keys() == {*weights, "scale"}
    for name, weight in weights.items():
        offset = found[name].offset
        assert offset is not None
        assert found[name].shape == weight.shape
        assert raw[offset : offset + found[name].size] == weight.tobytes()


@pytest.mark.parametrize(
    ("content", "offset", "size"),
    [
        pytest.param(field(9, bytes(8)), True, 8, id="raw"),
        pytest.param(field(4, bytes(8)), True, 8, id="packed floats"),
        pytest.param((varint(4 << 3 | 5) + bytes(4)) * 2, False, 0, id="floats one by one"),
        pytest.param(field(13, field(1, b"location") + field(2, b"../../etc")), False, 0, id="another file"),
    ],
)
def test_read_onnx_when_content_is_stored_in_its_ways_then_says_where(
    content: bytes, *, offset: bool, size: int
) -> None:
    header = read_onnx(InMemory(model(field(5, tensor(content=content)))))

    assert [(t.name, t.dtype, t.shape, t.offset is not None, t.size) for t in header.tensors] == [
        ("w", "FLOAT", (2,), offset, size)
    ]
    assert header.external == (("../../etc",) if b"location" in content else ())


def test_read_onnx_when_an_input_only_names_a_tensor_then_it_is_none() -> None:
    shape = field(1, field(1, -1)) + field(1, field(2, b"batch")) + field(1, b"")
    kind = field(1, field(1, 1) + field(2, shape))
    graph = field(5, tensor()) + field(11, field(1, b"w")) + field(11, field(1, b"x") + field(2, kind))

    header = read_onnx(InMemory(model(graph, field(14, field(1, b"author") + field(2, b"me")))))

    assert header.inputs == (GraphValue(name="x", dtype="FLOAT", shape=(-1, "batch", None)),)
    assert header.metadata == {"author": "me"}


def test_read_onnx_when_fields_are_of_strange_types_then_passes_over_them() -> None:
    fixed = varint(9 << 3 | 1) + bytes(8)
    node = field(4, b"Own") + field(7, b"my.domain") + field(5, b"attribute") + field(9, 1)
    packed = field(1, varint(2)) + field(2, 1) + field(8, b"p") + field(9, bytes(8)) + field(3, 1)
    value = field(1, b"y") + field(2, field(4, b"a map")) + field(3, b"about it")
    graph = field(1, node) + field(2, b"g") + field(12, value) + field(5, packed) + field(10, b"doc") + field(99, 1)

    header = read_onnx(InMemory(model(graph, fixed, field(2, b"me"), field(8, field(1, b"own") + field(2, 3)))))

    assert header.operators == {"my.domain.Own": 1}
    assert header.outputs == (GraphValue(name="y", dtype="", shape=None),)
    assert header.opsets == {"": 17, "own": 3}
    assert (header.graph, header.producer) == ("g", "me")
    assert [(tensor.name, tensor.shape) for tensor in header.tensors] == [("p", (2,))]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"", "has no graph", id="empty"),
        pytest.param(field(1, 8), "has no graph", id="no graph"),
        pytest.param(field(7, b""), "no version of its operators", id="no opset"),
        pytest.param(b"\x80" * 20, "a number has no end", id="endless number"),
        pytest.param(b"\x0f\x01", "no message of Protocol Buffers", id="wire type 7"),
        pytest.param(b"\x3a\xff\xff\xff\xff\x7f", "no message of Protocol Buffers", id="length beyond the file"),
        pytest.param(b"\x02\x00", "no message of Protocol Buffers", id="field 0"),
        pytest.param(model(field(5, tensor(dims=(3,)))), "is not what 8 bytes hold", id="wrong size"),
        pytest.param(model(field(5, tensor(dims=(2**40, 2**40)))), "no tensor has the shape", id="overflow"),
        pytest.param(model(field(5, tensor(dims=(-2,)))), "no tensor has the shape", id="negative"),
        pytest.param(model(field(5, tensor(dims=(1,) * 65))), "more than 64 dimensions", id="dimensions"),
    ],
)
def test_read_onnx_when_it_is_broken_then_says_why(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidDocumentError, match=why):
        read_onnx(InMemory(raw))


def test_read_onnx_when_a_text_is_huge_then_says_so() -> None:
    with pytest.raises(LimitExceededError, match="bytes of text, at most"):
        read_onnx(InMemory(model(field(2, bytes((16 << 20) + 1)))))


def test_read_onnx_when_tensors_are_large_then_does_not_read_them() -> None:
    class Counting(InMemory):
        sizes: ClassVar[list[int]] = []

        def read_at(self, offset: int, size: int, /) -> bytes:
            self.sizes.append(size)
            return super().read_at(offset, size)

    content = field(9, bytes(4 << 20))
    graph = b"".join(field(5, tensor(name=b"w%d" % n, dims=(1 << 20,), content=content)) for n in range(8))

    assert read_onnx(Counting(model(graph))).parameters == 8 << 20
    assert Counting.sizes == [64 << 10] * 8 + Counting.sizes[8:]
    assert sum(Counting.sizes) < 1 << 20


def constant(output: bytes, *, name: bytes = b"", elements: int = 17) -> bytes:
    value = tensor(name=name, dims=(elements,), content=field(9, bytes(4 * elements)))
    return field(2, output) + field(4, b"Constant") + field(5, field(1, b"value") + field(5, value))


def test_read_onnx_when_weights_are_constants_then_lists_them_and_no_shapes() -> None:
    nodes = (constant(b"w1"), constant(b"w2", name=b"own"), constant(b"shape", elements=16))

    header = read_onnx(InMemory(model(b"".join(field(1, node) for node in nodes))))

    assert [(t.name, t.elements) for t in header.tensors] == [("w1", 17), ("own", 17)]
    assert header.operators == {"Constant": 3}


def test_read_onnx_when_branches_hold_graphs_then_lists_what_is_in_them() -> None:
    inner = field(1, constant(b"w1")) + field(2, b"inner") + field(5, tensor(name=b"w2")) + field(11, field(1, b"x"))
    branch = field(4, b"If") + field(5, field(1, b"then_branch") + field(6, inner))

    header = read_onnx(InMemory(model(field(1, branch) + field(2, b"outer"))))

    assert [t.name for t in header.tensors] == ["w1", "w2"]
    assert (header.graph, header.inputs, header.operators) == ("outer", (), {"Constant": 1, "If": 1})


def test_read_onnx_when_graphs_nest_without_end_then_stops_looking() -> None:
    graph = field(5, tensor())
    for _ in range(40):
        graph = field(1, field(4, b"If") + field(5, field(6, graph)))

    assert read_onnx(InMemory(model(graph))).operators == {"If": 9}
