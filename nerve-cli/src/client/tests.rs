//! The client against a small server on a socket of its own.

use std::path::Path;

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use nerve_runtime::daemon::Layout;
use nerve_runtime::daemon::api::dto::{ErrorBody, ErrorKind, TriggerRequest};
use tokio::net::UnixListener;

use super::Client;
use crate::render::samples;

fn layout(root: &Path) -> Layout {
    let layout = Layout::new(root);
    std::fs::create_dir_all(layout.run()).expect("folders");
    std::fs::write(layout.socket_pointer(), format!("{}\n", layout.default_socket().display())).expect("a file");
    layout
}

#[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
fn serve(layout: &Layout, routes: Router) {
    let listener = UnixListener::bind(layout.default_socket()).expect("a socket");
    tokio::spawn(async move { axum::serve(listener, routes).await });
}

#[tokio::test]
async fn an_answer_is_read_and_an_error_keeps_its_kind() {
    let root = tempfile::tempdir().expect("a folder");
    let layout = layout(root.path());
    let refused = || async {
        let body = ErrorBody::new(ErrorKind::Conflict, "NV0303", "th_x is completed").help("nothing to kill");
        (StatusCode::CONFLICT, Json(body))
    };
    let routes = Router::new()
        .route("/v1/status", get(|| async { Json(samples::status()) }))
        .route("/v1/threads/th_x/kill", post(refused))
        .route("/v1/workflows/greet/trigger", post(|| async { (StatusCode::BAD_GATEWAY, "not JSON") }));
    serve(&layout, routes);
    let client = Client::to(&layout).expect("a client");
    assert_eq!(client.status().await.expect("the status"), samples::status());
    let error = client.kill("th_x").await.expect_err("a conflict");
    assert_eq!((error.kind(), error.text()), (ErrorKind::Conflict, "error[NV0303]: th_x is completed\nhelp: nothing to kill".to_owned()));
    let error = client.trigger("greet", &TriggerRequest::default()).await.expect_err("no document");
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(error.text().contains("not JSON"), "{}", error.text());
}

#[tokio::test]
async fn without_a_daemon_it_says_how_to_start_one() {
    let root = tempfile::tempdir().expect("a folder");
    let never_started = Client::to(&Layout::new(root.path())).expect_err("no pointer");
    let layout = layout(root.path());
    drop(UnixListener::bind(layout.default_socket()).expect("a socket"));
    let killed = Client::to(&layout).expect("a client").status().await.expect_err("a stale socket");
    for error in [never_started, killed] {
        assert_eq!(error.kind(), ErrorKind::NotRunning);
        assert_eq!(error.text(), "error[NV0004]: no daemon runs here\nhelp: start it: nerve start");
    }
}
