"""Measures SPU (SEMI2K, two parties in one process) on the networks of `cargo xtask bench infer`.

Prints one JSON object a line: {"of": ID, "by": WHO, "unit": UNIT, "value": FIGURE}. Times are wall clock of a run on two
cores, compiled beforehand, the median of some; the sharing of picture and weights is part of
it. Batch 1, random weights: what is computed does not depend on them.
"""

import json
import statistics
import time

import jax.numpy as jnp
import numpy as np
import spu
from jax import lax
from spu.utils import simulation

SPU = "spu 0.9.5, SEMI2K, 64 bits"
RUNS = 3


def figure(of, unit, value):
    print(json.dumps({"of": of, "by": SPU, "unit": unit, "value": value}), flush=True)


def weights(random, *shape):
    scale = 1 / np.sqrt(np.prod(shape[1:]) if len(shape) > 2 else shape[0])
    return (random.standard_normal(shape) * scale).astype(np.float32)


def perceptron(sizes):
    def make(random):
        layers = [weights(random, a, b) for a, b in zip(sizes, sizes[1:])]
        return random.standard_normal((1, sizes[0])).astype(np.float32), layers

    def run(x, layers):
        for layer in layers[:-1]:
            x = jnp.maximum(x @ layer, 0)
        return x @ layers[-1]

    return make, run


def convolved(x, filters):
    return lax.conv_general_dilated(x, filters, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))


def pooled(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def lenet():
    def make(random):
        layers = [weights(random, 6, 1, 5, 5), weights(random, 16, 6, 5, 5)]
        layers += [weights(random, 400, 120), weights(random, 120, 84), weights(random, 84, 10)]
        return random.standard_normal((1, 1, 28, 28)).astype(np.float32), layers

    def run(x, layers):
        x = pooled(jnp.maximum(convolved(x, layers[0]), 0))
        valid = lax.conv_general_dilated(
            x, layers[1], (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW")
        )
        x = pooled(jnp.maximum(valid, 0)).reshape(1, -1)
        x = jnp.maximum(x @ layers[2], 0)
        return jnp.maximum(x @ layers[3], 0) @ layers[4]

    return make, run


def averaged(x):
    return lax.reduce_window(x, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4


def cifar():
    channels = [(3, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128), (128, 128), (128, 128), (128, 128)]
    averaged_after = {1, 3, 6, 8}

    def make(random):
        layers = [weights(random, to, of, 3, 3) for of, to in channels]
        layers += [weights(random, 512, 1024), weights(random, 1024, 10)]
        return random.standard_normal((1, 3, 32, 32)).astype(np.float32), layers

    def run(x, layers):
        for place in range(len(channels)):
            x = jnp.maximum(convolved(x, layers[place]), 0)
            x = averaged(x) if place in averaged_after else x
        x = jnp.maximum(x.reshape(1, -1) @ layers[-2], 0)
        return x @ layers[-1]

    return make, run


def milliseconds(make, run):
    config = spu.RuntimeConfig(protocol=spu.ProtocolKind.SEMI2K, field=spu.FieldType.FM64)
    simulator = simulation.Simulator(2, config)
    secure = simulation.sim_jax(simulator, run)
    picture, layers = make(np.random.default_rng(1))
    expected = np.asarray(run(picture, layers))
    times = []
    for _ in range(RUNS + 1):
        begun = time.perf_counter()
        found = secure(picture, layers)
        times.append((time.perf_counter() - begun) * 1e3)
    assert np.abs(found - expected).max() < 0.01, "another result than in the clear"
    return statistics.median(times[1:])


NETWORKS = {
    "infer.mlp": perceptron([784, 128, 128, 10]),
    "infer.lenet": lenet(),
    "infer.cifar": cifar(),
    "infer.fmri": perceptron([109_350, 200, 200, 200, 58]),
}


if __name__ == "__main__":
    for name, (make, run) in NETWORKS.items():
        figure(f"{name}.online", "ms", milliseconds(make, run))
