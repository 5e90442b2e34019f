"""Makes the known answers of this folder with Python's integers, an implementation that shares nothing with ours.

    python3 make.py

The keys are for tests: their factors stand below. Safe primes of `openssl prime -generate -safe`.
"""

import hashlib
import pathlib

FOLDER = pathlib.Path(__file__).parent
PRIMES = {
    2048: (
        0xfa30925dcbb22b67fadc554e1a5e2d947f8fc830d9b4956b32582354e84e0f9d1c4a8a457b726e1e5504297d540e599844fbe572d5cd908bb9b0010ae5fa99e78bdf1f1984a70f903f4f1d459d97e2ec705f35fbbc999080f41093b0c1274da5f2b9a211bbb915968d78e1db53afb7545c85136ab1361e2e6f4cfd122d729e07,
        0xf5b52a8fd5daf67281fbd607dd6f362ff9f33bd7bf85895699a6fd0aa7aa46770fca32da0a771af25810008d11d136e7e7542eb95d6b710e4b5ecc6bd12d01de1212e33bb2c5860679c0603ad0e5ddfd03a955d311861e32035bf1322cc60981e9d2d2a922d22bdcf543c361ad44d725634e770f6d304b68bebba34d60a885e7,
    ),
    3072: (
        0xe5319bb18217440b057c5caa4d123ef5bea3103456ad2a1f723e758ae39d4799b75c456eb8fc27e95088f439d72b240c2454b616d34fada091989df315632b3acbc9830e56ae5e9d52537b23627dac0d1dd6fccae88e3c42dc31afd9256ccc15772aef44b5f48fc15881dde14ebd0cafde9f9feae762a1d089d357dc294b9859e9bf029af93ba2f77b24323c6b5a5a55ed490f1d25f5614c54f78c94ebd5a38456612790316b96ea0b995f84d67c682c2fe88c27e9845c95d6202742a169a1df,
        0xcfbd8fdb4e5a162374e108fca258c7905925cef1dde8793879f2738d7cfdda97937a28517c4a8b31212ebc45ebe77ae97c7dcab8942621593e07cadda617ffd84cae574ff4905c1d2891d002217eb9d4a735e1fdfe0ee48795661fee0b0179eee9617b29aad38bbbd4566244ca08143039f241c52a1ff8f5e3795901be0a4449650ef7ed09759fed67f035809c97d1a98b98fec3e4701df18380fe7347688743b4cceb09c1c7a8cc64a9f8f4c249604c1ae02a9a9d64ed83df916f55370ba957,
    ),
    4096: (
        0xda30de5d891137ffd3068a90ab6216cac7abe193b3d07bb50872bf787becf3734321adb270bf738ab58941fa0a08b885cd31862b010c4c7f54a6be9a27487842e404da15265ae27b486adbd8ae121214cc1848ec67948fac715000c79c17580de01bc1db96d2f180cebff110a0d705f7ad95d28d9d81a1c3609cdd96648bbf9c151d2f6bfc1ad9db606fb594edb36a96a5c1885623904a34897d9c70fa7f178906c6393421b43552113b36017f2b0a6d30475f99e1afb32c3f73de8f769fed15ddba2cab366be683f80a0ae9c44daff30ccb35a84b45318e077ca5d7d2f4c1c6c356115919c360d691b11afcaf91a750e767cc83bebff235f55068dc58760643,
        0xe2108345ce82ae749442a9fad3ab6e596394198f19a943b667a4786351a6f6b81f049f64c25f2a2aaa067cb94ac3705d3c3eb314cc4082593b0e93ca9d0f562890cd0cf656d51c2bc89e0aee9b2c27905a4f9ea206fc5e81c03285cd40ae6556e8295f5ccd0677e8fa1eb673e3cfc504cd37bef97ea3dd3182c73013b7245110eb9abe7a1c631f94c5deda6016d9edb54f9efd62676d676f93ddbb8a5b25e65e121bfc42d29dc397595c84c679a628c60a60f8987fdb19af14606c744049b52722e94170712ffc6b2c6f712d63204a0a936e2a35dc40cc43a6fce092a1939c960b3f9cd5e3d1a49a7ecc4c4e3c48e30add7b2754794012f457f1403333707017,
    ),
}


def number(name, below):
    """A number that looks random, the same on each run."""
    stream, count = b"", 0
    while len(stream) * 8 < below.bit_length() + 64:
        stream += hashlib.sha512(f"{name} {count}".encode()).digest()
        count += 1
    return int.from_bytes(stream, "big") % below


def cbor_bytes(data):
    head = bytes([0x58, len(data)]) if len(data) < 256 else b"\x59" + len(data).to_bytes(2, "big")
    return head + data


def array(*parts):
    return bytes([0x80 + len(parts) + 1, 1]) + b"".join(cbor_bytes(part) for part in parts)


def answers(bits, p, q):
    n, square, length = p * q, (p * q) ** 2, bits // 8
    assert n.bit_length() == bits
    x = number(f"x {bits}", n)
    h = n - x * x % n
    (FOLDER / f"secret-{bits}.cbor").write_bytes(
        array(p.to_bytes(length // 2, "big"), q.to_bytes(length // 2, "big"), h.to_bytes(length, "big"))
    )
    (FOLDER / f"public-{bits}.cbor").write_bytes(array(n.to_bytes(length, "big"), h.to_bytes(length, "big")))
    plaintexts = [0, 1, n - 1, n // 2, 2**64 - 1] + [number(f"m {bits} {i}", n) for i in range(6)]
    lines, ciphertexts = [], []
    for index, m in enumerate(plaintexts):
        if index % 2:
            mask = pow(number(f"r {bits} {index}", n), n, square)
        else:
            mask = pow(pow(h, n, square), number(f"a {bits} {index}", 2 ** (bits // 2)), square)
        c = (1 + m * n) * mask % square
        ciphertexts.append(c)
        lines += [f"plaintext {m:x}", f"ciphertext {c:x}"]
    product = 1
    for c in ciphertexts:
        product = product * c % square
    lines.append(f"sum {product:x}")
    for index, weight in enumerate([0, 1, -1, 7, -12345, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63) + 1, 2, 3]):
        lines += [f"weight {weight}", f"weighted {pow(ciphertexts[index], weight, square):x}"]
    (FOLDER / f"answers-{bits}.txt").write_text("\n".join(lines) + "\n")


for bits, (p, q) in PRIMES.items():
    answers(bits, p, q)
