"""Measures packages of Python that do the same work as ours, on one core.

`peers.py BENCH` prints one JSON object a line: {"of": ID, "by": WHO, "unit": UNIT, "value": FIGURE}, the reference of
the rows called ID. Times are of one core's processor, the median of some rounds.
"""

import json
import os
import statistics
import sys
import time

import phe
from heu import phe as heu

PHE = "phe 1.5.0 with gmpy2"
HEU = "HEU 0.5.2b0"
ROUNDS = 5


def seconds(work, count):
    """Of one core for one of the `count` pieces that `work` does."""
    work()
    times = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        work()
        times.append((time.thread_time() - begun) / count)
    return statistics.median(times)


def figure(of, by, unit, value):
    print(json.dumps({"of": of, "by": by, "unit": unit, "value": value}), flush=True)


class Phe:
    """The package most analysts use."""

    def __init__(self, bits):
        self.public, self.secret = phe.generate_paillier_keypair(n_length=bits)

    def encrypt(self, numbers):
        return [self.public.encrypt(number) for number in numbers]

    def decrypt(self, ciphertexts):
        return [self.secret.decrypt(ciphertext) for ciphertext in ciphertexts]


def phe_operations(bits):
    keys, numbers = Phe(bits), list(range(1, 17))
    ciphertexts = keys.encrypt(numbers)
    assert keys.decrypt(ciphertexts) == numbers
    # Plain numbers of one exponent: what the package does for floats comes on top.
    many = ciphertexts * 16
    encrypt = seconds(lambda: keys.encrypt(numbers), 16) * 1e6
    for name in ("encrypt-public", "encrypt-public-half", "encrypt-textbook", "encrypt-slot"):
        figure(f"paillier.{name}.{bits}", PHE, "µs", encrypt)
    names = {
        "decrypt": (lambda: keys.decrypt(ciphertexts), 16),
        "add": (lambda: [one + other for one, other in zip(many, many[1:])], len(many) - 1),
        "scalar": (lambda: [one * (2**31 + 7) for one in ciphertexts], 16),
    }
    for name, (work, count) in names.items():
        figure(f"paillier.{name}.{bits}", PHE, "µs", seconds(work, count) * 1e6)


def heu_operations(bits):
    kit = heu.setup(heu.SchemaType.ZPaillier, bits)
    encryptor, decryptor, evaluator = kit.encryptor(), kit.decryptor(), kit.evaluator()
    numbers = list(range(1, 33))
    ciphertexts = [encryptor.encrypt_raw(number) for number in numbers]
    assert [decryptor.decrypt_raw(ciphertext) for ciphertext in ciphertexts] == numbers
    many = ciphertexts * 8
    scalar = 2**31 + 7
    encrypt = seconds(lambda: [encryptor.encrypt_raw(number) for number in numbers], 32) * 1e6
    for name in ("encrypt-public", "encrypt-public-half"):
        figure(f"paillier.{name}.{bits}", HEU, "µs", encrypt)
    names = {
        "decrypt": (lambda: [decryptor.decrypt_raw(ciphertext) for ciphertext in ciphertexts], 32),
        "add": (lambda: [evaluator.add(one, other) for one, other in zip(many, many[1:])], len(many) - 1),
        "scalar": (lambda: [evaluator.mul(one, scalar) for one in ciphertexts], 32),
    }
    for name, (work, count) in names.items():
        figure(f"paillier.{name}.{bits}", HEU, "µs", seconds(work, count) * 1e6)


def paillier():
    for bits in (2048, 3072):
        phe_operations(bits)
        heu_operations(bits)


def tables():
    """A table cell by cell, as whoever has phe does it. Large tables are multiplied up from a part."""
    keys, numbers = Phe(2048), list(range(1, 17))
    ciphertexts = keys.encrypt(numbers)
    encrypt = seconds(lambda: keys.encrypt(numbers), 16)
    decrypt = seconds(lambda: keys.decrypt(ciphertexts), 16)
    many = ciphertexts * 16
    add = seconds(lambda: [one + other for one, other in zip(many, many[1:])], len(many) - 1)
    figure("tables.cell.encrypt", PHE, "µs", encrypt * 1e6)
    figure("tables.cell.decrypt", PHE, "µs", decrypt * 1e6)
    same = [decrypted == number for decrypted, number in zip(keys.decrypt(ciphertexts), numbers)]
    figure("tables.cell.accuracy", PHE, "share", sum(same) / len(same))
    cells = 5734 * 325
    figure("tables.moments.seal", f"{PHE}, multiplied up from 16 cells", "s", encrypt * cells)
    figure("tables.moments.sum", f"{PHE}, multiplied up from 255 additions", "ms", add * cells * 1e3)
    figure("tables.million.sum", f"{PHE}, multiplied up from 255 additions", "M/s", 1e-6 / add)


if __name__ == "__main__":
    # Threads of a package's own would be two cores' work.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    {"paillier": paillier, "tables": tables}[sys.argv[1]]()
