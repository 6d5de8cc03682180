"""Keys, and tokens that they sign: tokens.py FOLDER DISTINCT EVER_NEW.

Writes FOLDER/jwks.json (public keys, `kid` = algorithm) and FOLDER/tokens.json (tokens by name), FOLDER/distinct.txt
(so many tokens of different callers, one a line) and FOLDER/new.txt (so many more). All are good for a day.
"""

import base64
import json
import sys
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

ISSUER = "https://issuer.example"
AUDIENCE = "orders"
NOW = int(time.time())
CURVES = {"ES256": (ec.SECP256R1(), hashes.SHA256(), 32), "ES384": (ec.SECP384R1(), hashes.SHA384(), 48)}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    def __init__(self, kid, algorithm, bits=2048):
        self.kid, self.algorithm = kid, algorithm
        if algorithm in CURVES:
            self.private = ec.generate_private_key(CURVES[algorithm][0])
        elif algorithm == "EdDSA":
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            self.private = rsa.generate_private_key(65537, bits)
        self.header = b64(json.dumps({"alg": algorithm, "kid": kid, "typ": "JWT"}).encode())

    def jwk(self):
        public = self.private.public_key()
        if self.algorithm in CURVES:
            curve, _, size = CURVES[self.algorithm]
            name = {"secp256r1": "P-256", "secp384r1": "P-384"}[curve.name]
            point = public.public_numbers()
            kind = {"kty": "EC", "crv": name, "x": number(point.x, size), "y": number(point.y, size)}
        elif self.algorithm == "EdDSA":
            kind = {"kty": "OKP", "crv": "Ed25519", "x": b64(public.public_bytes_raw())}
        else:
            numbers = public.public_numbers()
            kind = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        return {**kind, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def signature(self, data):
        if self.algorithm in CURVES:
            _, digest, size = CURVES[self.algorithm]
            r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(digest)))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if self.algorithm == "EdDSA":
            return self.private.sign(data)
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return self.private.sign(data, pss if self.algorithm == "PS256" else padding.PKCS1v15(), hashes.SHA256())

    def sign(self, claims):
        data = f"{self.header}.{b64(json.dumps(claims).encode())}"
        return f"{data}.{b64(self.signature(data.encode()))}"


def claims(number=0, **other):
    """About the payload of an access token of Cognito or Keycloak: 700 bytes of token with RS256."""
    return {
        "iss": ISSUER, "aud": AUDIENCE, "sub": f"0d5a5a36-7f6c-4f0e-9b5d-{number:012d}",
        "iat": NOW - 60, "exp": NOW + 86400, "client_id": "1h57kf5cpq17m0eml12example",
        "scope": "orders.read orders.write", "groups": ["staff", "readers"],
        **other,
    }


def main(folder, distinct, ever_new):
    rs256 = Key("RS256", "RS256")
    keys = [rs256, Key("PS256", "PS256"), Key("ES256", "ES256"), Key("EdDSA", "EdDSA"), Key("ES384", "ES384"),
            Key("RS4096", "RS256", 4096)]
    tokens = {key.kid: key.sign(claims()) for key in keys}
    tokens["wrong-issuer"] = rs256.sign(claims(iss="https://other.example"))
    tokens["expired"] = rs256.sign(claims(iat=NOW - 7200, exp=NOW - 3600))
    tokens["forged"] = Key("RS256", "RS256").sign(claims())
    for size in (750, 1000, 2000, 4000, 8000, 16000):
        small = len(rs256.sign(claims(pad="")))
        tokens[f"size-{size}"] = rs256.sign(claims(pad="p" * max(0, (size - small) * 3 // 4)))
    others = [Key(f"other-{each}", "ES256") for each in range(255)]
    with open(f"{folder}/jwks.json", "w") as out:
        json.dump({"keys": [key.jwk() for key in keys + others]}, out)
    with open(f"{folder}/tokens.json", "w") as out:
        json.dump(tokens, out)
    eddsa = keys[3]
    for name, first, count in (("distinct", 1, distinct), ("new", distinct + 1, ever_new)):
        with open(f"{folder}/{name}.txt", "w") as out:
            for each in range(first, first + count):
                out.write(eddsa.sign(claims(each)) + "\n")


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
