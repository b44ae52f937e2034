//! The control API: HTTP on the workspace's Unix socket and, when a port is set, on TCP with a token.
//!
//! One verb, one file. What is stored is read from the store; what only the engine knows is asked of it.

mod adapters;
mod body;
pub mod dto;
mod guard;
mod journal;
mod listen;
mod router;
mod senses;
mod status;
mod thread_view;
mod threads;
mod trigger;
mod usage;
mod workers;

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nerve_store::{SqliteStore, StoreError};
use tokio::sync::{mpsc, oneshot};

use self::dto::{ErrorBody, ErrorKind};
use super::engine::{Message, Request};
use super::{Builtin, Layout, Started};
pub(crate) use listen::{listen_tcp, serve};

/// What every handler has.
#[derive(Clone)]
pub(crate) struct ApiState {
    pub store: Arc<SqliteStore>,
    pub engine: mpsc::UnboundedSender<Message>,
    pub layout: Layout,
    pub builtin: Builtin,
    pub started: Started,
    pub clock: Instant,
}

/// A failure as a handler returns it.
#[derive(Debug)]
pub(crate) struct Failure(pub ErrorBody);

type Answer<T> = Result<Json<T>, Failure>;

impl ApiState {
    /// Puts a question to the engine and waits for its answer.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let stopping = || Failure(ErrorBody::new(ErrorKind::NotRunning, "NV0303", "the daemon is stopping").help("nerve start"));
        self.engine.send(Message::Request(request(reply))).map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }
}

impl From<ErrorBody> for Failure {
    fn from(body: ErrorBody) -> Self {
        Self(body)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(ErrorBody::new(ErrorKind::Failed, "NV0402", error.to_string()))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.error.kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.0)).into_response()
    }
}
