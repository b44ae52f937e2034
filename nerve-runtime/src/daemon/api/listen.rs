//! Opening the doors.

use std::io;
use std::os::unix::net::UnixListener;

use axum::Router;
use nerve_core::config::Api;
use tokio::net::TcpListener;

use super::super::DaemonError;
use super::super::calls::Host;
use super::guard::{Token, guarded};
use super::{ApiState, router};

/// A TCP port with its token.
pub(crate) struct Tcp {
    listener: TcpListener,
    token: Option<Token>,
}

/// Opens the TCP port that nerve.yaml sets, if it sets one. A host that is not loopback has a token: the config saw to that.
pub(crate) async fn listen_tcp(api: &Api, host: &Host) -> Result<Option<Tcp>, DaemonError> {
    let Some(port) = api.port else { return Ok(None) };
    let address = format!("{}:{port}", api.host);
    let token = match &api.token {
        Some(secret) => Some(Token::new(host.secret(secret).map_err(DaemonError::Token)?)),
        None => None,
    };
    let listener = TcpListener::bind((api.host.as_str(), port)).await.map_err(|error| DaemonError::Listen { address, error })?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "the API listens");
    }
    Ok(Some(Tcp { listener, token }))
}

/// Serves until the runtime ends; requests that wait end with it.
pub(crate) fn serve(state: ApiState, socket: UnixListener, tcp: Option<Tcp>) -> io::Result<()> {
    let router = router::router(state);
    let socket = tokio::net::UnixListener::from_std(socket)?;
    let local = router.clone();
    spawn(async move { axum::serve(socket, local).await });
    if let Some(Tcp { listener, token }) = tcp {
        let guarded: Router = guarded(router, token);
        spawn(async move { axum::serve(listener, guarded).await });
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the doors close with the runtime, which the daemon's life owns")]
fn spawn(server: impl Future<Output = io::Result<()>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the API stopped listening");
        }
    });
}
