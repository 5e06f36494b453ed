"""The trained network as files: safetensors, ONNX and their configuration.

Everything here returns bytes, and the same network gives the same bytes. What writes
them to disk is in `train.py`; what reads them back without a framework is in `predict.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from predict import BRIGHTEST, COLUMNS, SIDE, Network
from safetensors.numpy import save

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Fixed, not "the newest": old enough for every runtime of the last four years.
OPSET = 17
IR_VERSION = 8
# Float32 sums in another order differ in the last bits: 1e-7 here, so this is generous.
TOLERANCE = 1e-5


def weights_as_safetensors(network: Network) -> bytes:
    """Render the weights, named and laid out as PyTorch's `Linear` does: (out, in)."""
    # One key of metadata, for the order of several is not promised by the library.
    return save(tensors_of(network), metadata={"format": "np"})


def tensors_of(network: Network) -> dict[str, np.ndarray]:
    """Return the weights and biases by the names they have in every file."""
    tensors = {}
    for index, layer in enumerate(network.layers):
        tensors[f"layers.{index}.weight"] = np.ascontiguousarray(layer.weight)
        tensors[f"layers.{index}.bias"] = np.ascontiguousarray(layer.bias)
    return tensors


def configuration(network: Network) -> dict[str, Any]:
    """Return what `config.json` holds, in the vocabulary of Hugging Face."""
    return {
        "model_type": "mlp",
        "architectures": ["MLPClassifier"],
        "num_features": len(COLUMNS),
        "hidden_sizes": [len(layer.bias) for layer in network.layers[:-1]],
        "hidden_act": "relu",
        "output_act": "softmax",
        "num_labels": len(network.classes),
        "id2label": {str(index): str(digit) for index, digit in enumerate(network.classes)},
        "dtype": "float32",
        "num_parameters": sum(tensor.size for tensor in tensors_of(network).values()),
        "preprocessing": {
            "image_size": [SIDE, SIDE],
            "order": "row by row from the top left",
            "value_range": [0, BRIGHTEST],
            "scale": network.scale,
        },
    }


def network_as_onnx(network: Network) -> bytes:
    """Render the network as an ONNX model that takes raw pixels of 0 to 16.

    Scaling is part of the graph, so a runtime needs to know nothing else. The outputs are
    `probabilities` (float32, one row an image) and `label` (int64, the index of the
    likeliest class).

    Raises:
        onnx.checker.ValidationError: If ONNX does not accept the graph.
    """
    constants = {"scale": np.float32(network.scale), **tensors_of(network)}
    graph = helper.make_graph(
        nodes=nodes(len(network.layers)),
        name="digits",
        inputs=[helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", len(COLUMNS)])],
        outputs=[
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(network.classes)]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]),
        ],
        initializer=[numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph,
        producer_name="digits",
        producer_version="1.0.0",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
        doc_string="Reads a handwritten digit from 8 x 8 pixels of 0 to 16.",
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def nodes(layers: int) -> list[onnx.NodeProto]:
    """Return the operators of a perceptron with so many layers, in order."""
    values = "scaled"
    made = [helper.make_node("Mul", ["pixels", "scale"], [values], name="scale_pixels")]
    for index in range(layers):
        name = f"layers.{index}"
        sums = f"{name}.sums"
        inputs = [values, f"{name}.weight", f"{name}.bias"]
        made.append(helper.make_node("Gemm", inputs, [sums], name=name, transB=1))
        values = sums
        if index < layers - 1:
            values = f"{name}.active"
            made.append(helper.make_node("Relu", [sums], [values], name=f"{name}.relu"))
    made.append(helper.make_node("Softmax", [values], ["probabilities"], name="softmax", axis=1))
    made.append(helper.make_node("ArgMax", ["probabilities"], ["label"], name="likeliest", axis=1, keepdims=0))
    return made


def require_agreement(files: Mapping[str, bytes], pixels: np.ndarray, expected: np.ndarray) -> float:
    """Run the files as their readers will and compare them with the trained model.

    The readers are `predict.py`, ONNX's reference evaluator and ONNX Runtime.

    Args:
        files: The content of `config.json`, `digits.safetensors` and `digits.onnx`.
        pixels: float32, one row an image, values of 0 to 16.
        expected: The probabilities that the trained model gives.

    Returns:
        The largest difference between two probabilities.

    Raises:
        ValueError: If a reader differs by more than `TOLERANCE` or in one class.
    """
    worst = 0.0
    for reader, found in readings(files, pixels):
        difference = float(np.abs(found - expected).max())
        if difference > TOLERANCE or (found.argmax(axis=1) != expected.argmax(axis=1)).any():
            raise ValueError(f"{reader} differs from the trained model by {difference}")
        worst = max(worst, difference)
    return worst


def readings(files: Mapping[str, bytes], pixels: np.ndarray) -> Iterable[tuple[str, np.ndarray]]:
    """Yield the name of each reader of the files, and its probabilities."""
    network = Network.parse(json.loads(files["config.json"]), files["digits.safetensors"])
    yield "predict.py", network.probabilities(pixels)

    model = files["digits.onnx"]
    reference = ReferenceEvaluator(onnx.load_from_string(model))
    yield "onnx.reference", reference.run(["probabilities"], {"pixels": pixels})[0]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    yield "onnxruntime", session.run(["probabilities"], {"pixels": pixels})[0]
