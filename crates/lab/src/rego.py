"""Answers OPA's data API by a real Rego engine: POST /v1/data/<package>/<rule> with {"input": ...}."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from regopy import Interpreter

port, policy = int(sys.argv[1]), sys.argv[2]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        engine = Interpreter()
        engine.add_module("policy", policy)
        engine.set_input(question["input"])
        name = "data." + self.path.removeprefix("/v1/data/").replace("/", ".")
        result = engine.query(name)
        values = list(result.results[0].expressions) if result.ok() else []
        self.answer({"result": values[0]} if values else {})

    def do_GET(self):
        self.answer({})

    def answer(self, body):
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
