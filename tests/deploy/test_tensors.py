"""What a request to a model may be, and what the answer is."""

import numpy as np
import pytest

from orchard.deploy.tensors import Expected, read_inputs, write_outputs
from orchard.errors import InvalidError
from orchard.oci import JSON

IMAGE = Expected("image", "FP32", (-1, 2))


def _asked(**changes: JSON) -> JSON:
    tensor: dict[str, JSON] = {"name": "image", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4], **changes}
    return {"inputs": [tensor]}


@pytest.mark.parametrize(
    "request_",
    [_asked(), _asked(data=[[1, 2], [3, 4]]), _asked(shape=[-1, 2])],
    ids=["flat", "nested", "a size left open"],
)
def test_read_inputs_makes_the_array(request_: JSON) -> None:
    arrays = read_inputs(request_, [IMAGE])
    assert arrays["image"].dtype == np.float32
    assert arrays["image"].tolist() == [[1, 2], [3, 4]]


REFUSED: dict[str, tuple[JSON, str]] = {
    "no object": ([], "must be an object"),
    "no list": ({"inputs": {}}, "list of 'inputs'"),
    "no tensor": ({"inputs": [1]}, "must be an object with a 'name'"),
    "nothing": ({"inputs": []}, "inputs are missing: image"),
    "another name": (_asked(name="x" * 300), "there is no input"),
    "another type": (_asked(datatype="INT8"), "must be FP32"),
    "an impossible type": (_asked(datatype=["FP32"]), "must be FP32"),
    "too few numbers": (_asked(data=[1]), "does not fit"),
    "words": (_asked(data=["a", "b", "c", "d"]), "does not fit"),
    "ragged": (_asked(data=[[1], [2, 3]]), "does not fit"),
    "no data": (_asked(data=None), "must be a list"),
    "another shape": (_asked(shape=[4, 1]), r"must have the shape \[-1, 2\]"),
    "an impossible shape": (_asked(shape=[-2, 2]), "list of whole numbers"),
    "a huge shape": (_asked(shape=[1 << 62, 4]), "does not fit"),
}


@pytest.mark.parametrize(("request_", "match"), REFUSED.values(), ids=REFUSED)
def test_read_inputs_refuses(request_: JSON, match: str) -> None:
    with pytest.raises(InvalidError, match=match):
        read_inputs(request_, [IMAGE])


def test_write_outputs_writes_what_json_can_hold() -> None:
    answer = write_outputs("m", {"scores": np.array([[0.5, np.nan]], np.float32), "words": np.array(["a"], np.object_)})
    assert answer == {
        "model_name": "m",
        "outputs": [
            {"name": "scores", "datatype": "FP32", "shape": [1, 2], "data": [0.5, None]},
            {"name": "words", "datatype": "BYTES", "shape": [1], "data": ["a"]},
        ],
    }


def test_write_outputs_when_an_output_is_no_tensor_says_so() -> None:
    with pytest.raises(InvalidError, match="cannot be written as JSON"):
        write_outputs("m", {"maps": [{"a": 1}]})
