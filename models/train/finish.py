"""Makes the files that ship: weights stored in 16 bits, everything else as exported, and the manifest's figures.

`python finish.py TRAINED DEFAULT MANIFEST` reads `TRAINED/*.onnx`, writes `DEFAULT/*.onnx` and mends size and hash in the
manifest. Weights are cast back to 32 bits when the file is loaded, so they take half the room and no time.
"""

import hashlib
import re
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """Stores every large weight in 16 bits, with a cast behind it."""
    casts = []
    for tensor in model.graph.initializer:
        weights = onnx.numpy_helper.to_array(tensor)
        if weights.dtype == np.float32 and weights.size >= 256:
            name, stored = tensor.name, tensor.name + "_16"
            tensor.CopyFrom(onnx.numpy_helper.from_array(weights.astype(np.float16), stored))
            casts.append(onnx.helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    # Names of places on the machine that exported it do not belong into a file that ships.
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    del model.graph.value_info[:]
    model.producer_name, model.producer_version, model.doc_string = "gatepass", "", ""
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Does it for all three."""
    trained, default, manifest = map(Path, sys.argv[1:4])
    default.mkdir(parents=True, exist_ok=True)
    text = manifest.read_text()
    for name in ("detector", "embedder", "attack"):
        if not (trained / f"{name}.onnx").exists():
            continue
        before = onnx.load(trained / f"{name}.onnx")
        shape = [dim.dim_value for dim in before.graph.input[0].type.tensor_type.shape.dim]
        after = halve(onnx.load(trained / f"{name}.onnx"))
        payload = after.SerializeToString()
        (default / f"{name}.onnx").write_bytes(payload)
        picture = np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)
        feed = {before.graph.input[0].name: picture}
        one = onnxruntime.InferenceSession(before.SerializeToString()).run(None, feed)
        other = onnxruntime.InferenceSession(payload).run(None, feed)
        apart = max(np.abs(a - b).max() / (np.abs(a).max() + 1e-9) for a, b in zip(one, other))
        digest = hashlib.sha256(payload).hexdigest()
        print(f"{name}: {len(payload)} bytes, {digest}, 16-bit storage changes the output by {apart:.1e} of its range")
        pattern = rf'(file = "{name}.onnx"\nsha256 = ")[0-9a-f]*("\nbytes = )\d+'
        text, count = re.subn(pattern, rf"\g<1>{digest}\g<2>{len(payload)}", text)
        assert count == 1, name
    manifest.write_text(text)


if __name__ == "__main__":
    main()
