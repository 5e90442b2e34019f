//! A running server.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::RustlsAcceptor;
use axum_server::{Handle, Server};
use cowl_api::service::{Metrics, Stop};
use cowl_store::{Ledger, PartStore, StoreError};
use hyper_util::rt::TokioTimer;
use tokio::task::JoinHandle;

use crate::app::{App, Shared};
use crate::background;
use crate::clock::Clock;
use crate::config::{ConfigError, ServerConfig};
use crate::log::Log;
use crate::ops;
use crate::proofs::ProofCache;
use crate::router::{metrics_router, router};
use crate::secrets::{SecretError, Secrets};
use crate::tables::Runner;
use crate::tls::{self, TlsError};
use crate::uploads::UploadMemory;

/// Why a server does not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its secrets cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Database or part store do not serve.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be listened on, or the listener failed.
    #[error("{address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
}

/// A server that serves. It ends when its [`Stop`] is raised.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    scheme: &'static str,
    stop: Stop,
    serving: JoinHandle<io::Result<()>>,
    background: Vec<JoinHandle<()>>,
    ledger: Ledger,
}

/// Starts a server: store, secrets, background work, listener. It serves when this returns.
///
/// # Errors
/// [`ServerError`] says what is missing.
pub async fn start(config: ServerConfig, clock: Arc<dyn Clock>, stop: Stop) -> Result<Running, ServerError> {
    config.check()?;
    let app = assemble(config, clock).await?;
    let listener = listen(app.config.listen)?;
    let address =
        listener.local_addr().map_err(|cause| ServerError::Listen { address: app.config.listen, cause })?;
    let handle = Handle::new();
    let scheme = if app.config.tls.is_some() { "https" } else { "http" };
    let serving = serve(&app, listener, handle.clone())?;
    let metrics = serve_metrics(&app, &handle)?;
    let mut background = background::start(&app, &stop);
    background.push(tokio::spawn(end_gracefully(handle, stop.clone(), app.config.limits.stop_seconds)));
    Ok(Running { address, metrics, scheme, stop, serving, background, ledger: app.ledger.clone() })
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as an address for clients.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Where the metrics are to be had, if they are.
    pub fn metrics_url(&self) -> Option<String> {
        self.metrics.map(|address| format!("http://{address}{}", ops::METRICS))
    }

    /// Waits until it has ended: running requests are done, or their time was up.
    ///
    /// # Errors
    /// [`ServerError::Listen`] when the listener failed.
    pub async fn finished(self) -> Result<(), ServerError> {
        let served = self.serving.await;
        self.stop.raise();
        for task in self.background {
            let _ = task.await;
        }
        self.ledger.close().await;
        match served {
            Ok(Err(cause)) => Err(ServerError::Listen { address: self.address, cause }),
            _ => Ok(()),
        }
    }

    /// Ends it and waits.
    ///
    /// # Errors
    /// Those of [`Running::finished`].
    pub async fn stop(self) -> Result<(), ServerError> {
        self.stop.raise();
        self.finished().await
    }
}

/// Connects and checks everything but the listener.
async fn assemble(config: ServerConfig, clock: Arc<dyn Clock>) -> Result<Shared, ServerError> {
    let secrets = Secrets::load(&config)?;
    let store = config.store()?;
    let ledger = Ledger::connect(&store.database).await?;
    if config.migrate_on_start {
        ledger.migrate().await?;
    }
    ledger.check_schema().await?;
    let parts = PartStore::open(&store.parts).await?;
    Ok(Arc::new(App {
        log: Log::new(config.origin.clone(), &secrets.log_key),
        proofs: ProofCache::default(),
        uploads: UploadMemory::new(&config.limits),
        runner: Runner::new(config.tables_folder(), &config.compute),
        metrics: Metrics::shared(),
        config,
        ledger,
        parts,
        secrets,
        clock,
    }))
}

fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|cause| ServerError::Listen { address, cause })
}

fn serve(
    app: &Shared,
    listener: TcpListener,
    handle: Handle<SocketAddr>,
) -> Result<JoinHandle<io::Result<()>>, ServerError> {
    let address = app.config.listen;
    let service = router(Arc::clone(app)).into_make_service_with_connect_info::<SocketAddr>();
    let mut server =
        axum_server::from_tcp(listener).map_err(|cause| ServerError::Listen { address, cause })?;
    limit_heads(&mut server, Duration::from_secs(app.config.limits.head_seconds));
    let server = server.handle(handle).acceptor(NoDelayAcceptor::new());
    Ok(match &app.config.tls {
        None => tokio::spawn(server.serve(service)),
        Some(files) => {
            let tls = tls::load(files)?;
            let acceptor = |inner| RustlsAcceptor::new(tls).acceptor(inner);
            tokio::spawn(server.map(acceptor).serve(service))
        }
    })
}

/// Serves the metrics where the configuration says, until `handle` ends all.
fn serve_metrics(app: &Shared, handle: &Handle<SocketAddr>) -> Result<Option<SocketAddr>, ServerError> {
    let Some(metrics) = app.config.metrics else { return Ok(None) };
    let failed = |cause| ServerError::Listen { address: metrics.listen, cause };
    let listener = listen(metrics.listen)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut server = axum_server::from_tcp(listener).map_err(failed)?.handle(handle.clone());
    limit_heads(&mut server, Duration::from_secs(app.config.limits.head_seconds));
    tokio::spawn(server.serve(metrics_router(Arc::clone(app)).into_make_service()));
    Ok(Some(address))
}

/// A connection that says nothing must not stay for ever.
fn limit_heads<A>(server: &mut Server<SocketAddr, A>, within: Duration) {
    let builder = server.http_builder();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(within);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(within).keep_alive_timeout(within);
}

async fn end_gracefully(handle: Handle<SocketAddr>, stop: Stop, seconds: u64) {
    stop.raised().await;
    handle.graceful_shutdown(Some(Duration::from_secs(seconds)));
}
