<?php
// Upstreams on PHP, behind nginx: a front controller that takes the path as Symfony and Laravel do, from the address behind
// its own name; and an application that takes it from the query where that names one, as WordPress and Drupal do.

$uri = $_SERVER["REQUEST_URI"];
// An address in absolute form.
$uri = preg_replace('~^[a-z][a-z0-9+.-]*://[^/?]*~i', "", $uri);
$path = rawurldecode(explode("?", $uri, 2)[0]);
$front = "/index.php";
if ($path === $front || str_starts_with($path, "$front/")) {
    $path = substr($path, strlen($front));
}
if ($_SERVER["MODEL"] === "php-query") {
    foreach (["rest_route", "q"] as $name) {
        $named = $_GET[$name] ?? null;
        if (is_string($named)) {
            $path = $named;
            break;
        }
    }
}
$path = "/" . trim($path, "/");

$method = $_SERVER["REQUEST_METHOD"];
$host = $_SERVER["HTTP_HOST"] ?? "";
$bare = strtolower(preg_replace('~\.?(:[0-9]*)?$~', "", $host));
[$resource, $id] = match (true) {
    $bare === "admin.example.com" => ["host", null],
    $path === "/exact" => ["exact", null],
    $path === "/admin/users" => ["admin-users", null],
    preg_match('~^/admin(?:/|$)~D', $path) === 1 => ["admin", null],
    preg_match('~^/public(?:/|$)~D', $path) === 1 => ["public", null],
    preg_match('~^/reports(?:/|$)~D', $path) === 1 => ["report", null],
    preg_match('~^/users/([^/]+)~', $path, $user) === 1 => ["user", $user[1]],
    preg_match('~^/items/([^/]+)~', $path, $item) === 1 => [$method === "DELETE" ? "delete-item" : "item", $item[1]],
    default => [null, null],
};

$seen = [];
foreach ($_SERVER as $name => $value) {
    if (str_starts_with($name, "HTTP_X_AUTH_")) {
        $seen[strtolower(strtr(substr($name, 5), "_", "-"))] = [$value];
    }
}
$token = $_GET["access_token"] ?? null;
$told = json_encode([
    "server" => $_SERVER["MODEL"],
    "resource" => $resource,
    "id" => $id,
    "method" => $method,
    "host" => $host,
    "token" => is_string($token) || $token === null ? $token : json_encode($token),
    "user" => $_SERVER["HTTP_X_AUTH_USER_ID"] ?? null,
    "seen" => (object) $seen,
], JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);
http_response_code($resource === null ? 404 : 200);
header("Content-Type: application/json");
header("X-Served: $told");
echo $told;
