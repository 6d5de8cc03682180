"""Upstreams in Python: Flask and Django, as WSGI applications.

`python wsgi.py <port>` serves Flask by Werkzeug's own server; gunicorn loads `wsgi:flask_app` or `wsgi:django_app`.
"""

import json
import re
import sys

VIRTUAL = "admin.example.com"


def bare(host):
    """A host without its port and root dot."""
    return re.sub(r":\d*$", "", host or "").removesuffix(".").lower()


def told(server, environ, resource, id, method, host, token):
    """What an application would know of its request."""
    seen = {}
    for name, value in environ.items():
        if name.startswith("HTTP_X_AUTH_"):
            seen[name[5:].replace("_", "-").lower()] = [str(value)]
    return json.dumps(
        {
            "server": server,
            "resource": resource,
            "id": id,
            "method": method,
            "host": host,
            "token": token,
            "user": environ.get("HTTP_X_AUTH_USER_ID"),
            "seen": seen,
        }
    )


class MethodOverride:
    """The middleware of Flask's documentation, by which a header names the method."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        method = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").upper()
        if method in {"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"}:
            environ["REQUEST_METHOD"] = method
        return self.app(environ, start_response)


def flask_application(server):
    from flask import Flask, Response, request

    app = Flask(__name__, static_folder=None)
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    def serve(resource, id=None):
        text = told(
            server,
            request.environ,
            resource,
            id,
            request.method,
            request.host,
            request.args.get("access_token"),
        )
        answer = Response(text, status=200 if resource else 404, content_type="application/json")
        answer.headers["x-served"] = text
        return answer

    @app.before_request
    def virtual():
        if bare(request.host) == VIRTUAL:
            return serve("host")

    def page(path, resource, methods=methods):
        view = lambda id=None, rest=None: serve(resource, id)
        for number, rule in enumerate(path):
            app.add_url_rule(
                rule,
                f"{resource}{number}",
                view,
                methods=methods,
                strict_slashes=False,
                provide_automatic_options=False,
            )

    page(["/exact"], "exact")
    page(["/admin", "/admin/<path:rest>"], "admin")
    page(["/admin/users"], "admin-users")
    page(["/public", "/public/<path:rest>"], "public")
    page(["/reports", "/reports/<path:rest>"], "report")
    page(["/users/<id>", "/users/<id>/<path:rest>"], "user")
    page(["/items/<id>", "/items/<id>/<path:rest>"], "delete-item", ["DELETE"])
    page(["/items/<id>", "/items/<id>/<path:rest>"], "item", ["GET", "POST", "PUT", "PATCH", "OPTIONS"])

    @app.errorhandler(Exception)
    def nothing(error):
        answer = serve(None)
        answer.status_code = getattr(error, "code", 500) or 500
        return answer

    return app


def django_application():
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path, re_path

    def serve(resource):
        def view(request, *args, id=None, **named):
            name = "host" if bare(request.get_host()) == VIRTUAL else resource
            if name == "item" and request.method == "DELETE":
                name = "delete-item"
            text = told(
                "django",
                request.META,
                name,
                id,
                request.method,
                request.get_host(),
                request.GET.get("access_token"),
            )
            answer = HttpResponse(text, status=200 if name else 404, content_type="application/json")
            answer.headers["x-served"] = text
            return answer

        return view

    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="of no use",
        USE_X_FORWARDED_HOST=True,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    )
    global urlpatterns
    urlpatterns = [
        re_path(r"^exact/?$", serve("exact")),
        path("admin/", serve("admin")),
        path("admin/users", serve("admin-users")),
        path("admin/<path:rest>", serve("admin")),
        re_path(r"^public(?:/.*)?$", serve("public")),
        re_path(r"^reports(?:/.*)?$", serve("report")),
        path("users/<str:id>", serve("user")),
        path("users/<str:id>/<path:rest>", serve("user")),
        path("items/<str:id>", serve("item")),
        path("items/<str:id>/<path:rest>", serve("item")),
        re_path(r"^.*$", serve(None)),
    ]
    django.setup()
    return get_wsgi_application()


def __getattr__(name):
    if name == "flask_app":
        return flask_application("flask-gunicorn")
    if name == "django_app":
        return django_application()
    raise AttributeError(name)


if __name__ == "__main__":
    from werkzeug.serving import WSGIRequestHandler, run_simple

    # A connection serves more than one request.
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    # Head and body are two writes, of which the second would wait for the first to be acknowledged.
    WSGIRequestHandler.disable_nagle_algorithm = True
    WSGIRequestHandler.log = lambda *_: None
    app = flask_application("flask")
    app.wsgi_app = MethodOverride(app.wsgi_app)
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
