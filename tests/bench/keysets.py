"""Key sets as large as the filter takes, as one JSON object on standard output.

`rsa`: 256 RSA keys of 2048 bits. `other`: one of them and 255 keys of P-521 for an algorithm that signs nothing.
`p521`: 256 usable keys of P-521. `wide`: 180 RSA keys of hardly less than 8192 bits, 255 KB. The products of a few primes are cheap
to make, and keys all the same.
"""

import base64
import itertools
import json
import math

from cryptography.hazmat.primitives.asymmetric import ec, rsa

MANY = 256


def b64(number, size=None):
    return base64.urlsafe_b64encode(number.to_bytes(size or (number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def primes_of_1024_bits():
    primes = []
    for _ in range(12):
        numbers = rsa.generate_private_key(65537, 2048).private_numbers()
        primes += [numbers.p, numbers.q]
    return sorted(primes, reverse=True)


def rsa_keys(primes, factors, many, bits):
    moduli = (math.prod(chosen) for chosen in itertools.combinations(primes, factors))
    moduli = itertools.islice((modulus for modulus in moduli if modulus.bit_length() >= bits), many)
    return [{"kty": "RSA", "n": b64(n), "e": "AQAB", "kid": f"r{i}"} for i, n in enumerate(moduli)]


def p521_keys(**more):
    def key(number):
        point = ec.generate_private_key(ec.SECP521R1()).public_key().public_numbers()
        return {"kty": "EC", "crv": "P-521", "x": b64(point.x, 66), "y": b64(point.y, 66), "kid": f"e{number}", **more}

    return [key(number) for number in range(MANY)]


primes = primes_of_1024_bits()
rsa_set, wide = rsa_keys(primes, 2, MANY, 2048), rsa_keys(primes, 8, 180, 8186)
other = [*rsa_set[:1], *p521_keys(alg="ECDH-ES")[1:]]
print(json.dumps({"rsa": rsa_set, "other": other, "p521": p521_keys(), "wide": wide}))
