//! An endpoint with a certificate of its own: refused as it is, trusted with `ca`.
//!
//! `tls/` holds a certificate for 127.0.0.1 with its key, and that of the authority that signed it, whose own key was thrown away.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop where it fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nerve_adapters::host::llm::{CallLimits, Endpoint, LlmClient, call};
use nerve_adapters::host::{Conversation, Form};
use nerve_core::FailureKind;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// Answers each connection that gets through its handshake.
fn serve() -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(file("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream.unwrap());
            let body = r#"{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}]}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            if stream.read(&mut [0; 65536]).is_ok() {
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        }
    });
    address
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_trusted_where_nerve_yaml_says_so() {
    let address = serve();
    let plain = Conversation {
        start: "go".into(),
        steps: Vec::new(),
        prompt: "Judge.".into(),
        schema: None,
        form: Form::Plain,
        reasks: Vec::new(),
    };
    let limits = CallLimits { tries: 1, ..CallLimits::new(Duration::from_secs(20), Duration::from_secs(5)) };
    let trusting = Endpoint { ca: Some(file("ca.pem")), ..Endpoint::new(format!("https://{address}/v1"), "m") };
    let client = LlmClient::new();
    assert_eq!(call(&client, &trusting, &plain, limits).await.unwrap().content, "yes");
    let failure = call(&client, &Endpoint { ca: None, ..trusting }, &plain, limits).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::Transport | FailureKind::Config), "{failure}");
}
