"""Writes `moduli.json`: RSA keys of good and of bad moduli, each with a token that it has signed, for the tests to judge.

    python3 tests/vectors/moduli.py > tests/vectors/moduli.json

Primes are OpenSSL's. The private halves are thrown away: each run makes other keys.
"""

import base64
import hashlib
import json
import math
import subprocess

CLAIMS = {"iss": "https://issuer", "aud": "orders", "sub": "alice", "exp": 4102444800}
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


def prime(bits):
    made = subprocess.run(["openssl", "prime", "-generate", "-bits", str(bits)], check=True, capture_output=True)
    return int(made.stdout)


def is_prime(number):
    said = subprocess.run(["openssl", "prime", str(number)], check=True, capture_output=True)
    return b"is prime" in said.stdout


def next_prime(number):
    number += 1 + number % 2
    while any(number % small == 0 for small in (3, 5, 7, 11, 13)) or not is_prime(number):
        number += 2
    return number


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def encode_number(number):
    return encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def vector(name, factors, error=None, exponent=65537, number=0):
    """`factors` are primes with their powers; the number makes another message, where one has no signature."""
    modulus = math.prod(base**power for base, power in factors)
    order = math.lcm(*((base - 1) * base ** (power - 1) for base, power in factors))
    private = pow(exponent, -1, order)
    length = (modulus.bit_length() + 7) // 8
    header = {"alg": "RS256", "kid": name}
    signed = ".".join(encode(json.dumps(part).encode()) for part in (header, CLAIMS | {"jti": str(number)}))
    encoded = SHA256 + hashlib.sha256(signed.encode()).digest()
    padded = b"\0\1" + b"\xff" * (length - len(encoded) - 3) + b"\0" + encoded
    signature = pow(int.from_bytes(padded, "big"), private, modulus)
    if pow(signature, exponent, modulus) != int.from_bytes(padded, "big"):
        return vector(name, factors, error, exponent, number + 1)
    jwk = {"kty": "RSA", "kid": name, "n": encode_number(modulus), "e": encode_number(exponent)}
    return {
        "name": name,
        "error": error,
        "jwk": jwk,
        "token": f"{signed}.{encode(signature.to_bytes(length, 'big'))}",
    }


def product(*bits, exponent=65537):
    """Primes that leave the exponent an inverse."""
    def suitable(size):
        found = prime(size)
        return found if math.gcd(found - 1, exponent) == 1 else suitable(size)

    return [(suitable(size), 1) for size in bits]


SMALL = "the RSA modulus is a multiple of a small prime"
POWER = "the RSA modulus is a power of another number"
PRIME = "the RSA modulus is a prime"
CLOSE = "the RSA modulus is the product of two numbers that are close to each other (CVE-2022-26320)"
NEAR, ROOT = prime(1024), prime(1024)
VECTORS = [
    vector("two primes, 2048 bits", product(1024, 1024)),
    vector("two primes, 2049 bits", product(1025, 1024)),
    vector("two primes, 3072 bits", product(1536, 1536)),
    vector("two primes, 4096 bits", product(2048, 2048)),
    vector("two primes, 8192 bits", product(4096, 4096)),
    vector("four primes", product(512, 512, 512, 512)),
    vector("two primes of other sizes", product(1500, 600)),
    vector("the largest exponent", product(1024, 1024, exponent=2**33 - 1), exponent=2**33 - 1),
    vector("3^1293", [(3, 1293)], SMALL),
    vector("751 p", [(751, 1), (prime(2045), 1)], SMALL),
    vector("757 p", [(757, 1), (prime(2045), 1)], SMALL),
    vector("65521 p q", [(65521, 1), *product(1024, 1024)], SMALL),
    vector("65537 p", [(65537, 1), (prime(2040), 1)], SMALL, 17),
    vector("p^2", [(prime(1024), 2)], POWER),
    vector("p^2 q^2", [(prime(512), 2), (prime(512), 2)], POWER),
    vector("p^3", [(prime(683), 3)], POWER),
    vector("p^3, 4096 bits", [(prime(1366), 3)], POWER),
    vector("p^4", [(prime(513), 4)], POWER),
    vector("p^6 q^3", [(prime(232), 6), (prime(232), 3)], POWER),
    vector("p^31", [(prime(70), 31)], POWER),
    vector("p^127", [(next_prime(100003), 127)], POWER),
    vector("p, 2048 bits", [(prime(2048), 1)], PRIME),
    vector("p, 2050 bits", [(prime(2050), 1)], PRIME),
    vector("p, 3072 bits", [(prime(3072), 1)], PRIME),
    vector("p, 4096 bits", [(prime(4096), 1)], PRIME),
    vector("neighbours", [(NEAR, 1), (next_prime(NEAR), 1)], CLOSE),
    vector("close primes", [(ROOT, 1), (next_prime(ROOT + (1 << 514)), 1)], CLOSE),
]
print(json.dumps(VECTORS, indent=1))
