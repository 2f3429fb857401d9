"""Compares colored versions of clips with the true ones, for `scripts/film-measure`.

    python scripts/film_measure.py CLIPS_DIR OUT_DIR PROGRAM [--frames 40] [--sheets DIR]
                                   [--guide reference|keyframe] [-- OPTION...]

All versions of a clip are decoded side by side, a frame at a time, to 4:4:4 with 16 bits in the
true clip's matrix and limited range, so that one conversion to RGB serves all. Measures of a clip,
then means of clips:

PSNR          RGB of 8 bits against the true clip; mean of the frames' decibels, each at most 60.
colorfulness  Hasler and Suesstrunk, "Measuring colourfulness in natural images", 2003; mean of
              frames.
CDC           Liu et al., arXiv 2110.04562, as in their code: Jensen-Shannon divergence with natural
              logarithm of histograms of 256 bins, of R, G and B each, of frames 1, 2 and 4 apart;
              mean of pairs, distances and channels. Pairs across cuts count, so that colors which
              bleed over cuts lower it; and so does noise, which makes histograms wide.
warp error    Mean of the squared differences of a* and of b* (half the squared distance) to the
              frame before, moved by the DIS flow of the TRUE clip's luma; of pixels where flow
              forwards and backwards agree within 1 pixel and the true L* then differs by less than
              5; not across cuts. Mean of all such pixels of a clip.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

VERSIONS = ("true", "gray", "frame by frame", "running mean", "ours")
CONTAINERS = {".mkv", ".mp4", ".mov", ".avi", ".webm", ".m4v", ".mpg", ".ts", ".ogv"}
DISTANCES = (1, 2, 4)
# Share of the frame before in the running mean.
INERTIA = 0.8
# Decibels, also of a frame without any error, so that a black one leaves a mean.
MOST_PSNR = 60
# Pixels; units of L*.
CONSISTENT, LIT_ALIKE = 1.0, 5.0
# Name of a matrix to ffprobe: that to ffmpeg's filter `scale`, and the weights of R and B in luma.
MATRICES = {
    "smpte170m": ("smpte170m", 0.299, 0.114),
    "bt470bg": ("bt470", 0.299, 0.114),
    "bt709": ("bt709", 0.2126, 0.0722),
    "bt2020nc": ("bt2020", 0.2627, 0.0593),
}
# Where chroma lies, in 1/256 of a pixel.
SITES = {"left": (0, 128), "center": (128, 128), "topleft": (0, 0), "top": (128, 0)}

Video = namedtuple("Video", "path width height format range matrix site untagged")
Measures = namedtuple("Measures", "psnr colorfulness cdc cdc_in_shots warp")
Clip = namedtuple("Clip", "name measures cuts frames compared notes")


class Failed(Exception):
    """Why a clip could not be measured."""


def run(command, what):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise Failed(f"{what} exited with {done.returncode}: {lines[-1]}")
    return done.stdout


# --- Reading


def probe(path):
    fields = "width,height,pix_fmt,color_range,color_space,chroma_location,field_order"
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "json",
               "-show_entries", f"stream={fields}", str(path)]
    streams = json.loads(run(command, "ffprobe")).get("streams")
    if not streams:
        raise Failed(f"{path.name} has no video")
    stream = streams[0]
    pixels, matrix = stream.get("pix_fmt", "unknown"), stream.get("color_space", "unknown")
    if "yuv" not in pixels and not pixels.startswith("gray"):
        raise Failed(f"{path.name} is {pixels}, which is not measured")
    untagged = matrix in ("unknown", "reserved")
    if untagged:
        matrix = "bt709" if stream["height"] >= 720 else "smpte170m"
    if matrix not in MATRICES:
        raise Failed(f"{path.name} has the matrix {matrix}, which is not measured")
    full = stream.get("color_range") == "pc" or pixels.startswith("yuvj")
    site = SITES.get(stream.get("chroma_location"), SITES["left"])
    return Video(path, stream["width"], stream["height"], pixels, "pc" if full else "tv", matrix,
                 site, untagged)


def ffmpeg(video, filters, frames, *output):
    return ["ffmpeg", "-v", "error", "-nostdin", "-noautorotate", "-i", str(video.path),
            "-map", "0:v:0", "-vf", filters, "-frames:v", str(frames), "-fps_mode", "passthrough",
            *output]


def decoded(video, true, frames):
    """Frames of 16-bit Y'CbCr, (3, H, W), in the matrix of the true clip and limited range."""
    if (video.width, video.height) != (true.width, true.height):
        raise Failed(f"{video.path.name} has {video.width} x {video.height} pixels, the true clip "
                     f"{true.width} x {true.height}")
    options = {
        "in_color_matrix": MATRICES[video.matrix][0], "out_color_matrix": MATRICES[true.matrix][0],
        "in_range": video.range, "out_range": "tv",
        "flags": "bicubic+accurate_rnd+full_chroma_inp+full_chroma_int",
    }
    if "420" in video.format or "422" in video.format:
        options["in_h_chr_pos"] = video.site[0]
    if "420" in video.format:
        options["in_v_chr_pos"] = video.site[1]
    scale = "scale=" + ":".join(f"{name}={value}" for name, value in options.items())
    command = ffmpeg(video, f"{scale},format=yuv444p16le", frames, "-f", "rawvideo", "-")
    size = 3 * video.height * video.width * 2
    # Its messages go to a file: nobody would read a second pipe.
    with tempfile.TemporaryFile() as messages, \
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages) as process:
        try:
            while len(data := process.stdout.read(size)) == size:
                yield np.frombuffer(data, "<u2").reshape(3, video.height, video.width)
        finally:
            process.stdout.close()
            status = process.wait()
        messages.seek(0)
        said = messages.read().decode(errors="replace").strip().splitlines()
        if status != 0 or said or data:
            reason = said[-1] if said else f"ffmpeg exited with {status}"
            raise Failed(f"{video.path.name} does not decode: {reason}")


def luma_digests(video, filters, frames):
    text = run(ffmpeg(video, filters, frames, "-f", "framemd5", "-"), "ffmpeg").decode()
    return [line.split(",")[-1].strip() for line in text.splitlines() if not line.startswith("#")]


def without_color(true, path, frames):
    """A black-and-white copy of a clip, luma untouched."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tags = ["-color_range", true.range]
    if not true.untagged:
        tags += ["-colorspace", true.matrix]
    codec = ["-c:v", "ffv1", "-level", "3", "-y", str(path)]
    run(ffmpeg(true, "extractplanes=y", frames, *tags, *codec), "ffmpeg")
    gray = probe(path)
    if luma_digests(true, "extractplanes=y", frames) != luma_digests(gray, "null", frames):
        raise Failed(f"the luma of the black-and-white copy {path.name} is not the clip's")
    if gray.range != true.range:
        raise Failed(f"the black-and-white copy {path.name} lost the range of the clip")


def guide(kind, true, path, frames):
    """Options that give PROGRAM film the middle one of a clip's frames in its true colors."""
    entries = ["-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "csv=p=0"]
    told = run(["ffprobe", "-v", "error", *entries, str(true.path)], "ffprobe").decode()
    times = [line.strip(",") for line in told.split()][:frames]
    middle = len(times) // 2
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = ["-frames:v", "1", "-update", "1", "-y", str(path)]
    run(ffmpeg(true, f"select=eq(n\\,{middle})", frames, *picture), "ffmpeg")
    value = f"{times[middle]}={path}" if kind == "keyframe" else path
    return [f"--{kind}", str(value)]


def colored(program, options, gray, folder):
    """The result of PROGRAM film for a black-and-white clip."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [program, "film", str(gray), *options, "--output", str(folder)]
    run(command, f"{Path(program).name} film")
    found = [path for path in folder.rglob("*") if path.suffix.lower() in CONTAINERS]
    if len(found) != 1:
        raise Failed(f"{len(found)} results in {folder}, where one film is due")
    return probe(found[0])


# --- Colors


def to_rgb(frame, matrix):
    """R'G'B' (H, W, 3) from 0 to 1, clipped, of limited-range Y'CbCr (ITU-R BT.601, 709, 2020)."""
    _, red, blue = MATRICES[matrix]
    y, cb, cr = frame.astype(np.float32) / 256
    y, cb, cr = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.stack([r, g, b], -1).clip(0, 1)


def colorfulness(rgb):
    r, g, b = np.moveaxis(rgb.astype(np.float32), -1, 0)
    rg, yb = r - g, (r + g) / 2 - b
    return np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())


def histograms(rgb):
    return np.stack([np.bincount(channel.ravel(), minlength=256) / channel.size
                     for channel in np.moveaxis(rgb, -1, 0)])


def divergence(p, q):
    """Jensen-Shannon divergence in nats, of histograms of one sum along the last axis."""
    middle = np.maximum((p + q) / 2, 1e-12)
    return sum(np.where(h > 0, h * np.log(np.maximum(h, 1e-12) / middle), 0).sum(-1)
               for h in (p, q)) / 2


# --- Motion


class Motion:
    """Where pixels of a frame come from in the frame before: dense flow of luma, both ways."""

    FLOW = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __init__(self, before, luma):
        height, width = luma.shape
        back, forth = self.FLOW.calc(luma, before, None), self.FLOW.calc(before, luma, None)
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        self.x, self.y = columns + back[..., 0], rows + back[..., 1]
        there = (self.x >= 0) & (self.y >= 0) & (self.x <= width - 1) & (self.y <= height - 1)
        apart = back + self.warp(forth)
        self.consistent = there & (np.hypot(apart[..., 0], apart[..., 1]) < CONSISTENT)
        self.cut = self.consistent.mean() < 0.3 and self.likeness(before, luma) < 0.57

    def warp(self, picture):
        return cv2.remap(picture, self.x, self.y, cv2.INTER_LINEAR)

    def likeness(self, before, luma):
        """Correlation of the structure of both frames after motion: a flash or a fade keeps it.

        In 22 clips with 64 cuts, flow agrees with itself over a cut at less than 0.15 of the pixels
        and likeness is below 0.52; elsewhere, where flow agrees at less than 0.3 (flashes, fades),
        likeness is above 0.62.
        """
        one, other = (cv2.GaussianBlur(picture, (0, 0), 1) - cv2.GaussianBlur(picture, (0, 0), 8)
                      for picture in (self.warp(before).astype(np.float32), luma.astype(np.float32)))
        return (one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum() + 1)


# --- Measuring


class Tally:
    """What is known of a version up to a frame."""

    def __init__(self):
        self.psnr, self.colorful, self.histograms = [], [], []
        self.lab, self.squares, self.pixels = None, 0.0, 0

    def add(self, rgb, true_bytes, motion, mask):
        """`mask`: pixels whose chroma is compared with the frame before; None over a cut."""
        shown = np.rint(rgb * 255).astype(np.uint8)
        error = np.square(shown.astype(np.float32) - true_bytes).mean()
        self.psnr.append(min(10 * np.log10(255**2 / max(error, 1e-9)), MOST_PSNR))
        self.colorful.append(colorfulness(shown))
        self.histograms.append(histograms(shown))
        lab, before = cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab), self.lab
        self.lab = lab
        if mask is not None:
            difference = (motion.warp(before) - lab)[..., 1:][mask]
            self.squares += float(np.square(difference, dtype=np.float64).sum()) / 2
            self.pixels += int(mask.sum())

    def consistency(self, cuts):
        """CDC; without pairs of frames with one of the `cuts` between them."""
        frames, values = np.stack(self.histograms), []
        for distance in DISTANCES:
            pairs = divergence(frames[:-distance], frames[distance:]).mean(-1)
            within = [not any(first < cut <= first + distance for cut in cuts)
                      for first in range(len(pairs))]
            if any(within):
                values.append(pairs[within].mean())
        return float(np.mean(values)) if values else np.nan

    def measures(self, cuts):
        warp = self.squares / self.pixels if self.pixels else np.nan
        return Measures(float(np.mean(self.psnr)), float(np.mean(self.colorful)),
                        self.consistency([]), self.consistency(cuts), warp)


def versions(true, frames, held, limit):
    """All versions of each frame, in the order of VERSIONS; and whether ours keeps the luma."""
    streams = [decoded(true, true, limit)]
    # One more than there should be, so that it is noticed.
    streams += [decoded(video, true, limit + 1) for video in (frames, held)]
    mean = None
    while True:
        clip, alone, ours = (next(stream, None) for stream in streams)
        if any(frame is None for frame in (clip, alone, ours)):
            if not clip is alone is ours:
                raise Failed("the versions have different numbers of frames")
            return
        chroma = alone[1:].astype(np.float32)
        mean = chroma if mean is None else INERTIA * mean + (1 - INERTIA) * chroma
        gray = np.stack([clip[0], *np.full_like(clip[1:], 128 << 8)])
        # As the program would write it, in 8 bits.
        smooth = np.stack([alone[0], *(np.rint(mean / 256) * 256).clip(0, 65280).astype(np.uint16)])
        yield (clip, gray, alone, smooth, ours), bool((ours[0] == clip[0]).all())


def measure(true, frames, held, limit, sheet):
    """The measures of a clip, and the pictures for `sheet` if there is one."""
    tallies = [Tally() for _ in VERSIONS]
    cuts, before, lit, compared, altered, total = [], None, None, [], 0, 0
    for total, (pictures, kept) in enumerate(versions(true, frames, held, limit), 1):
        rgb = [to_rgb(picture, true.matrix) for picture in pictures]
        luma = (pictures[0][0] >> 8).astype(np.uint8)
        lightness = cv2.cvtColor(rgb[0], cv2.COLOR_RGB2Lab)[..., 0]
        motion = mask = None
        if before is not None:
            motion = Motion(before, luma)
            if motion.cut:
                cuts.append(total - 1)
            else:
                mask = motion.consistent & (np.abs(motion.warp(lit) - lightness) < LIT_ALIKE)
                compared.append(mask.mean())
        true_bytes = np.rint(rgb[0] * 255)
        for tally, picture in zip(tallies, rgb):
            tally.add(picture, true_bytes, motion, mask)
        if sheet:
            sheet.add([rgb[0], rgb[2], rgb[4]])
        before, lit, altered = luma, lightness, altered + (not kept)
    if total <= max(DISTANCES):
        raise Failed(f"{total} frames are too few")
    notes = [f"its luma is not the clip's in {altered} frames"] if altered else []
    notes += [f"{which} has no tag for its matrix, taken for {video.matrix}"
              for which, video in (("the clip", true), ("ours", held)) if video.untagged]
    found = {name: tally.measures(cuts) for name, tally in zip(VERSIONS, tallies)}
    return found, cuts, total, float(np.mean(compared)) if compared else 0.0, notes


class Sheet:
    """Every tenth frame of true, frame by frame and ours, and two frames on each side of cuts."""

    WIDTH, GAP, LINE, ACROSS = 240, 6, 14, 8
    ROWS = ("true", "frame by frame", "ours")

    def __init__(self):
        self.frames = []

    def add(self, pictures):
        small = []
        for picture in pictures:
            image = Image.fromarray(np.rint(picture * 255).astype(np.uint8))
            height = max(image.height * self.WIDTH // image.width, 1)
            small.append(image.resize((self.WIDTH, height), Image.Resampling.LANCZOS))
        self.frames.append(small)

    def save(self, path, cuts):
        count = len(self.frames)
        tenths = [(time, f"{time}") for time in range(0, count, 10)]
        around = [(time, f"{time}, {'before' if time < cut else 'after'} the cut")
                  for cut in cuts for time in range(cut - 2, cut + 2)]
        bands = [columns[i:i + self.ACROSS] for columns in (tenths, around)
                 for i in range(0, len(columns), self.ACROSS)]
        height = self.frames[0][0].height
        band_height = len(self.ROWS) * height + self.LINE + self.GAP
        width = max(map(len, bands)) * (self.WIDTH + self.GAP) + self.GAP
        image = Image.new("RGB", (width, band_height * len(bands)), "white")
        draw = ImageDraw.Draw(image)
        for band, columns in enumerate(bands):
            top = band * band_height + self.LINE
            for column, (time, label) in enumerate(columns):
                if not 0 <= time < count:
                    continue
                left = self.GAP + column * (self.WIDTH + self.GAP)
                rows = f"   {', '.join(self.ROWS)}" if column == 0 else ""
                draw.text((left, top - self.LINE), label + rows, "black")
                for row in range(len(self.ROWS)):
                    image.paste(self.frames[time][row], (left, top + row * height))
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)


# --- Report


def number(value, digits, factor=1):
    return f"{value * factor:.{digits}f}" if np.isfinite(value) else "–"


def average(clips, name, field):
    values = [getattr(clip.measures[name], field) for clip in clips]
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else np.nan


def print_table(title, clips, field, digits, factor=1):
    print(f"\n{title}\n\n| clip | {' | '.join(VERSIONS)} |\n|---|{'---:|' * len(VERSIONS)}")
    for clip in clips:
        values = [number(getattr(clip.measures[name], field), digits, factor) for name in VERSIONS]
        print(f"| {clip.name} | {' | '.join(values)} |")
    means = [number(average(clips, name, field), digits, factor) for name in VERSIONS]
    print(f"| **mean** | {' | '.join(means)} |")


def ratio(above, below):
    return above / below if below > 0 else np.nan


def excess(clips, name, field):
    """Sum over clips of how much a version's CDC is above the true clip's."""
    return float(np.nansum([getattr(clip.measures[name], field)
                            - getattr(clip.measures["true"], field) for clip in clips]))


def print_bar(clips):
    """How a version stands to frame by frame, with the least or the most that it has to reach."""
    def over(name, total, field):
        return ratio(total(clips, name, field), total(clips, "frame by frame", field))

    def more(name):
        return average(clips, name, "psnr") - average(clips, "frame by frame", "psnr")

    rows = [
        ("CDC above the true clip's, ratio", "at most", 0.5, lambda name: over(name, excess, "cdc")),
        ("the same without pairs across cuts", "no bar", None,
         lambda name: over(name, excess, "cdc_in_shots")),
        ("chroma warp error, ratio of means", "at most", 0.4,
         lambda name: over(name, average, "warp")),
        ("PSNR, difference in dB", "at least", -0.1, more),
        ("colorfulness, ratio of means", "at least", 0.95,
         lambda name: over(name, average, "colorfulness")),
    ]
    print("\nOver frame by frame:\n\n| | bar | ours | | running mean | running mean is worse |\n"
          "|---|---|---:|---|---:|---|")
    worse_somewhere = False
    for what, side, bar, value in rows:
        ours, mean = value("ours"), value("running mean")
        worse = mean < ours if side == "at least" else mean > ours
        worse_somewhere |= worse and bar is not None
        limit, verdict = side, ""
        if bar is not None:
            reached = ours >= bar if side == "at least" else ours <= bar
            verdict = "undefined" if np.isnan(ours) else "met" if reached else "MISSED"
            limit = f"{side} {bar}"
        print(f"| {what} | {limit} | {number(ours, 3)} | {verdict} | {number(mean, 3)} "
              f"| {'yes' if worse else 'no'} |")
    where = "worse than ours in one at least" if worse_somewhere else "nowhere worse than ours"
    print(f"\nThe running mean is {where}.")


def report(clips, failures):
    if clips:
        print_table("PSNR, dB", clips, "psnr", 2)
        print_table("Colorfulness", clips, "colorfulness", 1)
        print_table("CDC x 1000", clips, "cdc", 2, 1000)
        print_table("Chroma warp error", clips, "warp", 3)
        print("\n| clip | frames | share of pixels in the warp error | cuts before frames |\n"
              "|---|---:|---:|---|")
        for clip in clips:
            cuts = ", ".join(map(str, clip.cuts))
            print(f"| {clip.name} | {clip.frames} | {clip.compared:.2f} | {cuts} |")
        print_bar(clips)
    for clip in clips:
        for note in clip.notes:
            print(f"\n{clip.name}: {note}")
    for name, reason in failures:
        print(f"\nFAILED {name}: {reason}")


def work(path, arguments, options):
    true, output = probe(path), Path(arguments.out_dir)
    gray = output / "gray" / f"{path.stem}.mkv"
    without_color(true, gray, arguments.frames)
    own = options
    if arguments.guide:
        picture = output / "guides" / f"{path.stem}.png"
        own = [*options, *guide(arguments.guide, true, picture, arguments.frames)]
    held = colored(arguments.program, own, gray, output / "held" / path.stem)
    frames = colored(arguments.program, [*options, "--steadiness", "0"], gray,
                     output / "frames" / path.stem)
    sheet = Sheet() if arguments.sheets else None
    found, cuts, total, compared, notes = measure(true, frames, held, arguments.frames, sheet)
    if sheet:
        sheet.save(Path(arguments.sheets) / f"{path.stem}.png", cuts)
    return Clip(path.stem, found, cuts, total, compared, notes)


def main():
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(prog="scripts/film-measure")
    parser.add_argument("clips_dir")
    parser.add_argument("out_dir")
    parser.add_argument("program")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--sheets")
    parser.add_argument("--guide", choices=("reference", "keyframe"))
    arguments = parser.parse_args(words[:split])
    paths = sorted(path for path in Path(arguments.clips_dir).iterdir()
                   if path.suffix.lower() in CONTAINERS)
    if not paths:
        sys.exit(f"{arguments.clips_dir}: no clips")
    if not shutil.which(arguments.program):
        sys.exit(f"{arguments.program}: no such program")
    clips, failures = [], []
    for path in paths:
        try:
            clips.append(work(path, arguments, words[split + 1:]))
            print(f"{path.name}: done", file=sys.stderr)
        except (Failed, OSError, cv2.error) as error:
            failures.append((path.name, error))
            print(f"{path.name}: FAILED: {error}", file=sys.stderr)
    report(clips, failures)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
