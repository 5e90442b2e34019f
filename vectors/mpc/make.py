"""Writes the bundles of this folder from their definition, with integers and an AES of its own.

A program of three layers over k = 32, f = 12: four inputs times weights give three values; ReLU with faithful truncation by 12;
nearby truncation by 12. Run as `python3 vectors/mpc/make.py`.
"""

from pathlib import Path

K = 32
MODULUS = 1 << K
ID = bytes([0x11] * 16)
PERMUTATION = bytes(range(16))
SEEDS = [bytes(range(0xA0, 0xB0)), bytes(range(0xB0, 0xC0))]
SETUP = bytes(range(0xC0, 0xD0))
DIGEST = bytes(range(32))
MODEL_OWNER, DATA_OWNER = 0, 1
INPUTS, COUNT, SHIFT = 4, 3, 12


# AES-128 (FIPS 197).


def double(a):
    return ((a << 1) ^ 0x1B if a & 0x80 else a << 1) & 0xFF


def substitution():
    table, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= double(p)
        for shift in (1, 2, 4):
            q = (q ^ q << shift) & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        turned = [(q << n | q >> 8 - n) & 0xFF for n in range(5)]
        table[p] = turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63
        if p == 1:
            return table


BOX = substitution()


def schedule(key):
    words, constant = [list(key[i : i + 4]) for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        word = words[-1]
        if i % 4 == 0:
            word = [BOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = double(constant)
        words.append([a ^ b for a, b in zip(words[-4], word)])
    return [sum(words[i : i + 4], []) for i in range(0, 44, 4)]


def encrypt(keys, block):
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number, key in enumerate(keys[1:], 1):
        state = [BOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 10:
            columns = [state[i : i + 4] for i in range(0, 16, 4)]
            state = [
                double(c[i]) ^ double(c[(i + 1) % 4]) ^ c[(i + 1) % 4] ^ c[(i + 2) % 4] ^ c[(i + 3) % 4]
                for c in columns
                for i in range(4)
            ]
        state = [a ^ b for a, b in zip(state, key)]
    return bytes(state)


def aes(keys, number):
    return int.from_bytes(encrypt(keys, number.to_bytes(16, "little")), "little")


assert encrypt(schedule(bytes(range(16))), bytes(0x11 * i for i in range(16))).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


# Streams and the hash.


class Stream:
    def __init__(self, seed):
        self.keys = schedule(seed)

    def block(self, place, purpose, at):
        return aes(self.keys, purpose << 96 | place << 64 | at)

    def number(self, place, purpose, at, bits=K):
        return (self.block(place, purpose, at // 2) >> 64 * (at % 2)) % (1 << bits)

    def bit(self, place, purpose, at):
        return self.number(place, purpose, at // 64, 64) >> at % 64 & 1


STREAMS = [Stream(seed) for seed in SEEDS]
SETUP_ID = Stream(SETUP).block(2**32 - 1, 2**32 - 1, 0).to_bytes(16, "little")
HASH_KEYS = schedule(PERMUTATION)
HALF = (1 << 64) - 1


def sigma(x):
    high, low = x >> 64, x & HALF
    return (high ^ low) << 64 | high


def hashed(x):
    return aes(HASH_KEYS, sigma(x)) ^ sigma(x)


# Distributed point functions.


def words(place, purpose, at, bits, secret):
    """The correction words of one key, from the root to the leaf."""
    roots = [STREAMS[party].block(place, purpose, at) & ~1 | party for party in (0, 1)]
    difference, nodes, made = roots[0] ^ roots[1], roots, []
    tail = min(bits, 7)
    for level in range(bits - tail):
        right = secret >> (bits - 1 - level) & 1
        word = hashed(nodes[0]) ^ hashed(nodes[1]) ^ (0 if right else difference)
        made.append(word)
        nodes = [hashed(n) ^ (n if right else 0) ^ (word if n & 1 else 0) for n in nodes]
        assert nodes[0] ^ nodes[1] == difference
    made.append(hashed(nodes[0]) ^ hashed(nodes[1]) ^ 1 << secret % (1 << tail))
    return made


def tile(place, purpose, bits, secrets):
    """Keys level by level."""
    keys = [words(place, purpose, at, bits, secret) for at, secret in enumerate(secrets)]
    return b"".join(word.to_bytes(16, "little") for level in zip(*keys) for word in level)


# Layers.


def packed(values):
    return b"".join((value % MODULUS).to_bytes(4, "little") for value in values)


def shared(place, number, values):
    """The data owner's shares; the model owner's come from its stream."""
    return packed(v - STREAMS[MODEL_OWNER].number(place, 8 + number, at) for at, v in enumerate(values))


def masks(place):
    return [sum(stream.number(place, 0, at) for stream in STREAMS) % MODULUS for at in range(COUNT)]


def bit_masks(place, purpose):
    return [STREAMS[0].bit(place, purpose, at) ^ STREAMS[1].bit(place, purpose, at) for at in range(COUNT)]


def linear(place):
    """Rows of the weight mask times the input mask."""
    data_owner, setup = STREAMS[DATA_OWNER], Stream(SETUP)
    r = [data_owner.number(place, 0, at) for at in range(INPUTS)]
    products = [sum(setup.number(place, 0, row * INPUTS + i) * r[i] for i in range(INPUTS)) for row in range(COUNT)]
    return packed(p - data_owner.number(place, 1, at) for at, p in enumerate(products)), b""


def relu(place):
    r = masks(place)
    keys = tile(place, 2, K - 1, [x % (1 << K - 1) for x in r]) + tile(place, 4, SHIFT, [x % (1 << SHIFT) for x in r])
    tops = [x >> K - 1 for x in r]
    signs = [top ^ bit for top, bit in zip(tops, bit_masks(place, 3))]
    carries = bit_masks(place, 5)
    high = [x >> SHIFT for x in r]
    wrapped = [h - (top << K - SHIFT) for h, top in zip(high, tops)]
    times = lambda values: [s * v for s, v in zip(signs, values)]
    values = [signs, times(wrapped), times(high), wrapped, high, times(carries), carries]
    return keys, keys + b"".join(shared(place, number, column) for number, column in enumerate(values))


def truncate(place):
    r = masks(place)
    high = [x >> SHIFT for x in r]
    wrapped = [(x >> SHIFT) - (x >> K - 1 << K - SHIFT) for x in r]
    return b"", shared(place, 0, wrapped) + shared(place, 1, high)


def main():
    layers = [linear(0), relu(1), truncate(2)]
    for party, name in enumerate(["model-owner", "data-owner"]):
        body = b"".join(layer[party] for layer in layers)
        header = b"cowl-mpc\x01" + bytes([party]) + ID + PERMUTATION + SETUP_ID + DIGEST + len(body).to_bytes(8, "little")
        (Path(__file__).parent / f"{name}.bin").write_bytes(header + SEEDS[party] + body)


main()
