"""Tokens, whole and damaged, with the verdict of joserfc: one JSON document on standard output."""

import base64
import hashlib
import hmac
import json
import random
import sys

from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

RANDOM = random.Random(20260101)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

KEYS = {
    "rsa": (RSAKey.generate_key(2048, {"kid": "rsa"}), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
    "p256": (ECKey.generate_key("P-256", {"kid": "p256"}), ["ES256"]),
    "p384": (ECKey.generate_key("P-384", {"kid": "p384"}), ["ES384"]),
    "p521": (ECKey.generate_key("P-521", {"kid": "p521"}), ["ES512"]),
    "k256": (ECKey.generate_key("secp256k1", {"kid": "k256"}), ["ES256K"]),
    "ed": (OKPKey.generate_key("Ed25519", {"kid": "ed"}), ["EdDSA"]),
    "oct": (OctKey.generate_key(512, {"kid": "oct"}), ["HS256", "HS384", "HS512"]),
}
ALL = [alg for _, algs in KEYS.values() for alg in algs]
SET = KeySet([key for key, _ in KEYS.values()])


def encode(value):
    if not isinstance(value, bytes):
        value = json.dumps(value).encode()
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verdict(token):
    """Whether joserfc verifies it, and its payload is a JSON object."""
    try:
        kid = json.loads(decode(token.split(".")[0])).get("kid")
        key = KEYS[kid][0] if kid in KEYS else SET
        payload = jws.deserialize_compact(token, key, algorithms=ALL).payload
        return isinstance(json.loads(payload), dict)
    except Exception:  # whatever it says, it does not verify
        return False


def damaged(token, other):
    """One damage, and its name."""
    header, payload, signature = token.split(".")
    parts = [header, payload, signature]
    at = RANDOM.randrange(3)
    part = parts[at]
    place = RANDOM.randrange(len(part))
    kind = RANDOM.choice(
        ["bit", "replace", "insert", "delete", "last", "padding", "swap", "cut", "double", "alg", "kid", "member", "part", "space"]
    )
    if kind == "bit":
        raw = bytearray(decode(part))
        raw[RANDOM.randrange(len(raw))] ^= 1 << RANDOM.randrange(8)
        parts[at] = encode(bytes(raw))
    elif kind == "replace":
        parts[at] = part[:place] + RANDOM.choice(ALPHABET) + part[place + 1 :]
    elif kind == "insert":
        parts[at] = part[:place] + RANDOM.choice(ALPHABET) + part[place:]
    elif kind == "delete":
        parts[at] = part[:place] + part[place + 1 :]
    elif kind == "last":
        # The bits of the last character that belong to no byte.
        parts[at] = part[:-1] + ALPHABET[ALPHABET.index(part[-1]) ^ 1]
    elif kind == "padding":
        parts[at] = part + "=" * RANDOM.randrange(1, 3)
    elif kind == "swap":
        parts[at] = other.split(".")[at]
    elif kind == "cut":
        parts[at] = part[:place]
    elif kind == "double":
        parts[at] = part + part
    elif kind == "alg":
        changed = json.loads(decode(header))
        changed["alg"] = RANDOM.choice(ALL + ["none", "None", "HS1", ""])
        parts[0] = encode(changed)
    elif kind == "kid":
        changed = json.loads(decode(header))
        changed["kid"] = RANDOM.choice(list(KEYS) + ["", "x"])
        parts[0] = encode(changed)
    elif kind == "member":
        changed = json.loads(decode(header))
        changed[RANDOM.choice(["x", "jku", "typ", "exp"])] = RANDOM.choice(["x", 1, None, [], {}])
        parts[0] = encode(changed)
    elif kind == "part":
        parts.insert(at, RANDOM.choice(["", part]))
    elif kind == "space":
        parts[at] = part[:place] + RANDOM.choice([" ", "\n", "\t", "+", "/"]) + part[place:]
    return kind, ".".join(parts)


# Headers and payloads that a signer would not write, behind a signature that holds.
HEADERS = {
    "plain": '{"alg":"HS256","kid":"oct"}',
    "spaces": ' { "alg" : "HS256" , "kid" : "oct" } ',
    "unknown member": '{"alg":"HS256","kid":"oct","x":[1,{"y":null}]}',
    "jku": '{"alg":"HS256","kid":"oct","jku":"https://evil.example/k"}',
    "no kid": '{"alg":"HS256"}',
    "crit": '{"alg":"HS256","kid":"oct","crit":["x"],"x":1}',
    "empty crit": '{"alg":"HS256","kid":"oct","crit":[]}',
    "b64": '{"alg":"HS256","kid":"oct","b64":false,"crit":["b64"]}',
    "zip": '{"alg":"HS256","kid":"oct","zip":"DEF"}',
    "enc": '{"alg":"HS256","kid":"oct","enc":"A128GCM"}',
    "twice": '{"alg":"HS256","alg":"HS256","kid":"oct"}',
    "escaped name": '{"\\u0061lg":"HS256","kid":"oct"}',
    "number kid": '{"alg":"HS256","kid":1}',
    "number typ": '{"alg":"HS256","kid":"oct","typ":1}',
    "array": '["HS256"]',
    "trailing": '{"alg":"HS256","kid":"oct"} x',
    "byte order mark": '\ufeff{"alg":"HS256","kid":"oct"}',
}
PAYLOADS = {
    "claims": '{"sub":"a"}',
    "empty": "{}",
    "array": "[]",
    "text": '"a"',
    "nothing": "",
    "null": "null",
    "twice": '{"sub":"a","sub":"b"}',
    "deep": '{"a":' + "[" * 200 + "]" * 200 + "}",
    "huge number": '{"n":1e999}',
    "NaN": '{"n":NaN}',
    "lone surrogate": '{"a":"\\ud800"}',
    "not UTF-8": b'{"a":"\xff"}',
    "NUL": '{"a":"\\u0000"}',
    "text exp": '{"exp":"1"}',
    "text sub": '{"sub":1}',
    "list iss": '{"iss":["a"]}',
    "number aud": '{"aud":1}',
}


def signed(header, payload):
    """An HS256 token over any bytes."""
    both = f"{encode(header.encode())}.{encode(payload if isinstance(payload, bytes) else payload.encode())}"
    tag = hmac.new(KEYS["oct"][0].raw_value, both.encode(), hashlib.sha256).digest()
    return f"{both}.{encode(tag)}"


def main(count):
    good = []
    for kid, (key, algorithms) in KEYS.items():
        for alg in algorithms:
            for _ in range(4):
                claims = {"sub": RANDOM.choice(["a", "ü", ""]), "n": RANDOM.random(), "l": [1, {"x": None}]}
                header = {"alg": alg, "kid": kid, "typ": "JWT"}
                good.append(jws.serialize_compact(header, json.dumps(claims), key, algorithms=ALL))
    cases = [["whole", token, verdict(token)] for token in good]
    for _ in range(count):
        kind, token = damaged(RANDOM.choice(good), RANDOM.choice(good))
        cases.append([kind, token, verdict(token)])
    for name, header in HEADERS.items():
        token = signed(header, PAYLOADS["claims"])
        cases.append([f"header: {name}", token, verdict(token)])
    for name, payload in PAYLOADS.items():
        token = signed(HEADERS["plain"], payload)
        cases.append([f"payload: {name}", token, verdict(token)])
    keys = [key.as_dict(private=key.key_type == "oct") for key, _ in KEYS.values()]
    json.dump({"jwks": {"keys": keys}, "cases": cases}, sys.stdout)


main(int(sys.argv[1]))
