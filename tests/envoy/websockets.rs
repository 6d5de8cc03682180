//! WebSockets: both ends are a library's, and what they say to each other goes through the filter.

use crate::lab::{Lab, claims, provider, upgrade_to_websockets};
use lab::client::Request;
use lab::echo::Echo;
use lab::envoy::{EnvoyConfig, Filter};
use lab::issuer::{Issuer, SigningKey};
use lab::tools;
use serde_json::{Value, json};

/// Opens sockets through Envoy to a server of its own that chooses `chat` before `bearer`, and prints for each what
/// became of it: the status, the chosen subprotocol, and what the server has seen and sent back.
const SCRIPT: &str = r#"
import asyncio, json, sys
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import InvalidStatus
port, base, token = sys.argv[1:]

async def upstream(socket):
    headers = socket.request.headers
    offered = ", ".join(headers.get_all("sec-websocket-protocol"))
    seen = [socket.request.path, offered, headers.get("x-auth-user-id"), headers.get("authorization")]
    await socket.send(json.dumps(seen))
    async for message in socket:
        await socket.send(message)

async def attempt(path, protocols, **more):
    try:
        async with connect(base + path, subprotocols=protocols or None, **more) as socket:
            seen = json.loads(await socket.recv())
            for message in ["hello", b"\x00\xff" * 100_000]:
                await socket.send(message)
                assert await socket.recv() == message
            await (await socket.ping())
            return [101, socket.subprotocol, seen]
    except InvalidStatus as refused:
        return [refused.response.status_code]

async def main():
    bearer = {"Authorization": "Bearer " + token}
    async with serve(upstream, "127.0.0.1", int(port), subprotocols=["chat", "bearer"]):
        print(json.dumps([
            await attempt("/ws", ["bearer", token]),
            await attempt("/ws?room=1", ["bearer", token, "chat"]),
            await attempt("/ws", ["chat"], additional_headers=bearer),
            await attempt("/ws?room=1&access_token=" + token, ["chat"]),
            await attempt("/ws", []),
            await attempt("/ws", ["chat"]),
            await attempt("/ws", ["bearer"]),
            await attempt("/ws", ["bearer", token[:-4] + "AAAA"]),
            await attempt("/ws", ["bearer", token, "bearer", token]),
            await attempt("/ws", ["bearer", token], additional_headers=bearer),
            await attempt("/ws", ["bearer", token], additional_headers={"Authorization": "Bearer x"}),
            await attempt("/closed", ["bearer", token]),
        ]))

asyncio.run(main())
"#;

#[test]
fn a_socket_is_opened_by_a_token_and_carries_what_is_said() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let mut users = provider(&issuer, json!({}));
    users["from_headers"] = json!([{ "name": "authorization", "value_prefix": "Bearer " }]);
    users["from_params"] = json!(["access_token"]);
    users["from_websocket_protocol"] = json!(true);
    let policy = json!({
        "providers": { "users": users },
        "rules": [
            { "match": { "path": "/closed" }, "require": { "groups": ["admin"] } },
            { "match": {}, "require": "user" },
        ],
    });
    let port = lab::ports::free().unwrap();
    let envoy = EnvoyConfig::new(tools::wasm().unwrap(), Filter::json(policy))
        .upstream(port)
        .cluster("idp", issuer.addr())
        .edit(upgrade_to_websockets)
        .start()
        .unwrap();
    let lab = Lab {
        envoy,
        echo: Echo::start().unwrap(),
    };
    let token = key.sign(json!({}), &claims(json!({})));
    let base = format!("ws://{}", lab.envoy.addr());
    let arguments = [&port.port().to_string(), &base, &token];
    let out = tools::ensure_venv()
        .unwrap()
        .script(SCRIPT, &arguments.map(String::as_str))
        .unwrap();
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        rows,
        json!([
            [101, "bearer", ["/ws", "bearer", "u-1", null]],
            [101, "chat", ["/ws?room=1", "chat, bearer", "u-1", null]],
            [101, "chat", ["/ws", "chat", "u-1", null]],
            [101, "chat", ["/ws?room=1", "chat", "u-1", null]],
            [401],
            [401],
            [400],
            [401],
            [101, "bearer", ["/ws", "bearer", "u-1", null]],
            // The same in two places of whatever kind is one, and neither goes on; another one is one too many.
            [101, "bearer", ["/ws", "bearer", "u-1", null]],
            [400],
            [403],
        ])
    );
    // The same place, and no upgrade: a request like any other.
    let seen = Request::get("/ws").send(lab.envoy.addr()).unwrap();
    assert_eq!(seen.status, 401);
    lab.is_sound();
}
