"""The signatures of requests by botocore: a line of JSON each on standard input, a list of signatures on standard output."""

import json
import sys

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FAMILY = {"s3", "s3-object-lambda", "s3-outposts", "s3express"}


def signature(service, target, payload, date):
    kind = S3SigV4Auth if service in FAMILY else SigV4Auth

    class Auth(kind):
        def payload(self, request):
            return payload

    headers = {"host": "h.example", "x-amz-content-sha256": payload, "x-amz-date": date, "x-amz-security-token": "T"}
    request = AWSRequest(method="PUT", url="https://h.example" + target, headers=headers)
    request.context["timestamp"] = date
    auth = Auth(Credentials("ID", "SECRET", "T"), service, "eu-west-1")
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


with open(sys.argv[1]) as lines:
    print(json.dumps([signature(*json.loads(line)) for line in lines]))
