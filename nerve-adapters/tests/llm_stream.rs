//! Streams from a server that writes exactly these bytes: what is whole, what is cut, what is silent, and what is kept of each.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop where it fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use nerve_adapters::host::llm::{CallLimits, Endpoint, LlmClient, call};
use nerve_adapters::host::{CallText, Conversation, Form};
use nerve_core::{CallFailure, FailureKind, Usage};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
/// A response that is known not to be whole where the connection ends.
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const YES: &str = "data: {\"id\":\"c1\",\"model\":\"served\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"yes\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// What a server does with one connection, after it has read the request.
enum Act {
    Write(String),
    /// Nothing for this long; a client that leaves ends it sooner.
    Wait(Duration),
    /// Nothing, until the client leaves.
    Hold,
}

fn write(parts: &[&str]) -> Act {
    Act::Write(parts.concat())
}

struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

/// Serves one connection with each of these, in order, and then none.
fn serve(connections: Vec<Vec<Act>>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for acts in connections {
            let (mut stream, _) = listener.accept().unwrap();
            seen.lock().unwrap().push(request(&mut stream));
            for act in acts {
                let gone = match act {
                    Act::Write(bytes) => stream.write_all(bytes.as_bytes()).and_then(|()| stream.flush()).is_err(),
                    Act::Wait(time) => left(&mut stream, Some(time)),
                    Act::Hold => left(&mut stream, None),
                };
                if gone {
                    break;
                }
            }
        }
    });
    Server { address, requests }
}

fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
        if let (Some(length), Some(head)) = (length, text.find("\r\n\r\n"))
            && bytes.len() >= head + 4 + length
        {
            return text;
        }
        match stream.read(&mut buffer).unwrap() {
            0 => return text,
            n => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}

/// Whether the client leaves within this time.
fn left(stream: &mut TcpStream, time: Option<Duration>) -> bool {
    stream.set_read_timeout(time).unwrap();
    matches!(stream.read(&mut [0; 1]), Ok(0)) || time.is_none()
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn endpoint(server: &Server) -> Endpoint {
    Endpoint { api_key: Some("sk-very-secret".into()), ..Endpoint::new(format!("http://{}/v1", server.address), "asked") }
}

fn limits() -> CallLimits {
    CallLimits { tries: 3, ..CallLimits::new(Duration::from_secs(20), Duration::from_millis(500)) }
}

fn plain() -> Conversation {
    Conversation { start: "go".into(), steps: Vec::new(), prompt: "Judge.".into(), schema: None, form: Form::Plain, reasks: Vec::new() }
}

async fn ask(connections: Vec<Vec<Act>>) -> (Result<CallText, CallFailure>, usize) {
    let server = serve(connections);
    let result = call(&LlmClient::new(), &endpoint(&server), &plain(), limits()).await;
    let requests = server.requests.lock().unwrap().len();
    (result, requests)
}

#[tokio::test]
async fn a_stream_gives_its_text_its_facts_and_its_price() {
    let (result, _) = ask(vec![vec![write(&[HEAD, ": hello\n\n", YES, STOP, USAGE, DONE])]]).await;
    let text = result.unwrap();
    assert_eq!(text.content, "yes");
    assert_eq!(text.usage, Usage { input_tokens: Some(9), output_tokens: Some(2), ..Usage::ONE_CALL });
    let evidence = text.evidence;
    assert_eq!(
        (evidence.model.as_deref(), evidence.finish_reason.as_deref(), evidence.request_id.as_deref()),
        (Some("served"), Some("stop"), Some("c1"))
    );
    assert!(evidence.failed_tries.is_empty() && evidence.last_events.is_empty());
}

#[tokio::test]
async fn a_cut_stream_is_asked_for_again_and_nothing_of_it_is_kept_in_the_answer() {
    let cut = || vec![write(&[HEAD, YES, YES])];
    let broken = vec![Act::Write(format!("{CHUNKED}{}", chunk(YES)))];
    let (result, requests) = ask(vec![cut(), broken, vec![write(&[HEAD, YES, STOP, DONE])]]).await;
    let text = result.unwrap();
    assert_eq!((text.content.as_str(), text.usage.calls, requests), ("yes", 3, 3));
    assert_eq!(text.evidence.failed_tries.len(), 2);
    assert!(text.evidence.failed_tries[0].ends_with("it told no finish reason"), "{:?}", text.evidence);
    let (result, requests) = ask(vec![cut(), cut(), cut(), cut()]).await;
    let failure = result.unwrap_err();
    assert_eq!((failure.kind, failure.usage().calls, requests), (FailureKind::Transport, 3, 3), "{failure}");
    let evidence = failure.record.unwrap().evidence;
    assert_eq!((evidence.failed_tries.len(), evidence.last_events.len()), (2, 2));
    assert_eq!(evidence.model.as_deref(), Some("served"));
}

#[tokio::test]
async fn an_answer_that_a_limit_cut_is_never_asked_for_again() {
    let length = STOP.replace("stop", "length");
    let (result, requests) = ask(vec![vec![write(&[HEAD, YES, &length, USAGE, DONE])], vec![write(&[HEAD, YES, STOP, DONE])]]).await;
    let failure = result.unwrap_err();
    assert_eq!((failure.kind, requests), (FailureKind::Truncated, 1));
    // It was paid for.
    assert_eq!(failure.usage().output_tokens, Some(2));
}

#[tokio::test]
async fn an_event_that_is_no_json_is_a_fault_and_no_gap_in_the_answer() {
    let (result, requests) =
        ask(vec![vec![write(&[HEAD, YES, "data: {\"choi\n\n", YES, STOP, DONE])], vec![write(&[HEAD, YES, STOP, DONE])]]).await;
    assert_eq!((result.unwrap().content.as_str(), requests), ("yes", 2));
}

#[tokio::test]
async fn silence_between_two_events_is_told_apart_from_a_call_that_takes_too_long() {
    let silent = || vec![write(&[HEAD, YES]), Act::Hold];
    let (result, requests) = ask(vec![silent(), vec![write(&[HEAD, YES, STOP, DONE])]]).await;
    assert_eq!((result.unwrap().content.as_str(), requests), ("yes", 2));
    let (result, _) = ask(vec![silent(), silent(), silent()]).await;
    assert_eq!(result.unwrap_err().kind, FailureKind::Idle);
    // A stream that never begins is bounded by the whole call alone.
    let server = serve(vec![vec![write(&[HEAD]), Act::Hold]]);
    let limits = CallLimits { timeout: Duration::from_secs(1), ..limits() };
    let failure = call(&LlmClient::new(), &endpoint(&server), &plain(), limits).await.unwrap_err();
    assert_eq!((failure.kind, failure.usage().calls), (FailureKind::Timeout, 1), "{failure}");
}

#[tokio::test]
async fn a_first_token_may_take_longer_than_any_later_silence() {
    let slow = Act::Wait(Duration::from_millis(900));
    let (result, requests) = ask(vec![vec![write(&[HEAD]), slow, write(&[YES, STOP, DONE])]]).await;
    assert_eq!((result.unwrap().content.as_str(), requests), ("yes", 1));
}

/// Streams that tell their finish reason and end without `[DONE]`: with their connection, in the middle of it, by silence, and by half an event.
fn unfinished() -> [Vec<Act>; 4] {
    let broken = Act::Write(format!("{CHUNKED}{}", chunk(&[YES, STOP].concat())));
    let garbled = write(&[HEAD, YES, STOP, "data: [DO\n\n"]);
    [vec![write(&[HEAD, YES, STOP])], vec![broken], vec![write(&[HEAD, YES, STOP]), Act::Hold], vec![garbled]]
}

#[tokio::test]
async fn a_whole_answer_without_the_last_event_is_asked_for_again() {
    for stream in unfinished() {
        let (result, requests) = ask(vec![stream, vec![write(&[HEAD, YES, STOP, USAGE, DONE])]]).await;
        let text = result.unwrap();
        assert_eq!((text.content.as_str(), text.usage.calls, requests), ("yes", 2, 2));
        assert!(text.evidence.failed_tries[0].ends_with("ended its stream without `[DONE]`"), "{:?}", text.evidence);
    }
}

#[tokio::test]
async fn a_whole_answer_is_given_when_no_better_one_comes() {
    let error = || vec![write(&["HTTP/1.1 401 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"])];
    let silent = || vec![write(&[HEAD]), Act::Hold];
    for stream in unfinished() {
        let (result, requests) = ask(vec![stream, error()]).await;
        assert_eq!((result.unwrap().content.as_str(), requests), ("yes", 2));
    }
    for stream in unfinished() {
        let server = serve(vec![stream, silent()]);
        let limits = CallLimits { timeout: Duration::from_secs(3), ..limits() };
        let text = call(&LlmClient::new(), &endpoint(&server), &plain(), limits).await.unwrap();
        assert_eq!((text.content.as_str(), text.usage.calls), ("yes", 2));
    }
}

#[tokio::test]
async fn a_server_that_never_says_done_is_found_out_once() {
    let client = LlmClient::new();
    let cut = || vec![write(&[HEAD, YES, STOP])];
    let server = serve(vec![cut(), cut(), cut(), cut(), vec![write(&[HEAD, YES, STOP, DONE])], cut(), cut(), cut()]);
    for (requests, why) in [
        (3, "three in a row are no chance"),
        (1, "so the next one is believed"),
        (1, "until it says so once"),
        (3, "which tells that the others are cut; a whole answer is given all the same"),
    ] {
        let text = call(&client, &endpoint(&server), &plain(), limits()).await.unwrap();
        assert_eq!((text.content.as_str(), text.usage.calls), ("yes", requests), "{why}");
    }
}

#[tokio::test]
async fn an_error_within_a_stream_is_that_error() {
    let error = |code: &str| format!("data: {{\"error\":{{\"code\":{code},\"message\":\"no\"}}}}\n\n");
    let (result, requests) = ask(vec![vec![write(&[HEAD, YES, &error("429")])], vec![write(&[HEAD, YES, STOP, DONE])]]).await;
    assert_eq!((result.unwrap().content.as_str(), requests), ("yes", 2));
    let (result, requests) = ask(vec![vec![write(&[HEAD, YES, &error("\"insufficient_quota\"")])]]).await;
    assert_eq!((result.unwrap_err().kind, requests), (FailureKind::Quota, 1));
}

#[tokio::test]
async fn the_events_may_be_cut_anywhere_on_their_way() {
    let events = [YES, "data: {\"choices\":[{\"delta\":{\"content\":\" é\"}}]}\r\n\r\n", STOP, DONE].concat();
    let bytes = events.as_bytes();
    // Between the two bytes of the é, within a line end, within a word.
    let e = events.find('é').unwrap() + 1;
    for at in [1, e, events.find("\r\n\r\n").unwrap() + 1, events.find("[DONE]").unwrap() + 2] {
        let (first, second) = bytes.split_at(at);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (first, second) = (first.to_vec(), second.to_vec());
        let (tell, wait) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            request(&mut stream);
            stream.set_nodelay(true).unwrap();
            stream.write_all(HEAD.as_bytes()).unwrap();
            stream.write_all(&first).unwrap();
            let _ = wait.recv_timeout(Duration::from_millis(50));
            stream.write_all(&second).unwrap();
        });
        let endpoint = Endpoint::new(format!("http://{address}/v1"), "asked");
        let text = call(&LlmClient::new(), &endpoint, &plain(), limits()).await.unwrap();
        drop(tell);
        assert_eq!(text.content, "yes é", "cut at {at}");
    }
}

#[tokio::test]
async fn a_proxy_of_the_provider_is_gone_through_and_its_password_is_not_told() {
    let proxy = serve(vec![vec![write(&[HEAD, YES, STOP, DONE])]]);
    let endpoint =
        Endpoint { proxy: Some(format!("http://me:hunter22@{}", proxy.address)), ..Endpoint::new("http://models.invalid/v1", "asked") };
    let text = call(&LlmClient::new(), &endpoint, &plain(), limits()).await.unwrap();
    assert_eq!(text.content, "yes");
    let request = proxy.requests.lock().unwrap()[0].clone();
    assert!(request.starts_with("POST http://models.invalid/v1/chat/completions HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("proxy-authorization: basic "), "{request}");
    // Nobody is there any more.
    let failure = call(&LlmClient::new(), &endpoint, &plain(), CallLimits { tries: 1, ..limits() }).await.unwrap_err();
    assert!(!format!("{failure:?}{endpoint:?}{:?}", LlmClient::new()).contains("hunter22"), "{failure:?}");
    let bad = Endpoint { proxy: Some("http://me:hunter22@:x".into()), ..endpoint };
    let failure = call(&LlmClient::new(), &bad, &plain(), limits()).await.unwrap_err();
    assert_eq!((failure.kind, failure.usage().calls), (FailureKind::Config, 0), "{failure}");
    assert!(!format!("{failure:?}").contains("hunter22"), "{failure:?}");
}

#[tokio::test]
async fn a_file_of_certificates_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("team.pem");
    std::fs::write(&file, "no certificate").unwrap();
    for (ca, why) in [(file, "there is no certificate in it"), (folder.path().join("gone.pem"), "No such file")] {
        let endpoint = Endpoint { ca: Some(ca), ..Endpoint::new("https://127.0.0.1:1/v1", "asked") };
        let failure = call(&LlmClient::new(), &endpoint, &plain(), limits()).await.unwrap_err();
        assert!(failure.kind == FailureKind::Config && failure.message.contains(why), "{failure}");
    }
}
