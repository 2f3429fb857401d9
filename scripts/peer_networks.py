"""The networks of `core/src/nn/model` in PyTorch, for `scripts/peers.py`.

Weights are random: they make no difference to the time. `trained` builds a network as it is trained,
giving what its loss is taken of; without it, as it predicts, from lightness to chroma.
"""

import torch
import torch.nn.functional as F
from torch import nn

# Color bins of each network: grid of 10 units of `a` and `b`, `core/src/nn/model/{vivid/bins,zhang}.rs`.
VIVID_BINS, HULL_BINS, SQUARE_BINS = 260, 313, 529


def conv(inputs, outputs, kernel=3, stride=1, dilation=1, groups=1):
    padding = dilation * (kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups)


def polychromify(trained=False):
    layers, inputs = [], 1
    for outputs, kernel in [(16, 3), (32, 3), (64, 3), (256, 1), (128, 1), (64, 1), (128, 1),
                            (256, 1), (64, 3), (32, 3), (16, 3), (2, 3)]:
        layers += [conv(inputs, outputs, kernel), nn.Tanh() if outputs == 2 else nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """EfficientNet-Lite's block, batch norm folded."""

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
    """The default network without hints: in training with the decoder's batch norm and with bins, in
    predictions as it is built in, batch norm folded and the bins unused."""

    TAPS = (0, 2, 4, 10, 15)
    SCALES = (0.1, 0.08, 0.1, 0.17, 0.33)

    def __init__(self, trained=False):
        super().__init__()
        self.stem = nn.Sequential(conv(1, 32, 3, 2), nn.ReLU6())
        blocks, inputs = [], 32
        for kernel, stride, expansion, outputs, count in [
                (3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3),
                (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)]:
            for i in range(count):
                stride = stride if i == 0 else 1
                blocks.append(InvertedResidual(inputs, outputs, kernel, stride, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)

        def relu(inputs, outputs, kernel=3):
            if not trained:
                return nn.Sequential(conv(inputs, outputs, kernel), nn.ReLU())
            layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
            return nn.Sequential(layer, nn.BatchNorm2d(outputs, 1e-3, 0.01), nn.ReLU())

        self.top = relu(320, 160, 1)
        self.decoder = nn.ModuleList([relu(272, 160), relu(200, 128), relu(152, 96)])
        self.reduce, self.fine = relu(96, 48, 1), relu(64, 48)
        self.chroma = conv(48, 2)
        self.bins = conv(96, VIVID_BINS, 1) if trained else None

    def forward(self, x):
        x, skips = self.stem(x), []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.TAPS:
                skips.append(x * self.SCALES[len(skips)])
        double = lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = self.top(skips[4])
        for block, skip in zip(self.decoder, skips[3:0:-1]):
            x = block(torch.cat([double(x), skip], 1))
        fine = self.fine(torch.cat([double(self.reduce(x)), skips[0]], 1))
        chroma = F.interpolate(torch.tanh(self.chroma(fine)), scale_factor=2.0, mode="bilinear")
        return (chroma, self.bins(x)) if self.bins else chroma


def stage(inputs, outputs, count, stride=1, dilation=1):
    """Convolutions with ReLU, and batch norm after the last; that one has the stride."""
    layers = []
    for i in range(count):
        last = i == count - 1
        layers += [conv(inputs, outputs, 3, stride if last else 1, dilation), nn.ReLU()]
        inputs = outputs
    return layers + [nn.BatchNorm2d(outputs)]


def eccv16(trained=False):
    """In training its logits alone: chroma has no part in its loss."""
    head = [] if trained else [
        nn.Softmax(1), nn.Conv2d(HULL_BINS, 2, 1, bias=False),
        nn.Upsample(scale_factor=4.0, mode="bilinear")]
    return nn.Sequential(
        *stage(1, 64, 2, 2), *stage(64, 128, 2, 2), *stage(128, 256, 3, 2), *stage(256, 512, 3),
        *stage(512, 512, 3, 1, 2), *stage(512, 512, 3, 1, 2), *stage(512, 512, 3),
        nn.ConvTranspose2d(512, 256, 4, 2, 1), nn.ReLU(), conv(256, 256), nn.ReLU(),
        conv(256, 256), nn.ReLU(), conv(256, HULL_BINS, 1), *head)


class Siggraph17(nn.Module):
    """Lightness; hints and their mask are zeros beside it."""

    def __init__(self, trained=False):
        super().__init__()
        self.stages = nn.ModuleList([nn.Sequential(*layers) for layers in (
            stage(4, 64, 2), stage(64, 128, 2), stage(128, 256, 3),
            stage(256, 512, 3) + stage(512, 512, 3, 1, 2) + stage(512, 512, 3, 1, 2)
            + stage(512, 512, 3))])
        self.up = nn.ModuleList([
            nn.ConvTranspose2d(*channels, 4, 2, 1) for channels in
            ((512, 256), (256, 128), (128, 128))])
        self.short = nn.ModuleList([conv(256, 256), conv(128, 128), conv(64, 128)])
        self.after = nn.ModuleList([nn.Sequential(*layers) for layers in (
            stage(256, 256, 2), stage(128, 128, 1), [conv(128, 128), nn.LeakyReLU(0.2)])])
        self.chroma = conv(128, 2, 1)
        self.bins = conv(256, SQUARE_BINS, 1) if trained else None

    def forward(self, x):
        x = torch.cat([x, x.new_zeros(len(x), 3, *x.shape[2:])], 1)
        x = x.contiguous(memory_format=torch.channels_last)
        shorts = []
        for layers in self.stages[:3]:
            shorts.append(layers(x))
            x = shorts[-1][..., ::2, ::2]
        x, quarter = self.stages[3](x), None
        for up, short, after, skip in zip(self.up, self.short, self.after, reversed(shorts)):
            x = after(F.relu(up(x) + short(skip)))
            quarter = x if quarter is None else quarter
        chroma = torch.tanh(self.chroma(x)) * (110 / 128)
        return (chroma, self.bins(quarter)) if self.bins else chroma


NETWORKS = {"polychromify": polychromify, "vivid": Vivid, "eccv16": eccv16, "siggraph17": Siggraph17}


def build(name, trained=False):
    network = NETWORKS[name](trained).to(memory_format=torch.channels_last)
    return network.train() if trained else network.eval()


def operations(name, side):
    """Floating-point operations of a prediction in training's form: two for each product in its
    convolutions."""
    network, counts = build(name, trained=True).eval(), []

    def count(layer, inputs, output):
        # Each weight meets each pixel of a convolution's result, or of a transposed one's input.
        pixels = (inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output).shape[2:].numel()
        counts.append(2 * layer.weight.numel() * pixels)

    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.rand(1, 1, side, side))
    return sum(counts)
