//! As much of HTTP as it takes to steer a server of a test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Sends a request to `host:port` and reads the document that it answers with; `null` is no body.
pub(crate) fn ask(address: &str, method: &str, path: &str, body: &Value) -> std::io::Result<Value> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    // The request leaves in one write: a server that has answered from the head alone resets a connection on which more arrives.
    stream.write_all(request(address, method, path, body).as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let document = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?.1;
    Ok(serde_json::from_str(document)?)
}

fn request(address: &str, method: &str, path: &str, body: &Value) -> String {
    let head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n");
    if body.is_null() {
        return format!("{head}\r\n");
    }
    let body = body.to_string();
    format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
