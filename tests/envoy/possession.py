"""What clients that have keys do, by independent libraries.

keys FOLDER              makes a key for each algorithm, and prints their thumbprints
proofs FOLDER JSON       prints a proof for each of a list of requests
certificates FOLDER      makes a server's certificate and two clients', and prints the SHA-256 of the clients'
get FOLDER CLIENT URL    requests URL with that client's certificate (none for "-") and headers from standard arguments
"""

import base64
import datetime
import hashlib
import http.client
import ipaddress
import json
import ssl
import sys
import time
import urllib.parse
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

ALGORITHMS = {"ES256": ECKey, "EdDSA": OKPKey, "PS256": RSAKey, "RS256": RSAKey}


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def keys(folder):
    made = {
        "ES256": ECKey.generate_key("P-256"),
        "EdDSA": OKPKey.generate_key("Ed25519"),
        "PS256": RSAKey.generate_key(2048),
        "RS256": RSAKey.generate_key(3072),
    }
    for name, key in made.items():
        (folder / f"{name}.json").write_text(json.dumps(key.as_dict(private=True)))
    return {name: key.thumbprint() for name, key in made.items()}


def proof(folder, algorithm, token, method, uri, id):
    key = ALGORITHMS[algorithm].import_key(json.loads((folder / f"{algorithm}.json").read_text()))
    public = {name: value for name, value in key.as_dict(private=False).items() if name != "kid"}
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": public}
    claims = {
        "jti": id,
        "htm": method,
        "htu": uri,
        "iat": int(time.time()),
        "ath": encode(hashlib.sha256(token.encode()).digest()),
    }
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=[algorithm])


def certificate(folder, name, issuer=None, address="127.0.0.1", days=1):
    """A certificate of this name, signed by its issuer or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=10))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
    )
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(made.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made, key


def certificates(folder):
    authority = certificate(folder, "ca")
    certificate(folder, "server", authority)
    certificate(folder, "other_name", authority, address="192.0.2.1")
    certificate(folder, "ended", authority, days=-1)
    certificate(folder, "stranger", certificate(folder, "other_ca"))
    clients = {name: certificate(folder, name, authority)[0] for name in ("own", "other")}
    der = serialization.Encoding.DER
    return {name: encode(hashlib.sha256(made.public_bytes(der)).digest()) for name, made in clients.items()}


def get(folder, client, url, *headers):
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    if client != "-":
        context.load_cert_chain(folder / f"{client}.pem", folder / f"{client}.key")
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=15)
    connection.request("GET", parts.path, headers=dict(header.split(": ", 1) for header in headers))
    answer = connection.getresponse()
    return [answer.status, answer.read().decode(), answer.getheader("www-authenticate")]


mode, folder, *rest = sys.argv[1:]
folder = Path(folder)
if mode == "keys":
    said = keys(folder)
elif mode == "proofs":
    said = [proof(folder, **wanted) for wanted in json.loads(rest[0])]
elif mode == "certificates":
    said = certificates(folder)
else:
    said = get(folder, *rest)
print(json.dumps(said))
