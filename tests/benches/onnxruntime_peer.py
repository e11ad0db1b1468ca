"""Runs one network with onnxruntime on one thread: a line in, the median CPU time of some runs out, in nanoseconds."""

import sys
import time

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
shape = [int(side) for side in sys.argv[2].split("x")]
feed = {session.get_inputs()[0].name: np.full(shape, 127, np.float32)}
print(onnxruntime.__version__, flush=True)
for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        began = time.thread_time_ns()
        session.run(None, feed)
        times.append(time.thread_time_ns() - began)
    print(sorted(times)[len(times) // 2], flush=True)
