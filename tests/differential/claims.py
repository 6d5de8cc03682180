"""Signed claims, right and wrong, with the verdict of joserfc at one time: one JSON document on standard output."""

import json
import random
import sys

from joserfc import jwt
from joserfc.jwk import OctKey

RANDOM = random.Random(20260102)
NOW = 1_800_000_000
KEY = OctKey.generate_key(256, {"kid": "oct"})
REGISTRY = jwt.JWTClaimsRegistry(
    now=NOW,
    leeway=60,
    iss={"essential": True, "value": "https://issuer.example"},
    aud={"essential": True, "values": ["orders", "billing"]},
    exp={"essential": True},
)
GOOD = {"iss": "https://issuer.example", "aud": "orders", "sub": "a", "exp": NOW + 600}

MISSING = object()
DISTANCES = [-10**10, -3600, -61, -60.5, -60, -59.5, -59, -1, 0, 1, 59, 59.5, 60, 60.5, 61, 3600, 10**10]
TIMES = {f"{distance:+}": NOW + distance for distance in DISTANCES} | {
    "missing": MISSING,
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "negative": -1,
    "text": str(NOW + 600),
    "list": [NOW + 600],
    "object": {"at": NOW + 600},
    "beyond a double's integers": 2**60,
}
TEXTS = {"missing": MISSING, "null": None, "number": 1, "empty": "", "object": {}, "true": True}
VALUES = {
    "exp": TIMES,
    "nbf": TIMES,
    "iat": TIMES,
    "iss": TEXTS
    | {
        "slash": "https://issuer.example/",
        "case": "https://Issuer.example",
        "space": "https://issuer.example ",
        "other": "https://other.example",
        "list": ["https://issuer.example"],
    },
    "aud": TEXTS
    | {
        "second": "billing",
        "case": "Orders",
        "part": "order",
        "other": "shop",
        "one of many": ["shop", "billing"],
        "none of many": ["shop", "order"],
        "no entries": [],
        "nested": [["orders"]],
        "mixed": ["orders", 1],
        "joined": "orders billing",
    },
    "sub": {"missing": MISSING, "null": None, "number": 1, "list": ["a"], "empty": "", "other": "b"},
}


def claims(changes):
    """Good claims, changed."""
    changed = GOOD | {name: VALUES[name][what] for name, what in changes}
    return {name: value for name, value in changed.items() if value is not MISSING}


def verdict(payload):
    """Whether joserfc accepts the claims."""
    try:
        REGISTRY.validate(payload)
        return True
    except Exception:  # whatever it says, it does not accept them
        return False


def case(changes):
    """The names of the changes, the token, and the verdict."""
    payload = claims(changes)
    token = jwt.encode({"alg": "HS256", "kid": "oct"}, payload, KEY)
    return [[f"{name}: {what}" for name, what in changes], token, verdict(payload)]


def main(count):
    singles = [[(name, what)] for name, values in VALUES.items() for what in values]
    several = []
    for _ in range(count):
        names = RANDOM.sample(list(VALUES), RANDOM.randrange(2, 5))
        several.append([(name, RANDOM.choice(list(VALUES[name]))) for name in names])
    cases = [case(changes) for changes in [[], *singles, *several]]
    json.dump({"jwks": {"keys": [KEY.as_dict(private=True)]}, "now": NOW, "cases": cases}, sys.stdout)


main(int(sys.argv[1]))
