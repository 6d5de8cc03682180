//! Connections: accepting them, TLS, and letting them end.

mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::http::App;
use crate::log;

/// How many connections there are at the most; more wait to be accepted.
const CONNECTIONS: u32 = 4096;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may be silent between requests, and how long a request's head may take.
const IDLE: Duration = Duration::from_secs(75);
/// How long nothing is accepted when the system has no more descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Files of TLS.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    /// The certificate, and those between it and its authority.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
    /// The authorities of clients' certificates; without it clients have none.
    pub(crate) client_authorities: Option<PathBuf>,
}

/// Serves until the process is asked to end, then lets requests end that have begun, for at most `drain`.
///
/// # Errors
/// For an address that cannot be had, and for files of TLS that are none.
pub(crate) async fn serve(
    addr: SocketAddr,
    files: Option<&TlsFiles>,
    app: Arc<App>,
    drain: Duration,
) -> Result<(), String> {
    let tls = files.map(tls::acceptor).transpose()?;
    let listener = TcpListener::bind(addr)
        .await
        .map_err(|error| format!("{addr}: {error}"))?;
    let bound = listener
        .local_addr()
        .map_err(|error| format!("{addr}: {error}"))?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    log::info(&format!("listens on {scheme}://{bound}"));
    let handler = |error: std::io::Error| format!("signals: {error}");
    let mut terminate = signal(SignalKind::terminate()).map_err(handler)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(handler)?;

    let places = usize::try_from(CONNECTIONS).unwrap_or(usize::MAX);
    let places = Arc::new(Semaphore::new(places));
    let (stop, stopped) = watch::channel(false);
    let router = crate::http::router(Arc::clone(&app));
    let ended = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::select! {
        () = accept_all(&listener, &places, tls, router, stopped) => {}
        () = ended => {}
    }
    drop(listener);
    app.ending.store(true, Ordering::Relaxed);
    log::info("ends; requests that have begun are answered");
    // Fails only where no connection is left to hear of it.
    let _ = stop.send(true);
    if timeout(drain, places.acquire_many(CONNECTIONS))
        .await
        .is_err()
    {
        log::warn("some requests did not end in time");
    }
    app.database.close().await;
    Ok(())
}

/// Accepts for ever.
async fn accept_all(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    tls: Option<TlsAcceptor>,
    router: Router,
    stopped: watch::Receiver<bool>,
) {
    loop {
        let Some((stream, place)) = accept(listener, places).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (tls, router, stopped) = (tls.clone(), router.clone(), stopped.clone());
        tokio::spawn(connection(stream, tls, router, stopped, place));
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are small, and wait for nothing.
            let _ = stream.set_nodelay(true);
            Some((stream, place))
        }
        Err(error) => {
            log::warn(&format!("a connection was not accepted: {error}"));
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    stopped: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    match tls {
        None => exchange(stream, router, stopped).await,
        // What fails here is no client of ours.
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await {
                exchange(stream, router, stopped).await;
            }
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    // How a client goes away is its own affair.
    let _ = connection.await;
}
