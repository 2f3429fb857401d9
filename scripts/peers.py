"""What a user would take instead, for `scripts/bench`: the same networks in PyTorch and
onnxruntime, and the usual pipeline from a photograph to a colored one.

Each line on standard input is a question, answered with seconds on a line of its own:

    step BATCH f32|bf16                      a training step of Polychromify at 128x128
    predict NETWORK SIDE torch|bf16|onnx     a prediction of one picture
    pipeline NETWORK INPUT OUTPUT            a photograph colored in full size

Weights are random: they make no difference to the time. Networks are `polychromify`, `vivid` and
`eccv16`. PyTorch's are channels-last; `bf16` is its autocast.
"""

import io
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SIDE = 128


def conv(inputs, outputs, kernel=3, stride=1, dilation=1, groups=1):
    padding = dilation * (kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups)


def polychromify():
    layers, inputs = [], 1
    for outputs, kernel in [(16, 3), (32, 3), (64, 3), (256, 1), (128, 1), (64, 1), (128, 1),
                            (256, 1), (64, 3), (32, 3), (16, 3), (2, 3)]:
        layers += [conv(inputs, outputs, kernel), nn.Tanh() if outputs == 2 else nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*layers)


class Block(nn.Module):
    """EfficientNet-Lite's inverted residual, batch norm folded."""

    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        layers = [conv(inputs, hidden, 1), nn.ReLU6()] if expansion > 1 else []
        layers += [conv(hidden, hidden, kernel, stride, 1, hidden), nn.ReLU6()]
        self.layers = nn.Sequential(*layers, conv(hidden, outputs, 1))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.layers(x)
        return y + x if self.residual else y


class Vivid(nn.Module):
    """The default network as it is built in: without hints, its bins unused, batch norm folded."""

    TAPS = (0, 2, 4, 10, 15)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(1, 32, 3, 2), nn.ReLU6())
        blocks, inputs = [], 32
        for kernel, stride, expansion, outputs, count in [
                (3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3),
                (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)]:
            for i in range(count):
                blocks.append(Block(inputs, outputs, kernel, stride if i == 0 else 1, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        relu = lambda *sizes: nn.Sequential(conv(*sizes), nn.ReLU())
        self.top = relu(320, 160, 1)
        self.decoder = nn.ModuleList([relu(272, 160), relu(200, 128), relu(152, 96)])
        self.reduce, self.fine = relu(96, 48, 1), relu(64, 48)
        self.chroma = conv(48, 2)

    def forward(self, x):
        x, skips = self.stem(x), []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.TAPS:
                skips.append(x * 0.1)
        double = lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = self.top(skips[4])
        for block, skip in zip(self.decoder, skips[3:0:-1]):
            x = block(torch.cat([double(x), skip], 1))
        fine = self.fine(torch.cat([double(self.reduce(x)), skips[0]], 1))
        return F.interpolate(torch.tanh(self.chroma(fine)), scale_factor=2.0, mode="bilinear")


def eccv16():
    def stage(inputs, outputs, count, stride=1, dilation=1):
        layers = []
        for i in range(count):
            last = i == count - 1
            layers += [conv(inputs, outputs, 3, stride if last else 1, dilation), nn.ReLU()]
            inputs = outputs
        return layers + [nn.BatchNorm2d(outputs)]

    return nn.Sequential(
        *stage(1, 64, 2, 2), *stage(64, 128, 2, 2), *stage(128, 256, 3, 2), *stage(256, 512, 3),
        *stage(512, 512, 3, 1, 2), *stage(512, 512, 3, 1, 2), *stage(512, 512, 3),
        nn.ConvTranspose2d(512, 256, 4, 2, 1), nn.ReLU(), conv(256, 256), nn.ReLU(),
        conv(256, 256), nn.ReLU(), conv(256, 313, 1), nn.Softmax(1),
        nn.Conv2d(313, 2, 1, bias=False), nn.Upsample(scale_factor=4.0, mode="bilinear"))


NETWORKS = {"polychromify": polychromify, "vivid": Vivid, "eccv16": eccv16}
built = {}


def network(name):
    if name not in built:
        built[name] = NETWORKS[name]().eval().to(memory_format=torch.channels_last)
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


def step(batch, precision):
    if "step" not in built:
        model = polychromify().to(memory_format=torch.channels_last)
        built["step"] = model, torch.optim.Adam(model.parameters(), 1e-4)
    model, optimizer = built["step"]
    x = torch.rand(int(batch), 1, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    target = torch.rand(int(batch), 2, SIDE, SIDE).contiguous(memory_format=torch.channels_last)

    def run():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, precision == "bf16"):
            y = model(x)
        F.mse_loss(y.float(), target).backward()
        optimizer.step()
    return timed(run)


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
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main():
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    questions = {"predict": predict, "step": step, "pipeline": pipeline}
    for line in sys.stdin:
        question, *arguments = line.split()
        print(questions[question](*arguments), flush=True)


main()
