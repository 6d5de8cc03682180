"""Writes `tokens.json`: one token of each algorithm with its key, signed by joserfc, for the tests to verify.

    target/venv/bin/python tests/vectors/tokens.py > tests/vectors/tokens.json

The private halves are thrown away: each run makes other keys.
"""

import json

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

CLAIMS = {"iss": "https://issuer", "aud": "orders", "sub": "alice", "groups": ["admin"], "exp": 4102444800}
RSA = RSAKey.generate_key(2048)
KEYS = {
    "RS256": RSA, "RS384": RSA, "RS512": RSA, "PS256": RSA, "PS384": RSA, "PS512": RSA,
    "ES256": ECKey.generate_key("P-256"),
    "ES384": ECKey.generate_key("P-384"),
    "ES512": ECKey.generate_key("P-521"),
    "ES256K": ECKey.generate_key("secp256k1"),
    "EdDSA": OKPKey.generate_key("Ed25519"),
    "HS256": OctKey.generate_key(256), "HS384": OctKey.generate_key(384), "HS512": OctKey.generate_key(512),
}


def vector(alg, key):
    kid = key.thumbprint()
    token = jws.serialize_compact({"alg": alg, "kid": kid}, json.dumps(CLAIMS), key, algorithms=[alg])
    jwk = key.as_dict(private=alg.startswith("HS"))
    jwk["kid"] = kid
    return {"alg": alg, "jwk": jwk, "token": token}


print(json.dumps([vector(alg, key) for alg, key in KEYS.items()], indent=1))
