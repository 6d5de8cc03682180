//! A local Amazon Cognito: the real moto server, with user pools, users, groups and tokens.

use crate::client::Request;
use crate::issuer::SigningKey;
use crate::ports;
use crate::process::Guard;
use crate::tools::{Venv, ensure_venv, lab_dir};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// The region of every pool.
pub const REGION: &str = "us-east-1";

/// Long enough for any policy, and nobody's.
const PASSWORD: &str = "Correct-horse-1";

/// A running moto server; it stops when dropped.
pub struct Moto {
    addr: SocketAddr,
    venv: Venv,
    _process: Guard,
}

impl Moto {
    /// Starts on a free port and waits until it answers.
    ///
    /// # Errors
    /// When the Python environment cannot be made, or the server does not come up (with its log).
    pub fn start() -> Result<Self, String> {
        Self::start_at(ports::free()?, &[])
    }

    /// Starts at an address; the ids of pools and clients follow from their names and settings, so that a
    /// configuration can name them beforehand.
    ///
    /// # Errors
    /// As [`Moto::start`].
    pub fn reproducible(addr: SocketAddr) -> Result<Self, String> {
        Self::start_at(
            addr,
            &[
                ("MOTO_COGNITO_IDP_USER_POOL_ID_STRATEGY", "HASH"),
                ("MOTO_COGNITO_IDP_USER_POOL_CLIENT_ID_STRATEGY", "HASH"),
            ],
        )
    }

    fn start_at(addr: SocketAddr, settings: &[(&str, &str)]) -> Result<Self, String> {
        let venv = ensure_venv()?;
        let mut command = Command::new(venv.bin("moto_server"));
        command
            .args(["-H", "127.0.0.1", "-p"])
            .arg(addr.port().to_string())
            .env("NO_COLOR", "1")
            .env("PYTHONUNBUFFERED", "1")
            .envs(settings.iter().copied());
        let log = lab_dir("moto")?.join("moto.log");
        let process = Guard::start("moto", &command, &log)?;
        process.wait_until_served(addr, "/moto-api/data.json")?;
        Ok(Self {
            addr,
            venv,
            _process: process,
        })
    }

    /// Where it listens: the address of the cluster for Cognito.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Calls the Cognito user pools API.
    ///
    /// # Errors
    /// With the answer, when it is not a success.
    pub fn call(&self, action: &str, parameters: &Value) -> Result<Value, String> {
        let target = format!("AWSCognitoIdentityProviderService.{action}");
        self.ask("cognito-idp", &target, parameters)
    }

    /// Creates an identity pool that trusts a user pool's client, and returns its id.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn identity_pool(&self, name: &str, pool: &UserPool<'_>) -> Result<String, String> {
        let parameters = json!({
            "IdentityPoolName": name,
            "AllowUnauthenticatedIdentities": false,
            "CognitoIdentityProviders": [{
                "ProviderName": format!("cognito-idp.{REGION}.amazonaws.com/{}", pool.id),
                "ClientId": pool.client_id,
            }],
        });
        let target = "AWSCognitoIdentityService.CreateIdentityPool";
        text(
            &self.ask("cognito-identity", target, &parameters)?,
            "/IdentityPoolId",
        )
    }

    fn ask(&self, service: &str, target: &str, parameters: &Value) -> Result<Value, String> {
        let answer = Request::post("/", parameters.to_string())
            .header("host", format!("{service}.{REGION}.amazonaws.com"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            // moto reads the service's name from the credential and verifies nothing.
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential=moto/20260101/{REGION}/{service}/aws4_request, \
                     SignedHeaders=host, Signature=0"
                ),
            )
            .timeout(Duration::from_secs(60))
            .send(self.addr)?;
        if answer.status != 200 {
            return Err(format!("{target}: {} {}", answer.status, answer.text()));
        }
        answer.json()
    }

    /// Creates a user pool with one application client.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn user_pool(&self, name: &str) -> Result<UserPool<'_>, String> {
        let pool = self.call("CreateUserPool", &json!({ "PoolName": name }))?;
        let id = text(&pool, "/UserPool/Id")?;
        let mut pool = UserPool {
            moto: self,
            id,
            client_id: String::new(),
        };
        pool.client_id = pool.client("app")?;
        Ok(pool)
    }

    /// The private key with which moto signs every token, for tokens that it would not issue.
    ///
    /// # Errors
    /// When moto's files have changed their shape.
    pub fn signing_key(&self) -> Result<SigningKey, String> {
        let jwk = self.venv.python(
            "import gzip, os, moto.cognitoidp as m; \
             p = os.path.join(os.path.dirname(m.__file__), 'resources', 'jwks-private.json.gz'); \
             print(gzip.open(p, 'rt').read())",
        )?;
        let jwk = serde_json::from_str(&jwk).map_err(|error| format!("moto's key: {error}"))?;
        SigningKey::rs256_from_jwk(&jwk)
    }
}

/// A user pool.
pub struct UserPool<'a> {
    moto: &'a Moto,
    /// The pool's id.
    pub id: String,
    /// The id of its application client.
    pub client_id: String,
}

/// What a sign-in yields.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The ID token.
    pub id: String,
}

impl UserPool<'_> {
    /// The issuer that its tokens name.
    pub fn issuer(&self) -> String {
        format!("https://cognito-idp.{REGION}.amazonaws.com/{}", self.id)
    }

    /// Adds an application client and returns its id.
    ///
    /// # Errors
    /// When moto refuses.
    pub fn client(&self, name: &str) -> Result<String, String> {
        let client = self.call(
            "CreateUserPoolClient",
            json!({
                "ClientName": name,
                "ExplicitAuthFlows": ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            }),
        )?;
        text(&client, "/UserPoolClient/ClientId")
    }

    /// Adds a user who is a member of these groups; groups are created as needed.
    ///
    /// # Errors
    /// When moto refuses, for example because the user exists.
    pub fn user(&self, name: &str, groups: &[&str]) -> Result<(), String> {
        self.call(
            "AdminCreateUser",
            json!({
                "Username": name,
                "UserAttributes": [{ "Name": "email", "Value": format!("{name}@example.com") }],
            }),
        )?;
        self.call(
            "AdminSetUserPassword",
            json!({ "Username": name, "Password": PASSWORD, "Permanent": true }),
        )?;
        for group in groups {
            let parameters = json!({ "GroupName": group, "Username": name });
            if self.call("GetGroup", parameters.clone()).is_err() {
                self.call("CreateGroup", json!({ "GroupName": group }))?;
            }
            self.call("AdminAddUserToGroup", parameters)?;
        }
        Ok(())
    }

    /// Signs a user in.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn tokens(&self, user: &str) -> Result<Tokens, String> {
        let answer = self.call(
            "AdminInitiateAuth",
            json!({
                "ClientId": self.client_id,
                "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
                "AuthParameters": { "USERNAME": user, "PASSWORD": PASSWORD },
            }),
        )?;
        Ok(Tokens {
            access: text(&answer, "/AuthenticationResult/AccessToken")?,
            id: text(&answer, "/AuthenticationResult/IdToken")?,
        })
    }

    fn call(&self, action: &str, mut parameters: Value) -> Result<Value, String> {
        parameters["UserPoolId"] = json!(self.id);
        self.moto.call(action, &parameters)
    }
}

fn text(answer: &Value, pointer: &str) -> Result<String, String> {
    answer
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| format!("moto's answer has no {pointer}: {answer}"))
}
