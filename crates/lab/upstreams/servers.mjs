// Upstreams on Node: `http` with the URL class, and Express as it is set up in several ways.
//
// node servers.mjs <plain> <express> <express-strict> <express-override>: the ports.
import http from "node:http";
import express from "express";
import methodOverride from "method-override";

const [plain, loose, strict, override] = process.argv.slice(2).map(Number);

// Names are the filter's where they begin so, whatever stands between their words.
const owned = (name) => name.replace(/[^a-z0-9]/gi, "-").toLowerCase();

// Headers and trailers by which an application would know its caller.
function seen(request) {
  const found = {};
  const lines = [request.rawHeaders, request.rawTrailers];
  for (const raw of lines) {
    for (let at = 0; at < raw.length; at += 2) {
      const name = owned(raw[at]);
      if (name.startsWith("x-auth-")) (found[name] ??= []).push(raw[at + 1]);
    }
  }
  return found;
}

const ascii = (value) =>
  JSON.stringify(value).replace(/[^ -~]/g, (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"));

// Says which resource was served, when the whole request is there: trailers come last.
function answer(server, request, response, served) {
  const tell = () => {
    const told = ascii({ server, ...served, user: request.headers["x-auth-user-id"] ?? null, seen: seen(request) });
    response.statusCode = served.resource ? 200 : 404;
    response.setHeader("content-type", "application/json");
    response.setHeader("x-served", told);
    response.end(told);
  };
  if (request.complete) tell();
  else request.on("end", tell).resume();
}

const VIRTUAL = "admin.example.com";
const bare = (host) => (host ?? "").replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();

function route(request) {
  const url = new URL(request.url, "http://" + (request.headers.host ?? "none"));
  const method = request.method;
  const token = url.searchParams.get("access_token");
  const served = { method, host: request.headers.host ?? null, token };
  const path = url.pathname;
  const of = (resource, id = null) => ({ resource, id, ...served });
  if (bare(request.headers.host) === VIRTUAL) return of("host");
  if (path === "/exact") return of("exact");
  const [, first, second] = path.split("/");
  if (first === "public") return of("public");
  if (first === "admin") return of(second === "users" ? "admin-users" : "admin");
  if (first === "reports") return of("report");
  if (first === "users" && second) return of("user", decodeURIComponent(second));
  if (first === "items" && second) return of(method === "DELETE" ? "delete-item" : "item", decodeURIComponent(second));
  return of(null);
}

http
  .createServer((request, response) => {
    let served;
    try {
      served = route(request);
    } catch {
      served = { resource: null, method: request.method, host: request.headers.host ?? null };
    }
    answer("node", request, response, served);
  })
  .listen(plain, "127.0.0.1");

function application(name, configure) {
  const app = express();
  // Arrays in the query, as Express 4 reads them by default.
  app.set("query parser", "extended");
  app.disable("etag");
  configure(app);
  const serve = (resource) => (request, response) => {
    const token = request.query.access_token;
    answer(name, request, response, {
      resource,
      id: request.params.id ?? null,
      method: request.method,
      host: request.hostname ?? null,
      token: token === undefined ? null : JSON.stringify(token),
    });
  };
  app.use((request, response, next) => {
    if (bare(request.hostname) === VIRTUAL) serve("host")(request, response);
    else next();
  });
  // As frameworks take a format from the end of a path.
  app.all("/exact{.:format}", serve("exact"));
  app.all("/admin{.:format}", serve("admin"));
  app.all("/admin/users{.:format}", serve("admin-users"));
  app.all("/admin/*rest", serve("admin"));
  app.all("/public{/*rest}", serve("public"));
  app.all("/reports{/*rest}", serve("report"));
  app.all("/users/:id{/*rest}", serve("user"));
  app.delete("/items/:id{/*rest}", serve("delete-item"));
  app.all("/items/:id{/*rest}", serve("item"));
  app.use((request, response) => serve(null)(request, response));
  app.use((_error, request, response, _next) => answer(name, request, response, { resource: null, method: request.method }));
  return app;
}

application("express", () => {}).listen(loose, "127.0.0.1");

application("express-strict", (app) => {
  app.enable("case sensitive routing");
  app.enable("strict routing");
}).listen(strict, "127.0.0.1");

application("express-override", (app) => {
  app.set("trust proxy", true);
  for (const name of ["X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override", "_method"]) {
    app.use(methodOverride(name));
  }
  // As applications do that stand behind gateways which rewrite the target.
  app.use((request, _response, next) => {
    const target = request.headers["x-original-url"] ?? request.headers["x-rewrite-url"];
    if (target) request.url = target.replace(/^[a-z]+:\/\/[^/]*/i, "") || "/";
    next();
  });
}).listen(override, "127.0.0.1");
