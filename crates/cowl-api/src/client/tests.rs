use cowl_crypto::digest::Digest;
use cowl_domain::{PartName, RecordId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::frames::FrameHeader;
use crate::types::Commit;
use crate::{Problem, ProblemCode};

/// A server that gives these answers, one a connection, and returns the requests' heads.
async fn server(answers: Vec<Vec<u8>>) -> (ClientConfig, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut heads = Vec::new();
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 64 * 1024];
            let read = connection.read(&mut request).await.unwrap();
            heads.push(String::from_utf8_lossy(&request[..read]).into_owned());
            connection.write_all(&answer).await.unwrap();
        }
        heads
    });
    (ClientConfig::new(url), serving)
}

fn answer(status: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn problem(code: ProblemCode) -> Vec<u8> {
    let body = serde_json::to_vec(&Problem::new(code, "no")).unwrap();
    answer(&format!("{} x", code.status()), crate::problem::MEDIA_TYPE, &body)
}

fn commit() -> Commit {
    Commit { items: Vec::new(), removed: Vec::new(), epoch: None, shares: Vec::new(), head: None }
}

#[tokio::test]
async fn a_question_is_asked_again_while_the_server_is_unavailable() {
    let answers = vec![
        problem(ProblemCode::Unavailable),
        problem(ProblemCode::Unavailable),
        answer("200 OK", "application/json", b"[]"),
    ];
    let (config, serving) = server(answers).await;
    assert_eq!(Client::new(&config).unwrap().grants().await.unwrap(), Vec::new());
    assert_eq!(serving.await.unwrap().len(), 3);
}

#[tokio::test]
async fn patience_has_an_end() {
    let (mut config, serving) = server(vec![problem(ProblemCode::Unavailable); 2]).await;
    config.attempts = 2;
    let refused = Client::new(&config).unwrap().grants().await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::Unavailable));
    serving.await.unwrap();
}

#[tokio::test]
async fn a_change_is_not_repeated_when_its_fate_is_unknown() {
    let (config, serving) = server(vec![problem(ProblemCode::Unavailable)]).await;
    let record = RecordId::from_bytes([1; 16]);
    let refused = Client::new(&config).unwrap().commit(&record, &commit()).await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::Unavailable));
    assert_eq!(serving.await.unwrap().len(), 1);
    let (config, serving) = server(vec![Vec::new()]).await;
    let cut = Client::new(&config).unwrap().commit(&record, &commit()).await;
    assert!(matches!(cut, Err(ClientError::Unreachable { .. })));
    assert_eq!(serving.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_argued_with() {
    let (config, serving) = server(vec![problem(ProblemCode::NotFound)]).await;
    let refused = Client::new(&config).unwrap().grants().await.unwrap_err();
    assert_eq!(refused, ClientError::Problem(Problem::new(ProblemCode::NotFound, "no")));
    serving.await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = ClientConfig::new(format!("http://{}", listener.local_addr().unwrap()));
    config.attempts = 2;
    drop(listener);
    let error = Client::new(&config).unwrap().grants().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }) && error.is_passing());
}

#[tokio::test]
async fn the_token_travels_in_a_header_and_is_never_shown() {
    let (config, serving) = server(vec![answer("200 OK", "application/json", b"[]")]).await;
    let client = Client::new(&config).unwrap().with_token(&[0xab; 32]);
    client.grants().await.unwrap();
    let head = serving.await.unwrap().remove(0);
    assert!(head.to_lowercase().contains("authorization: bearer q6ur"));
    assert!(head.starts_with("GET /v1/grants HTTP/1.1\r\n"));
    assert!(!format!("{client:?}").to_lowercase().contains("q6ur"));
    assert!(format!("{:?}", client.without_token()).contains("without a session"));
}

#[tokio::test]
async fn answers_outside_the_contract_are_named() {
    for bad in [
        answer("200 OK", "application/json", b"{"),
        answer("200 OK", "application/json", b"{\"grants\":1}"),
        answer("404 x", "text/html", b"<html>"),
        answer("404 x", crate::problem::MEDIA_TYPE, b"{}"),
        answer("302 Found\r\nlocation: http://127.0.0.1:1/", "text/plain", b""),
    ] {
        let (config, serving) = server(vec![bad]).await;
        let error = Client::new(&config).unwrap().grants().await.unwrap_err();
        assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
        serving.await.unwrap();
    }
}

#[tokio::test]
async fn a_range_has_the_length_that_was_asked_for() {
    let name = PartName::from_bytes([1; 16]);
    for body in [b"ab".as_slice(), b"abcd"] {
        let (config, serving) = server(vec![answer("206 x", "application/octet-stream", body)]).await;
        let got = Client::new(&config).unwrap().fetch_part_range(&[1; 32], &name, 5..8).await;
        assert!(matches!(got, Err(ClientError::BadAnswer { .. })));
        assert!(serving.await.unwrap()[0].contains("range: bytes=5-7"));
    }
}

fn frame(name: u8, bytes: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        name: PartName::from_bytes([name; 16]),
        hash: Digest::of(bytes),
        length: bytes.len() as u32,
    };
    [header.to_bytes().as_slice(), bytes].concat()
}

async fn batch(body: &[u8]) -> Result<Vec<(PartName, bytes::Bytes)>, ClientError> {
    let (config, serving) = server(vec![answer("200 OK", "application/octet-stream", body)]).await;
    let names = [1, 2].map(|name| PartName::from_bytes([name; 16]));
    let parts = Client::new(&config).unwrap().fetch_parts(&[1; 32], &names).await?.collect().await;
    serving.await.unwrap();
    parts
}

#[tokio::test]
async fn a_batch_brings_the_parts_in_the_order_asked_for() {
    let large = vec![9; 300_000];
    let parts = batch(&[frame(1, &large), frame(2, b"x")].concat()).await.unwrap();
    assert_eq!(parts[0].1, large);
    assert_eq!(parts[1], (PartName::from_bytes([2; 16]), bytes::Bytes::from_static(b"x")));
}

#[tokio::test]
async fn a_batch_that_is_changed_cut_or_shuffled_is_refused() {
    let good = [frame(1, b"abc"), frame(2, b"defg")].concat();
    batch(&good).await.unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    let shuffled = [frame(2, b"defg"), frame(1, b"abc")].concat();
    for bad in [&changed, &shuffled, &good[..good.len() - 1].to_vec(), &good[..55].to_vec(), &Vec::new()] {
        let error = batch(bad).await.unwrap_err();
        assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
    }
}

#[tokio::test]
async fn names_that_could_change_the_path_are_not_sent() {
    let client = Client::new(&ClientConfig::new("http://127.0.0.1:1")).unwrap();
    for name in ["", "..", ".", "a/b", "a?b", "a%2fb", "ä", "a b"] {
        assert_eq!(client.party(name).await.unwrap_err().code(), Some(ProblemCode::NotFound), "{name}");
    }
}

#[test]
fn only_plain_addresses_of_servers_are_taken() {
    for bad in ["", "nowhere", "ftp://host", "http://user:word@host", "http://host/?q=1", "file:///etc"] {
        let error = Client::new(&ClientConfig::new(bad)).unwrap_err();
        assert!(matches!(error, ClientError::Config { .. }), "{bad}: {error}");
    }
    let garbled = ClientConfig::new("https://host").trusting(b"-----BEGIN CERTIFICATE-----\nx".to_vec());
    assert!(matches!(Client::new(&garbled), Err(ClientError::Config { .. })));
    Client::new(&ClientConfig::new("https://host/behind/a/proxy/")).unwrap();
}
