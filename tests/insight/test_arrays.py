from typing import Literal

import numpy as np
import pytest

from orchard.insight import TensorData


def data(dtype: str, shape: tuple[int, ...], raw: bytes, order: Literal["little", "big"] = "little") -> TensorData:
    return TensorData("w", dtype, shape, memoryview(raw), order)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("BOOL", np.bool_), ("U8", np.uint8), ("I8", np.int8), ("I16", np.int16), ("U16", np.uint16),
        ("F16", np.float16), ("BF16", np.uint16), ("I32", np.int32), ("U32", np.uint32), ("F32", np.float32),
        ("F64", np.float64), ("I64", np.int64), ("U64", np.uint64), ("C64", np.complex64), ("F8_E4M3", np.uint8),
        ("FLOAT", np.float32), ("DOUBLE", np.float64), ("FLOAT16", np.float16), ("BFLOAT16", np.uint16),
        ("INT64", np.int64), ("COMPLEX128", np.complex128),
    ],
)  # fmt: skip
def test_asarray_then_has_the_type_and_the_content(dtype: str, expected: type) -> None:
    content: np.ndarray = np.arange(6).astype(expected).reshape(2, 3)

    array = np.asarray(data(dtype, (2, 3), content.tobytes()))

    assert array.dtype == expected
    np.testing.assert_array_equal(array, content)
    assert not array.flags.writeable


def test_asarray_when_it_is_a_single_number_then_has_no_dimension() -> None:
    assert np.asarray(data("I64", (), np.int64(7).tobytes())) == 7


def test_asarray_when_the_file_is_big_endian_then_numbers_are_right() -> None:
    array = np.asarray(data("F32", (3,), np.arange(3, dtype=">f4").tobytes(), "big"))

    np.testing.assert_array_equal(array, [0, 1, 2])


@pytest.mark.parametrize(
    ("dtype", "shape", "size", "expected"),
    [
        pytest.param("Q4_K", (2, 256), 288, (2, 144), id="blocks"),
        pytest.param("F4", (3, 5), 8, (8,), id="rows that do not fill bytes"),
        pytest.param("Q8_0", (0, 32), 0, (0,), id="nothing"),
    ],
)
def test_asarray_when_elements_are_in_blocks_then_gives_bytes(
    dtype: str, shape: tuple[int, ...], size: int, expected: tuple[int, ...]
) -> None:
    array = np.asarray(data(dtype, shape, bytes(size)))

    assert array.dtype == np.uint8
    assert array.shape == expected
