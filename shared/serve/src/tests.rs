use core::net::Ipv4Addr;
use core::net::SocketAddr;

use std::sync::Arc;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;

/// More than sockets and hyper buffer between two ends of loopback.
const LARGE: usize = 16 * 1024 * 1024;

const ASK: &[u8] = b"GET /slow HTTP/1.1\r\nhost: here\r\n\r\n";

/// A server whose one answer comes when it is let.
struct Server {
    address: SocketAddr,
    asked: Arc<Notify>,
    answer: Arc<Notify>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

async fn server(drain: Duration) -> Server {
    server_with(HEAD_DEADLINE, drain).await
}

async fn server_with(head: Duration, drain: Duration) -> Server {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, let_go) = (Arc::clone(&asked), Arc::clone(&answer));
    let slow = get(async move || {
        told.notify_one();
        let_go.notified().await;
        "done"
    });
    let limits = Limits { connections: 2, read_buffer_bytes: 8 * 1024, head, drain };
    let (stop, stopped) = oneshot::channel();
    let body = post(async |body: String| body);
    let large = get(async || vec![b'x'; LARGE]);
    let router = Router::new().route("/slow", slow).route("/body", body).route("/large", large);
    let running = tokio::spawn(serve(listener, router, limits, async { drop(stopped.await) }));
    Server { address, asked, answer, stop, running }
}

async fn ask(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    server.asked.notified().await;
    stream
}

#[tokio::test]
async fn a_request_under_way_is_answered_and_nobody_new_is_let_in() {
    let server = server(Duration::from_secs(20)).await;
    let mut under_way = ask(&server).await;
    server.stop.send(()).unwrap();
    // The loop has let its listener go once nobody is let in any more.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    server.answer.notify_one();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    server.running.await.unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_holds_the_end_up_for_no_longer_than_the_drain() {
    let drain = Duration::from_millis(200);
    let server = server(drain).await;
    let _never_answered = ask(&server).await;
    let _asks_nothing = TcpStream::connect(server.address).await.unwrap();
    let began = Instant::now();
    server.stop.send(()).unwrap();
    server.running.await.unwrap();
    assert!((drain..Duration::from_secs(10)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

/// Two that never send the last line of their request.
async fn two_slow(server: &Server) -> [TcpStream; 2] {
    let [mut one, mut other] =
        [TcpStream::connect(server.address).await, TcpStream::connect(server.address).await].map(Result::unwrap);
    for stream in [&mut one, &mut other] {
        stream.write_all(&ASK[..ASK.len() - 2]).await.unwrap();
    }
    [one, other]
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_gives_its_place_back() {
    let server = server_with(Duration::from_millis(100), Duration::from_secs(1)).await;
    let mut answer = Vec::new();
    for mut slow in two_slow(&server).await {
        slow.read_to_end(&mut answer).await.unwrap();
    }
    server.stop.send(()).unwrap();
    server.running.await.unwrap();
}

#[tokio::test]
async fn sockets_that_say_nothing_keep_nobody_out_who_asks() {
    // Longer than any test: nobody gets in because a head took too long.
    let server = server_with(Duration::from_secs(3_600), Duration::from_secs(1)).await;
    let [mut one, other] = two_slow(&server).await;
    let mut honest = ask(&server).await;
    let gone = one.read(&mut [0]).await;
    assert!(matches!(gone, Ok(0) | Err(_)), "the first of them made room: {gone:?}");
    server.answer.notify_one();
    let mut beginning = [0; 12];
    honest.read_exact(&mut beginning).await.unwrap();
    assert_eq!(&beginning, b"HTTP/1.1 200");
    drop(other);
    server.stop.send(()).unwrap();
    server.running.await.unwrap();
}

#[tokio::test]
async fn a_body_that_never_comes_keeps_nobody_out_who_asks() {
    let server = server_with(Duration::from_secs(3_600), Duration::from_secs(1)).await;
    let mut silent = Vec::new();
    for _place in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"POST /body HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\n").await.unwrap();
        silent.push(stream);
    }
    let mut honest = ask(&server).await;
    server.answer.notify_one();
    let mut beginning = [0; 12];
    honest.read_exact(&mut beginning).await.unwrap();
    assert_eq!(&beginning, b"HTTP/1.1 200");
    drop(silent);
    server.stop.send(()).unwrap();
    server.running.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_on_its_way_arrives_whole_though_its_place_is_wanted() {
    let server = server(Duration::from_secs(20)).await;
    let _asks = ask(&server).await;
    let mut large = TcpStream::connect(server.address).await.unwrap();
    large.write_all(b"GET /large HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    let mut received = vec![0; 1];
    large.read_exact(&mut received).await.unwrap();
    // All places are taken, and somebody comes.
    let mut newcomer = TcpStream::connect(server.address).await.unwrap();
    newcomer.write_all(ASK).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), large.read_to_end(&mut received)).await.unwrap().unwrap();
    assert!(received.len() > LARGE && received.ends_with(b"x"), "{} bytes", received.len());
    server.asked.notified().await;
    server.stop.send(()).unwrap();
    server.answer.notify_waiters();
}

#[tokio::test]
async fn whoever_comes_while_all_places_are_taken_is_served_once_one_is_free() {
    let server = server(Duration::from_secs(1)).await;
    let (mut first, second) = (ask(&server).await, ask(&server).await);
    let mut third = TcpStream::connect(server.address).await.unwrap();
    third.write_all(ASK).await.unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(100), server.asked.notified()).await;
    assert!(nothing.is_err(), "it was served beside the two");
    first.shutdown().await.unwrap();
    server.answer.notify_waiters();
    drop((first, second));
    server.asked.notified().await;
    server.stop.send(()).unwrap();
    server.running.await.unwrap();
}
