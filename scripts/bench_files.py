"""Times `polychromify batch` on whole files for `scripts/bench`, and prints Markdown tables.

    python scripts/bench_files.py POLYCHROMIFY CODEC [--quick]

CODEC is the example `codec`: decoding and encoding alone, by the same libraries. Results go to a
folder in memory where there is one (/dev/shm), so that disks are not measured; the ledger's and the
results' syncs are told apart. What is compared takes turns.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

PROGRAM, CODEC = sys.argv[1:3]
QUICK = "--quick" in sys.argv
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())


def photograph(path, width, height, mode="L", **options):
    """Something like a photograph: soft shapes of any size, and grain."""
    rng = np.random.default_rng(width)
    picture = np.zeros((height, width), np.float32)
    for cells in (4, 16, 64, 256):
        small = rng.random((max(cells * height // width, 1), cells), np.float32)
        large = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        picture += np.asarray(large) * (300 / cells**0.5)
    picture = (picture - picture.min()) / np.ptp(picture) * 235 + 10
    picture += rng.standard_normal(picture.shape, np.float32) * 3
    if mode == "I;16":
        wide = Image.fromarray((picture.clip(0, 255) * 257).astype(np.uint16))
        wide.save(path, **options)
        return
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).convert(mode).save(path, **options)


def run(command, **options):
    """Seconds, seconds of the processor and peak memory in MiB of a command."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    _, errors = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{command}: {errors.decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, busy, errors.decode()


def batch(inputs, output, *options, cores=None):
    shutil.rmtree(output, ignore_errors=True)
    pin = ["taskset", "-c", cores] if cores else []
    return run([*pin, PROGRAM, "batch", inputs, "--output", output, *options])


def peak(inputs, output, *options):
    """Peak memory of a run in MiB."""
    shutil.rmtree(output, ignore_errors=True)
    command = ["/usr/bin/time", "-f", "PEAK %M", PROGRAM, "batch", inputs, "--output", output]
    _, _, errors = run(command + list(options))
    return int(errors.rsplit("PEAK ", 1)[1]) / 1024


def median(values):
    return statistics.median(values)


def one_photograph(folder, peers):
    """Lines 3 and 5 of the bar."""
    scan, tiny, output = folder / "scan.jpg", folder / "tiny.jpg", folder / "out"
    photograph(scan, 4000, 3000, quality=92)
    photograph(tiny, 16, 16, quality=92)
    batch(scan, output)
    colored = folder / "colored.jpg"
    shutil.copy(output / "scan.jpg", colored)
    ours, codec, pipeline, fixed = [], [], [], []
    for _ in range(9 if QUICK else 25):
        ours.append(batch(scan, output)[0])
        fixed.append(batch(tiny, output)[0])
        answer = subprocess.run([CODEC, scan, colored, folder / "again.jpg"],
                                capture_output=True, check=True, text=True)
        codec.append(float(answer.stdout))
    for _ in range(3):
        peers.stdin.write(f"pipeline vivid {scan} {folder / 'piped.jpg'}\n")
        peers.stdin.flush()
        pipeline.append(float(peers.stdout.readline().split()[0]))
    # The fastest turns too: what else the machine does slows two cores down more often than one.
    print("| 12 megapixels, gray JPEG, end to end | seconds, median | fastest | over ours | fastest |")
    print("|---|---|---|---|---|")
    for name, seconds in (
            ("`polychromify batch`, the whole program", ours),
            ("decoding and encoding alone, the same libraries, one core", codec),
            ("Pillow, scikit-image and PyTorch with the same network, imports apart", pipeline),
            ("`polychromify batch` of 16 by 16 pixels: the fixed cost", fixed)):
        print(f"| {name} | {median(seconds):.3f} | {min(seconds):.3f} "
              f"| {median(seconds) / median(ours):.2f} | {min(seconds) / min(ours):.2f} |")
    print(f"| ours over the codec | | | {median(ours) / median(codec):.2f} "
          f"| {min(ours) / min(codec):.2f} |\n")


def collection(folder):
    """Line 4 of the bar."""
    scans, output = folder / "scans", folder / "out"
    scans.mkdir()
    photograph(scans / "0.jpg", 3000, 2000, quality=90)
    count = 16 if QUICK else 32
    for i in range(1, count):
        shutil.copy(scans / "0.jpg", scans / f"{i}.jpg")
    one, both, busy = [], [], []
    for _ in range(2 if QUICK else 3):
        one.append(batch(scans, output, cores="0")[0])
        seconds, processor, _ = batch(scans, output)
        both.append(seconds)
        busy.append(processor / seconds / os.cpu_count())
    one, both = median(one), median(both)
    print(f"| {count} JPEGs of 6 megapixels | |")
    print("|---|---|")
    print(f"| on {os.cpu_count()} cores over one (`taskset -c 0`) | {one / both:.2f} times the rate "
          f"({both / count:.3f} s a file for {one / count:.3f}) |")
    print(f"| cores busy | {100 * median(busy):.0f} % |")
    shutil.rmtree(scans)

    large = folder / "large"
    large.mkdir()
    photograph(large / "0.jpg", 6000, 4000, quality=90)
    for i in range(1, 6):
        shutil.copy(large / "0.jpg", large / f"{i}.jpg")
    peaks = [peak(large, output, "--jobs", str(jobs)) for jobs in (1, 3)]
    print(f"| memory of each further job, 24 megapixels | {(peaks[1] - peaks[0]) / 2:.0f} MiB "
          f"({peaks[0]:.0f} with one job) |")
    shutil.rmtree(large)

    wide = folder / "wide.tif"
    photograph(wide, 10000, 10000, "I;16")
    print(f"| peak memory, gray 16-bit TIFF of 100 megapixels | {peak(wide, output):.0f} MiB |")
    wide.unlink()

    small = folder / "small"
    small.mkdir()
    count = 1000 if QUICK else 5000
    photograph(small / "0000.jpg", 320, 240, quality=90)
    for i in range(1, count):
        shutil.copy(small / "0000.jpg", small / f"{i:04}.jpg")
    shutil.rmtree(output, ignore_errors=True)
    process = subprocess.Popen([PROGRAM, "batch", small, "--output", output, "--json"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    times = [time.perf_counter() for line in process.stdout if '"status"' in line]
    process.wait()
    rate = lambda part: (len(part) - 1) / (part[-1] - part[0])
    first, last = rate(times[10:10 + count // 5]), rate(times[-count // 5:])
    print(f"| files a second of {count} small ones, the last fifth over the first "
          f"| {last / first:.2f} ({first:.0f}, {last:.0f}) |")


def main():
    peers = subprocess.Popen([sys.executable, Path(__file__).with_name("peers.py")],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="polychromify-bench-") as folder:
        one_photograph(Path(folder), peers)
        peers.stdin.close()
        peers.wait()
        collection(Path(folder))


main()
