//! `serve`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::available_parallelism;

use crate::cli::Serve;
use crate::database::{Database, Limits};
use crate::http::{App, Metrics, Tokens};
use crate::log;
use crate::password::Checker;
use crate::server::{self, TlsFiles};

pub(super) async fn serve(url: &str, options: &Serve) -> Result<(), String> {
    let (tokens, page_tokens) = tokens(options)?;
    let files = options.tls_cert.clone().zip(options.tls_key.clone());
    let files = files.map(|(certificate, key)| TlsFiles {
        certificate,
        key,
        client_authorities: options.client_ca.clone(),
    });
    if !options.no_migrate {
        super::migrated(url).await?.close().await;
    }
    let workers = options.password_workers.map_or_else(
        || available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let limits = Limits {
        connections: options.connections,
        statement: Some(options.statement_timeout),
        acquire: options.statement_timeout,
    };
    let app = Arc::new(App {
        database: Database::open(url, limits)?,
        checker: Checker::new(workers)?,
        metrics: Metrics::default(),
        tokens,
        page_tokens,
        timeout: options.request_timeout,
        ending: AtomicBool::new(false),
    });
    server::serve(options.listen, files.as_ref(), app, options.drain).await
}

/// The filter's tokens, and those of the page; an error where strangers could ask.
fn tokens(options: &Serve) -> Result<(Tokens, Option<Tokens>), String> {
    let mut tokens = Tokens::default();
    if let Some(file) = &options.token_file {
        tokens.add_file(file)?;
    }
    for digest in &options.token_digest {
        if !digest.starts_with("sha256:") {
            return Err("--token-digest: is not \"sha256:\" and 64 hexadecimal digits; a token itself has no place on a command line".to_owned());
        }
        tokens
            .add(digest)
            .map_err(|error| format!("--token-digest: {error}"))?;
    }
    let open = tokens.is_empty() && options.client_ca.is_none();
    let local = options.listen.ip().is_loopback();
    if open && !local {
        return Err(format!(
            "{} is not a loopback address: whoever reaches it could ask for everybody's permissions and guess passwords; \
             give --token-file, --token-digest or --client-ca",
            options.listen
        ));
    }
    if !local && options.tls_cert.is_none() {
        log::warn("without --tls-cert tokens and passwords go over the network as they are");
    }
    let page = match &options.page_token_file {
        Some(file) => {
            let mut page = Tokens::default();
            page.add_file(file)?;
            Some(page)
        }
        // Where everything is open, on the loopback interface, the page is too.
        None => open.then(Tokens::default),
    };
    Ok((tokens, page))
}
