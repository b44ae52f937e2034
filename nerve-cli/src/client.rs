//! The control API over the workspace's Unix socket.

mod address;
mod calls;

use std::path::PathBuf;

use nerve_runtime::daemon::Layout;
use nerve_runtime::daemon::api::dto::ErrorBody;
use reqwest::{Certificate, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::address::Address;
use crate::error::{CliError, codes};

/// A way to the daemon of one workspace. Making one does not connect.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
}

impl Client {
    /// Reads where the daemon listens.
    pub(crate) fn to(layout: &Layout) -> Result<Self, CliError> {
        let socket = std::fs::read_to_string(layout.socket_pointer()).map_err(|_| not_running())?;
        // reqwest wants a TLS provider even for a socket that never speaks TLS; a second installation is refused and harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .unix_socket(PathBuf::from(socket.trim()))
            .no_proxy()
            // Reading the system's certificates would cost more than the call.
            .tls_certs_only(std::iter::empty::<Certificate>())
            .build()
            .map_err(|error| CliError::new(codes::ANSWER, "cannot make an HTTP client").because(error))?;
        Ok(Self { http })
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, address: Address) -> Result<T, CliError> {
        send(self.http.get(address.url()?)).await
    }

    pub(crate) async fn post<B: Serialize, T: DeserializeOwned>(&self, address: Address, body: &B) -> Result<T, CliError> {
        send(self.http.post(address.url()?).json(body)).await
    }
}

async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CliError> {
    let response = request.send().await.map_err(|error| if error.is_connect() { not_running() } else { broken_off(error) })?;
    let status = response.status();
    let body = response.bytes().await.map_err(broken_off)?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| {
            CliError::new(codes::ANSWER, "the daemon's answer cannot be read")
                .because(error)
                .help("if nerve was upgraded while the daemon ran: nerve stop && nerve start")
        });
    }
    match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(body) => Err(body.into()),
        Err(_) => Err(CliError::new(codes::ANSWER, format!("the daemon answered {status}: {}", String::from_utf8_lossy(&body).trim()))),
    }
}

fn broken_off(error: reqwest::Error) -> CliError {
    CliError::new(codes::ANSWER, "the daemon broke the connection off").because(error).help("see what it is at: nerve status")
}

/// No daemon answers.
pub(crate) fn not_running() -> CliError {
    CliError::new(codes::NOT_RUNNING, "no daemon runs here").help("start it: nerve start")
}

#[cfg(test)]
mod tests;
