"""What a user would take instead, for `scripts/bench`: the same networks in PyTorch and
onnxruntime, and the usual pipeline from a photograph to a colored one.

Each line on standard input is a question, answered on a line of its own with seconds and the
processor's seconds, of all cores:

    step NETWORK SIDE BATCH f32|bf16         a training step: the mean of two, after one to get warm
    predict NETWORK SIDE torch|bf16|onnx     a prediction of one picture
    product SIZE f32|bf16                    a product of two square matrices
    pipeline NETWORK INPUT OUTPUT            a photograph colored in full size

`operations NETWORK SIDE` is answered with the floating-point operations of one picture's forward
pass. Networks are those of `peer_networks.py`; PyTorch's are channels-last, and `bf16` is its autocast.
"""

import io
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import peer_networks
import peer_training

# Networks and sessions by name.
built = {}
# The training of the last question and what it asked for: one at a time, for the memory.
training = None


def network(name):
    if name not in built:
        built[name] = peer_networks.build(name)
    return built[name]


def picture(side):
    return torch.rand(1, 1, side, side).contiguous(memory_format=torch.channels_last)


def session(name, side):
    """The network in onnxruntime."""
    import onnxruntime

    key = (name, side)
    if key not in built:
        file = io.BytesIO()
        torch.onnx.export(network(name), (picture(side),), file, dynamo=False, opset_version=17)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        built[key] = onnxruntime.InferenceSession(file.getvalue(), options)
    return built[key]


def predict(name, side, how):
    x = picture(int(side))
    if how == "onnx":
        onnx, x = session(name, int(side)), x.numpy()
        run = lambda: onnx.run(None, {onnx.get_inputs()[0].name: x})
    else:
        model = network(name)

        def run():
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, how == "bf16"):
                return model(x)
    return timed(run)


def step(name, side, images, precision):
    global training
    asked = (name, int(side), int(images))
    if training is None or training[0] != asked:
        training = None  # frees the one before
        training = asked, peer_training.Training(*asked)
    once = lambda: training[1].step(precision == "bf16")
    once()
    return [half / 2 for half in timed(lambda: (once(), once()))]


def product(size, precision):
    size, kind = int(size), torch.bfloat16 if precision == "bf16" else torch.float32
    x, y = (torch.rand(size, size).to(kind) for _ in range(2))
    return timed(lambda: x @ y)


def operations(name, side):
    return [peer_networks.operations(name, int(side))]


def pipeline(name, source, target):
    """Decode, Lab, shrink, predict, enlarge, sRGB, encode."""
    from PIL import Image
    from skimage import color

    def run():
        rgb = np.asarray(Image.open(source).convert("RGB"))
        lab = color.rgb2lab(rgb)
        lightness = torch.from_numpy(lab[..., 0]).float()[None, None]
        small = F.interpolate(lightness, (256, 256), mode="bilinear", antialias=True)
        with torch.inference_mode():
            ab = network(name)(small.contiguous(memory_format=torch.channels_last))
        ab = F.interpolate(ab.float(), lightness.shape[2:], mode="bilinear")
        lab[..., 1:] = ab[0].permute(1, 2, 0).numpy()
        colored = (color.lab2rgb(lab) * 255 + 0.5).astype(np.uint8)
        Image.fromarray(colored).save(target, quality=95, subsampling=0)
    return timed(run)


def timed(run):
    start, busy = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - busy


def main():
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    questions = {"predict": predict, "step": step, "product": product, "operations": operations,
                 "pipeline": pipeline}
    for line in sys.stdin:
        question, *arguments = line.split()
        print(*questions[question](*arguments), flush=True)


main()
