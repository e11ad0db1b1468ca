"""The teachers: detectors and attack models run with onnxruntime, the embedder with PyTorch on whole batches."""

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
from torch.nn import functional

# Where ArcFace (Deng et al. 2019) puts the five landmarks in a 112x112 crop.
ARCFACE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32
)


def session(model: onnx.ModelProto | Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """Opens a network on a number of threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    payload = model.SerializeToString() if isinstance(model, onnx.ModelProto) else str(model)
    return onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])


def batched(path: Path) -> onnx.ModelProto:
    """Loads a network and frees its batch size."""
    model = onnx.load(path)
    del model.graph.value_info[:]
    for value in list(model.graph.input) + list(model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    shapes = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.input[1] in shapes:
            shape = onnx.numpy_helper.to_array(shapes[node.input[1]]).copy()
            if shape[0] == 1:
                shape[0] = 0 if -1 in shape[1:] else -1
                shapes[node.input[1]].CopyFrom(onnx.numpy_helper.from_array(shape, node.input[1]))
    return model


class Detector:
    """YuNet at 320x320."""

    def __init__(self, models: Path):
        self.session = session(models / "det_yunet_n_320.onnx")

    def largest(self, picture: np.ndarray, threshold: float = 0.5) -> np.ndarray | None:
        """Returns the landmarks of the surest face in a BGR picture, 5x2, or None."""
        factor = min(320 / picture.shape[0], 320 / picture.shape[1], 1.0)
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) if factor < 1 else picture
        canvas = np.zeros((320, 320, 3), np.float32)
        canvas[: small.shape[0], : small.shape[1]] = small
        names = [output.name for output in self.session.get_outputs()]
        out = dict(zip(names, self.session.run(None, {self.session.get_inputs()[0].name: canvas.transpose(2, 0, 1)[None]})))
        best, found = threshold, None
        for stride in (8, 16, 32):
            score = np.sqrt(out[f"cls_{stride}"][0, :, 0] * out[f"obj_{stride}"][0, :, 0])
            index = int(score.argmax())
            if score[index] > best:
                best, side = score[index], 320 // stride
                grid = np.array([index % side, index // side])
                found = (out[f"kps_{stride}"][0, index].reshape(5, 2) + grid) * stride / factor
        return found


@dataclass
class Block:
    """Weights and biases of one block, and the slopes of its PReLUs."""

    widen: tuple[torch.Tensor, torch.Tensor]
    filter: tuple[torch.Tensor, torch.Tensor]
    narrow: tuple[torch.Tensor, torch.Tensor]
    slopes: tuple[torch.Tensor, ...]
    stride: int
    squeeze: tuple[torch.Tensor, torch.Tensor] | None = None
    excite: tuple[torch.Tensor, torch.Tensor] | None = None

    def importance(self) -> torch.Tensor:
        """Returns how much each channel inside the block can move what comes out."""
        widen, filtering = (weights[0].flatten(1).norm(dim=1) for weights in (self.widen, self.filter))
        return widen * filtering * self.narrow[0].flatten(1).norm(dim=0)


class Embedder:
    """Open Model Zoo face-reidentification-retail-0095, with what its blocks give out."""

    # The residual stream after the stem, after each stage, and before each stage's last block; found in the graph.
    def __init__(self, models: Path):
        graph = onnx.load(models / "emb_omz_reid0095.onnx").graph
        self.values = {tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
        self.input, self.output = graph.input[0].name, graph.output[0].name
        self.nodes = _with_prelu(graph.node, self.values)
        # The stream is what the expanding convolutions read: 1x1, at least twice as many channels out as in.
        self.stream = []
        for node in graph.node:
            if node.op_type == "Conv":
                outputs, inputs, *size = self.values[node.input[1]].shape
                if size == [1, 1] and outputs >= 2 * inputs and inputs >= 64:
                    self.stream.append(node.input[0])

    def to(self, device: str, kind: torch.dtype) -> "Embedder":
        """Moves the weights."""
        for name, value in self.values.items():
            if value.is_floating_point():
                value = value.to(device, kind)
                self.values[name] = value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
        return self

    def _convolutions(self) -> list[tuple]:
        """Returns weights, bias, stride and the slopes of the PReLU behind, of every convolution in order."""
        slopes = {row[1][0]: self.values[row[1][1]] for row in self.nodes if row[0] == "PRelu"}
        rows = []
        for operator, inputs, output, attributes in self.nodes:
            if operator == "Conv":
                weight = self.values[inputs[1]]
                bias = self.values[inputs[2]] if len(inputs) > 2 else torch.zeros(len(weight))
                rows.append(((weight, bias), (attributes.get("strides") or [1])[0], slopes.get(output)))
        return rows

    def blocks(self) -> list["Block"]:
        """Returns the inverted residual blocks and the two strides between the stages, in order."""
        rows, blocks = self._convolutions()[5:-3], []
        # The first five convolutions and the first attention are the stem's.
        for at in range(2, len(rows), 5):
            (widen, _, one), (filtering, stride, two), (narrow, *_), (squeeze, _, three), (excite, *_) = rows[at : at + 5]
            blocks.append(Block(widen, filtering, narrow, (one, two, three), stride, squeeze, excite))
        return blocks

    def head(self) -> "Block":
        """Returns what makes the embedding from the last block."""
        (widen, _, slope), (filtering, *_), (narrow, *_) = self._convolutions()[-3:]
        return Block(widen, filtering, narrow, (slope,), 1)

    @torch.no_grad()
    def run(self, batch: torch.Tensor, taps: list[int] = ()) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Embeds `[n, 3, 128, 128]` BGR 0 to 255; returns the embedding and the stream at each tap."""
        values = {**self.values, self.input: batch}
        for operator, inputs, output, attributes in self.nodes:
            x = [values[name] for name in inputs]
            values[output] = _OPERATORS[operator](x, attributes)
        return values[self.output].flatten(1), [values[self.stream[tap]] for tap in taps]


def _convolve(x: list[torch.Tensor], attributes: dict) -> torch.Tensor:
    pads = attributes.get("pads", [0, 0, 0, 0])
    if pads[:2] != pads[2:]:
        x[0], pads = functional.pad(x[0], (pads[1], pads[3], pads[0], pads[2])), [0, 0]
    bias = x[2] if len(x) > 2 else None
    return functional.conv2d(x[0], x[1], bias, attributes.get("strides", 1), pads[:2], 1, attributes.get("group", 1))


_OPERATORS = {
    "Conv": _convolve,
    "Mul": lambda x, _: x[0] * x[1],
    "Add": lambda x, _: x[0] + x[1],
    "Sigmoid": lambda x, _: x[0].sigmoid(),
    "PRelu": lambda x, _: functional.prelu(x[0], x[1]),
    "AveragePool": lambda x, _: x[0].mean((2, 3), keepdim=True),
    "Reshape": lambda x, _: x[0].flatten(1),
}


def _with_prelu(nodes: list[onnx.NodeProto], values: dict[str, torch.Tensor]) -> list[tuple]:
    """Turns relu(x)(1-a) + ax, as the file has it for another runtime's sake, back into one PReLU."""
    made = {node.output[0]: node for node in nodes}
    rows, gone = [], set()
    for node in nodes:
        sides = [made.get(name) for name in node.input] if node.op_type == "Add" else []
        if len(sides) == 2 and all(side is not None and side.op_type == "Mul" for side in sides):
            for one, other in (sides, sides[::-1]):
                relu, slope = made.get(one.input[0]), values.get(other.input[1])
                if relu is not None and relu.op_type == "Relu" and slope is not None and relu.input[0] == other.input[0]:
                    name = "slope " + node.output[0]
                    values[name] = slope.flatten()
                    rows.append(("PRelu", [relu.input[0], name], node.output[0], {}))
                    gone |= {relu.output[0], one.output[0], other.output[0], node.output[0]}
                    break
        if node.output[0] not in gone:
            attributes = {entry.name: list(entry.ints) or entry.i for entry in node.attribute}
            rows.append((node.op_type, list(node.input), node.output[0], attributes))
    return [row for row in rows if row[2] not in gone or row[0] == "PRelu"]


class Attack:
    """The two MiniFASNets."""

    def __init__(self, models: Path, threads: int = 1):
        self.narrow = session(batched(models / "pad_minifasnet_v2_2.7_80.onnx"), threads)
        self.wide = session(batched(models / "pad_minifasnet_v1se_4.0_80.onnx"), threads)

    def run(self, narrow: np.ndarray, wide: np.ndarray) -> np.ndarray:
        """Takes `[n, 3, 80, 80]` BGR crops at 2.7 and 4.0 boxes; returns the mean of the probabilities, `[n, 3]`."""
        total = 0.0
        for net, batch in ((self.narrow, narrow), (self.wide, wide)):
            logits = net.run(None, {net.get_inputs()[0].name: batch})[0]
            powers = np.exp(logits - logits.max(1, keepdims=True))
            total = total + powers / powers.sum(1, keepdims=True)
        return total / 2


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Returns the 2x3 similarity that brings `source` closest to `target` (Umeyama 1991)."""
    s, t = source - source.mean(0), target - target.mean(0)
    spread = (s**2).sum()
    a, b = (s * t).sum() / spread, (s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum() / spread
    matrix = np.array([[a, -b], [b, a]])
    return np.hstack([matrix, (target.mean(0) - matrix @ source.mean(0))[:, None]]).astype(np.float32)


def threads() -> int:
    """Returns how many threads to use."""
    return int(os.environ.get("THREADS", os.cpu_count() or 1))
