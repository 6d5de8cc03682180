//! A certified OpenID provider: the npm package `oidc-provider`, with its own keys, clients and users.

use crate::client::{Request, Response};
use crate::npm::installed;
use crate::ports;
use crate::process::Guard;
use crate::tools::{Venv, ensure_venv, lab_dir, node};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::Command;

/// The resource whose access tokens are JWTs (RFC 9068).
pub const ORDERS: &str = "https://orders.example";

/// The resource whose access tokens only the provider can read.
pub const OPAQUE: &str = "https://opaque.example";

/// The client that may introspect tokens.
pub const FILTER: (&str, &str) = ("filter", "filter-secret");

/// The client that gets tokens for itself.
const MACHINE: &str = "machine:machine-secret";

const SIGN_IN: &str = include_str!("../oidc/sign_in.py");

/// A running provider; it stops when dropped. Its users are `alice`, of the groups `staff` and `admin`, and `bob`, of
/// `staff`.
pub struct Oidc {
    addr: SocketAddr,
    venv: Venv,
    process: Guard,
}

/// What a sign-in yields.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The ID token.
    pub id: String,
}

impl Oidc {
    /// Starts on a free port and waits until it answers.
    ///
    /// # Errors
    /// When Node or the package cannot be had, or the provider does not come up (with its log).
    pub fn start() -> Result<Self, String> {
        let (node, folder) = (node()?, installed("oidc")?);
        let addr = ports::free()?;
        let mut command = node.node();
        command
            .arg(folder.join("server.mjs"))
            .arg(addr.port().to_string())
            .current_dir(&folder);
        let log = lab_dir("oidc")?.join("oidc.log");
        let process = Guard::start("oidc-provider", &command, &log)?;
        process.wait_until_served(addr, "/.well-known/openid-configuration")?;
        Ok(Self {
            addr,
            venv: ensure_venv()?,
            process,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The issuer that its tokens name.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Signs a user in as a browser would, by the authorization code flow, for one resource.
    ///
    /// # Errors
    /// With what the provider said instead.
    pub fn sign_in(&self, user: &str, resource: &str) -> Result<Tokens, String> {
        let printed = self
            .venv
            .script(SIGN_IN, &[&self.issuer(), user, resource])?;
        let answer: Value =
            serde_json::from_str(&printed).map_err(|error| format!("{printed}: {error}"))?;
        Ok(Tokens {
            access: text(&answer, "access_token")?,
            id: text(&answer, "id_token")?,
        })
    }

    /// A machine's access token, by the client-credentials grant.
    ///
    /// # Errors
    /// With what the provider said instead.
    pub fn machine(&self, resource: &str) -> Result<String, String> {
        let form = format!("grant_type=client_credentials&scope=orders:read&resource={resource}");
        text(&self.post("/token", &form)?.json()?, "access_token")
    }

    /// Revokes a machine's access token (RFC 7009).
    ///
    /// # Errors
    /// When the provider refuses.
    pub fn revoke(&self, token: &str) -> Result<(), String> {
        let answer = self.post("/token/revocation", &format!("token={token}"))?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!("{} {}", answer.status, answer.text()))
        }
    }

    /// Ends it now.
    pub fn stop(&self) {
        self.process.stop();
    }

    fn post(&self, path: &str, form: &str) -> Result<Response, String> {
        use base64::Engine as _;
        let client = base64::engine::general_purpose::STANDARD.encode(MACHINE);
        Request::post(path, form)
            .header("host", self.addr.to_string())
            .header("authorization", format!("Basic {client}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .send(self.addr)
    }
}

fn text(answer: &Value, name: &str) -> Result<String, String> {
    answer[name]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("no {name} in {answer}"))
}

/// A smaller OpenID provider: the PyPI package `oidc-provider-mock`. It stops when dropped.
pub struct OidcMock {
    addr: SocketAddr,
    venv: Venv,
    _process: Guard,
}

impl OidcMock {
    /// Starts on a free port and waits until it answers.
    ///
    /// # Errors
    /// When the Python environment cannot be made, or the provider does not come up (with its log).
    pub fn start() -> Result<Self, String> {
        let (venv, addr) = (ensure_venv()?, ports::free()?);
        let mut command = Command::new(venv.bin("oidc-provider-mock"));
        command.args(["--port", &addr.port().to_string()]);
        let log = lab_dir("oidc-mock")?.join("oidc-mock.log");
        let process = Guard::start("oidc-provider-mock", &command, &log)?;
        process.wait_until_served(addr, "/.well-known/openid-configuration")?;
        Ok(Self {
            addr,
            venv,
            _process: process,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The issuer that its tokens name.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The ID token of a user, by the authorization code flow; the audience is `web`.
    ///
    /// # Errors
    /// With what the provider said instead.
    pub fn id_token(&self, user: &str) -> Result<String, String> {
        const PROGRAM: &str = "
import sys, httpx
from urllib.parse import parse_qs, urlsplit
issuer, user = sys.argv[1:]
callback = 'http://127.0.0.1/callback'
question = {'client_id': 'web', 'response_type': 'code', 'redirect_uri': callback, 'scope': 'openid'}
answer = httpx.post(issuer + '/oauth2/authorize', params=question, data={'sub': user})
code = parse_qs(urlsplit(answer.headers['location']).query)['code'][0]
grant = {'grant_type': 'authorization_code', 'code': code, 'redirect_uri': callback}
answer = httpx.post(issuer + '/oauth2/token', data=grant, auth=('web', 'secret'))
print(answer.json()['id_token'])
";
        let token = self.venv.script(PROGRAM, &[&self.issuer(), user])?;
        Ok(token.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_providers_issue_tokens() {
        let oidc = Oidc::start().unwrap();
        let machine = oidc.machine(ORDERS).unwrap();
        assert_eq!(machine.split('.').count(), 3);
        let alice = oidc.sign_in("alice", OPAQUE).unwrap();
        assert_eq!(alice.access.split('.').count(), 1);
        assert_eq!(alice.id.split('.').count(), 3);
        let token = OidcMock::start().unwrap().id_token("carol").unwrap();
        assert_eq!(token.split('.').count(), 3, "{token}");
    }
}
