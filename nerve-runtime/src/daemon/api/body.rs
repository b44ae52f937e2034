//! Reading what callers send; what cannot be read is answered with a document, as any other fault.

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::dto::{ErrorBody, ErrorKind};

/// A request's body as JSON of this type.
pub(super) struct Body<T>(pub T);

/// A body that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable(StatusCode, ErrorBody);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Unreadable;

    async fn from_request(request: Request, state: &S) -> Result<Self, Unreadable> {
        match Json::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => {
                let status = match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
                    _ => StatusCode::BAD_REQUEST,
                };
                Err(Unreadable(status, ErrorBody::new(ErrorKind::Usage, "NV0313", rejection.body_text())))
            }
        }
    }
}

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}
