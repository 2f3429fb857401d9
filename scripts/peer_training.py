"""Training steps in PyTorch as `polychromify-train fit` takes them, for `scripts/peers.py`: the losses
of `core/train/src/train/objective.rs`, vectorized, and AdamW."""

import torch
import torch.nn.functional as F

import peer_networks

# Of the bins' soft encoding, in units of `a` and `b`.
DEVIATION = 5.0
# Height and width of the pixels that a bin is told of.
BLOCK = 4
# What chroma is divided by.
CHROMA_SCALE = 128.0


def centers(bins):
    """Colors of the bins: of the square of 529 the nearest to gray, so many as are asked for; which
    ones makes no difference to the time."""
    along = torch.arange(-110.0, 111.0, 10.0)
    square = torch.cartesian_prod(along, along)
    return square[square.norm(dim=1).argsort()[:bins]]


class Losses:
    """The losses of the networks' own recipes; `chroma` is the true one, `(N, 2, H, W)` of
    `(a, b) / 128`, and `said` and `logits` are the network's. A gray photograph, which is left out of
    ECCV16's, is not looked for."""

    def __init__(self, bins):
        self.centers = centers(bins)
        self.rarity = torch.rand(bins) + 0.5

    def polychromify(self, chroma, said):
        """The mean squared error."""
        return F.mse_loss(said, chroma)

    def vivid(self, chroma, said, logits):
        """Squared error, the order of `a` and `b`, and cross-entropy with each block's mean color,
        softly over all bins; rare colors weigh more."""
        squares = 0.5 * (said - chroma).square().sum(1).mean()
        margin = (said[:, 1] - said[:, 0]) * (CHROMA_SCALE / 4.0)
        order = F.softplus(-margin * (chroma[:, 1] - chroma[:, 0]).sign()).mean()
        color = F.avg_pool2d(chroma, BLOCK).permute(0, 2, 3, 1).flatten(0, 2) * CHROMA_SCALE
        shares = torch.softmax(self.distances(color) / (-2 * DEVIATION**2), 1)
        entropy = F.cross_entropy(rows(logits), shares, reduction="none")
        return 10.0 * squares + 0.01 * order + 0.05 * (entropy * (shares @ self.rarity)).mean()

    def eccv16(self, chroma, logits):
        """Cross-entropy with the color of each block's first pixel, softly over its five nearest
        bins; rare colors weigh more."""
        squares, nearest = self.distances(first_pixels(chroma)).topk(5, largest=False)
        near = torch.softmax(squares / (-2 * DEVIATION**2), 1)
        shares = torch.zeros(len(near), len(self.centers)).scatter_(1, nearest, near)
        entropy = F.cross_entropy(rows(logits), shares, reduction="none")
        return (entropy * self.rarity[nearest[:, 0]]).mean()

    def siggraph17(self, chroma, said, logits):
        """Smooth distance, and cross-entropy with the bin nearest to each block's first pixel."""
        smooth = F.smooth_l1_loss(said, chroma, beta=1 / CHROMA_SCALE)
        nearest = self.distances(first_pixels(chroma)).argmin(1)
        return 20.0 * smooth + F.cross_entropy(rows(logits), nearest)

    def distances(self, color):
        """Squared, of `(P, 2)` colors from the bins: `(P, Q)`."""
        return torch.cdist(color, self.centers).square()


def first_pixels(chroma):
    """The color of each block's first pixel, `(P, 2)` in units of `a` and `b`."""
    return chroma[..., ::BLOCK, ::BLOCK].permute(0, 2, 3, 1).flatten(0, 2) * CHROMA_SCALE


def rows(logits):
    """`(N, Q, H, W)` to `(N H W, Q)`."""
    return logits.permute(0, 2, 3, 1).flatten(0, 2)


class Training:
    """A network with its optimizer and a batch."""

    LOSSES = {
        "polychromify": (Losses.polychromify, 1),
        "vivid": (Losses.vivid, peer_networks.VIVID_BINS),
        "eccv16": (Losses.eccv16, peer_networks.HULL_BINS),
        "siggraph17": (Losses.siggraph17, peer_networks.SQUARE_BINS),
    }

    def __init__(self, name, side, images):
        self.network = peer_networks.build(name, trained=True)
        loss, bins = self.LOSSES[name]
        self.loss = loss.__get__(Losses(bins))
        self.optimizer = torch.optim.AdamW(self.network.parameters(), 1e-4, fused=True)
        last = {"memory_format": torch.channels_last}
        self.x = torch.rand(images, 1, side, side).contiguous(**last)
        self.chroma = (torch.rand(images, 2, side, side) - 0.5).contiguous(**last)

    def step(self, bf16):
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, bf16):
            heads = self.network(self.x)
        heads = heads if isinstance(heads, tuple) else (heads,)
        self.loss(self.chroma, *(head.float() for head in heads)).backward()
        self.optimizer.step()
