//! Who may ask: tokens, certificates, and the refusal to listen without either.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use lab::client::Request;
use lab::ports;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring,
};

use crate::databases::{Db, Kind};
use crate::service::{self, Service, command, done, file};

const TOKEN: &str = "a-token-that-nobody-guesses";

#[test]
fn the_filter_needs_one_of_the_tokens() {
    let db = Db::new(Kind::Sqlite);
    done(&db, &["grant", "add", "ann", "--group", "staff"], "");
    let made = command(&db.url, &["token"], "");
    let said = String::from_utf8(made.stderr).unwrap();
    let other = said.trim().rsplit(' ').next().unwrap().to_owned();
    let digest = String::from_utf8(made.stdout).unwrap();
    let tokens = file("tokens", &format!("{TOKEN}\n\n"));
    let service = Service::with(
        &db.url,
        &["--token-file", &tokens, "--token-digest", digest.trim()],
    );
    let ask = |request: Request| request.send(service.addr).unwrap();
    let entry = || Request::get("/v1/subjects/ann");
    for token in [TOKEN, &other] {
        assert_eq!(ask(entry().bearer(token)).status, 200);
    }
    let posted = Request::post("/v1/verify", r#"{"kind":"api_key","key":"x"}"#);
    assert_eq!(
        ask(posted.clone().bearer(TOKEN)).text(),
        r#"{"detail":"Invalid credentials"}"#
    );
    for request in [
        entry(),
        posted,
        entry().bearer("a-token-that-nobody-guesse"),
        entry().bearer(digest.trim()),
        entry().bearer(TOKEN).bearer(TOKEN),
        entry().header("authorization", format!("Basic {TOKEN}")),
        Request::get("/v1/nothing"),
        Request::get("/v1/subjects/%ff"),
    ] {
        let answer = ask(request);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (403, r#"{"detail":"Not a token of the filter"}"#)
        );
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(Request::get(path)).status, 200);
    }
    // Nobody's name is in the metrics; and where tokens are, there is no page without one of its own.
    let metrics = ask(Request::get("/metrics")).text();
    assert!(
        metrics.contains("auth_directory_requests_total{endpoint=\"subject\",status=\"2xx\"} 2\n"),
        "{metrics}"
    );
    assert!(!metrics.contains("ann"));
    assert_eq!(ask(Request::get("/").bearer(TOKEN)).status, 404);
    assert_eq!(
        ask(entry().bearer(TOKEN))
            .header("cache-control")
            .as_deref(),
        Some("no-store")
    );
    assert!(!service.process.log().contains(TOKEN));
}

#[test]
fn it_listens_to_strangers_only_behind_a_token_or_certificates() {
    let db = Db::new(Kind::Sqlite);
    for addr in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let output = command(&db.url, &["serve", "--listen", addr], "");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && errors.contains("is not a loopback address"),
            "{errors}"
        );
    }
    let short = file("tokens", "short\n");
    let empty = file("tokens", "\n");
    for (options, want) in [
        (
            &["--token-file", "/nonexistent"][..],
            "/nonexistent: No such file",
        ),
        (
            &["--token-file", &short],
            "line 1: a token has at least 16 characters",
        ),
        (&["--token-file", &empty], "has no token"),
        (
            &["--token-digest", TOKEN],
            "a token itself has no place on a command line",
        ),
        (
            &["--token-digest", "sha256:00"],
            "is not \"sha256:\" and 64 hexadecimal digits",
        ),
        (&["--client-ca", "x"], "--tls-cert"),
        (
            &["--tls-cert", "/nonexistent", "--tls-key", "/nonexistent"],
            "/nonexistent: ",
        ),
        (&["--statement-timeout", "0s"], "is at least 1ms"),
        (
            &["--statement-timeout", "soon"],
            "is not a time such as 500ms",
        ),
    ] {
        let output = command(
            &db.url,
            &[&["serve", "--listen", "127.0.0.1:0"], options].concat(),
            "",
        );
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && errors.contains(want),
            "{options:?}: {errors}"
        );
        assert!(!errors.contains(TOKEN), "{errors}");
    }
    let tokens = file("tokens", TOKEN);
    let addr = ports::free().unwrap();
    let everywhere = SocketAddr::from(([0, 0, 0, 0], addr.port()));
    let process = service::start(everywhere, &db.url, &["--token-file", &tokens]);
    process.wait_until_served(addr, "/readyz").unwrap();
    assert!(
        process
            .log()
            .contains("without --tls-cert tokens and passwords go over the network as they are")
    );
    for url in ["ftp://x/y", "", "postgres://["] {
        let output = command(url, &["migrate"], "");
        assert!(!output.status.success(), "{url}");
    }
}

/// An authority, and what it has signed.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Certificate and key.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// The answer to a request over TLS.
fn ask(
    addr: SocketAddr,
    trusted: &str,
    own: Option<&(String, String)>,
    request: &Request,
) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            builder
                .with_client_auth_cert(
                    chain,
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap()
        }
    };
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    let socket = TcpStream::connect(addr).map_err(|error| error.to_string())?;
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    let bytes = request.clone().header("connection", "close").to_bytes();
    stream
        .write_all(&bytes)
        .map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .map_err(|error| error.to_string())?;
    Ok(answer)
}

#[test]
fn certificates_stand_for_both_sides() {
    let (servers, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let (certificate, key) = servers.sign("127.0.0.1");
    let (certificate, key) = (file("cert.pem", &certificate), file("key.pem", &key));
    let authorities = file("clients.pem", &clients.pem);
    let db = Db::new(Kind::Sqlite);
    done(&db, &["grant", "add", "ann", "--group", "staff"], "");
    let addr = ports::free().unwrap();
    let everywhere = SocketAddr::from(([0, 0, 0, 0], addr.port()));
    let options = [
        "--tls-cert",
        &certificate,
        "--tls-key",
        &key,
        "--client-ca",
        &authorities,
    ];
    let process = service::start(everywhere, &db.url, &options);
    process
        .wait_until(Duration::from_secs(10), || TcpStream::connect(addr).is_ok())
        .unwrap();
    let entry = Request::get("/v1/subjects/ann");
    let (own, foreign) = (clients.sign("filter"), strangers.sign("filter"));
    let answer = ask(addr, &servers.pem, Some(&own), &entry).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"staff\""),
        "{answer}"
    );
    for (trusted, own) in [
        (&servers.pem, None),
        (&servers.pem, Some(&foreign)),
        (&clients.pem, Some(&own)),
    ] {
        let answer = ask(addr, trusted, own, &entry);
        assert!(answer.as_ref().map_or(true, String::is_empty), "{answer:?}");
    }
    // Who speaks no TLS is no client, and keeps nobody else out.
    assert!(entry.send(addr).is_err());
    let _silent = TcpStream::connect(addr).unwrap();
    assert!(ask(addr, &servers.pem, Some(&own), &entry).is_ok());
    drop(process);

    // With a token beside it, both are needed.
    let tokens = file("tokens", TOKEN);
    let process = service::start(
        addr,
        &db.url,
        &[&options[..], &["--token-file", &tokens]].concat(),
    );
    process
        .wait_until(Duration::from_secs(10), || TcpStream::connect(addr).is_ok())
        .unwrap();
    let answer = ask(addr, &servers.pem, Some(&own), &entry).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let answer = ask(addr, &servers.pem, Some(&own), &entry.bearer(TOKEN)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
