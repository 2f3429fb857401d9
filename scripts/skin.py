"""Hue and chroma of skin, original and colorized, for `scripts/skin`.

    python scripts/skin.py PROGRAM DIR TABLE [--split NAME]... [--weights NAME|FILE] [--sheet JPG]

Faces     OpenCV's frontal face cascade on the photograph enlarged to a short side of 512 pixels; of a
          face the inner half of its square, where there is neither hair nor ground.
Skin      In the ORIGINAL, pixels with Cb 77..127 and Cr 133..173 (Chai and Ngan, "Face segmentation
          using skin-color map", 1999, section III); a face counts if they are half of it at least.
          They are compared at the same places of the result.
Tone      Individual typology angle of the original's median, atan((L* - 50) / b*) (Chardon and others
          1991; classes of Del Bino and Bernerd 2013): light above 28 degrees, dark below 10, else tan.
          That is of the photograph, light and exposure included, not of the person.
Values    CIE Lab, D65. Of a face the median of a* and b*, and from it hue and chroma; of a group
          mean and standard deviation over faces, of hue those of directions (Mardia 1972);
          `median dE` is the median over faces of the distance of their (a*, b*).
"""

import argparse
import csv
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

SIDE = 512
LEAST_FACE = 64  # of the enlarged photograph
GROUPS = ["light", "tan", "dark"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--split", action="append")
    parser.add_argument("--weights", default="vivid")
    parser.add_argument("--sheet", type=Path)
    return parser.parse_args()


def photographs(folder, table, splits):
    with open(table, newline="") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            if not splits or row["split"] in splits:
                yield folder / row["file"]


def enlarged(path):
    """The photograph as float Lab and its luma and chroma of 8 bits, at a short side of SIDE."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path}: cannot be read")
    scale = SIDE / min(image.shape[:2])
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
    return image, lab


def faces(image, cascade):
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    found = cascade.detectMultiScale(gray, 1.1, 6, minSize=(LEAST_FACE, LEAST_FACE))
    for x, y, width, height in found:
        yield slice(y + height // 4, y + 3 * height // 4), slice(x + width // 4, x + 3 * width // 4)


def is_skin(image):
    _, cr, cb = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb))
    return (cb >= 77) & (cb <= 127) & (cr >= 133) & (cr <= 173)


def tone(lightness, b):
    angle = math.degrees(math.atan2(lightness - 50, b))
    return "light" if angle > 28 else "dark" if angle < 10 else "tan"


def colorized(program, weights, paths, folder):
    """The results by path; what is not a photograph that can be colored ends the measuring."""
    # Names of one folder: the same name in two would be one result.
    names = {f"{number:05}{path.suffix}": path for number, path in enumerate(paths)}
    scans = folder / "scans"
    scans.mkdir()
    for name, path in names.items():
        shutil.copyfile(path, scans / name)
    command = [program, "batch", scans, "--output", folder / "results", "--weights", weights,
               "--force", "--format", "png", "--json"]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    results = (json.loads(line) for line in lines.splitlines())
    return {names[Path(result["input"]).name]: result["output"] for result in results
            if "output" in result}


def measure(options, folder):
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    with_faces = {}
    for path in photographs(options.photographs, options.table, options.split):
        image, _ = enlarged(path)
        found = [face for face in faces(image, cascade) if is_skin(image[face]).mean() >= 0.5]
        if found:
            with_faces[path] = found
    results = colorized(options.program, options.weights, list(with_faces), folder)
    groups, pictures = {group: [] for group in GROUPS}, {group: [] for group in GROUPS}
    for path, found in with_faces.items():
        image, lab = enlarged(path)
        ours, our_lab = enlarged(results[path])
        for face in found:
            skin = is_skin(image[face])
            lightness, *truth = np.median(lab[face][skin], axis=0)
            _, *got = np.median(our_lab[face][skin], axis=0)
            group = tone(lightness, truth[1])
            groups[group].append((truth, got))
            pictures[group].append((image[face], ours[face]))
    return groups, pictures


def hue_and_chroma(colors):
    a, b = np.array(colors).T
    chroma = np.hypot(a, b)
    direction = np.mean((a + 1j * b) / np.maximum(chroma, 1e-6))
    hue, spread = np.degrees([np.angle(direction), np.sqrt(-2 * np.log(abs(direction)))])
    return f"{hue:.0f} ± {spread:.0f} | {chroma.mean():.1f} ± {chroma.std():.1f}"


def table(groups):
    yield "| skin | faces | hue, original | chroma, original | hue, ours | chroma, ours | median dE |"
    yield "|---|---|---|---|---|---|---|"
    for group, found in groups.items():
        if found:
            truths, gots = zip(*found)
            apart = np.hypot(*(np.array(truths) - np.array(gots)).T)
            yield (f"| {group} | {len(found)} | {hue_and_chroma(truths)} | {hue_and_chroma(gots)} "
                   f"| {np.median(apart):.1f} |")


def sheet(pictures):
    """Sixteen faces of each group, original above result."""
    def strip(faces):
        step = max(1, len(faces) // 16)
        pairs = [np.vstack([cv2.resize(side, (96, 96)) for side in pair]) for pair in faces[::step][:16]]
        pairs += [np.full((192, 96, 3), 255, np.uint8)] * (16 - len(pairs))
        return np.hstack(pairs)
    return np.vstack([strip(faces) for faces in pictures.values() if faces])


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        groups, pictures = measure(options, Path(folder))
    if not any(groups.values()):
        sys.exit("no face with skin was found")
    print("\n".join(table(groups)))
    if options.sheet:
        cv2.imwrite(str(options.sheet), sheet(pictures))


main()
