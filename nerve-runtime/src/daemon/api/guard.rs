//! Who may come in by TCP: a caller with the token, from a page of ours or none.

use axum::Router;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::Failure;
use super::dto::{ErrorBody, ErrorKind};

/// The bearer token.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    pub(super) fn new(token: String) -> Self {
        Self(token)
    }

    fn is(&self, given: &str) -> bool {
        bool::from(self.0.as_bytes().ct_eq(given.as_bytes()))
    }
}

/// The router behind the guard. Without a token the port is loopback only, and `Host` must say so: a page of another
/// site that resolves to this machine is not let in.
pub(super) fn guarded(router: Router, token: Option<Token>) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| {
        let token = token.clone();
        async move {
            match admit(&request, token.as_ref()) {
                Ok(()) => next.run(request).await,
                Err(failure) => Response::into_response(failure.into_response()),
            }
        }
    }))
}

fn admit(request: &Request, token: Option<&Token>) -> Result<(), Failure> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let refuse = |code, message: &str| Err(Failure(ErrorBody::new(ErrorKind::Unauthorised, code, message)));
    let host = header(HOST).unwrap_or_default();
    if let Some(origin) = header(ORIGIN)
        && origin.split_once("://").is_none_or(|(_, of)| of != host)
    {
        return refuse("NV0501", "this origin may not call the API");
    }
    match token {
        Some(token) => match header(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")) {
            Some(given) if token.is(given) => Ok(()),
            _ => refuse("NV0502", "the API's token is missing or wrong: send `Authorization: Bearer …`"),
        },
        None if is_loopback(host) => Ok(()),
        None => refuse("NV0503", "this host name is not this machine"),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host });
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in ["localhost", "localhost:4000", "127.0.0.1:1", "[::1]:80", "127.8.8.8"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "example.com", "localhost.example.com:80", "10.0.0.1", "127.0.0.1.nip.io"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
