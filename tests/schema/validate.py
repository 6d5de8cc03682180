"""Says of each configuration in a file, one JSON text a line, whether the schema takes it."""

import json
import sys

from jsonschema import Draft202012Validator

with open(sys.argv[1], encoding="utf-8") as schema:
    schema = json.load(schema)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
with open(sys.argv[2], encoding="utf-8") as lines:
    print(json.dumps([validator.is_valid(json.loads(line)) for line in lines]))
