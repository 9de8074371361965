//! As little HTTP/1.1 as a load generator and a feed's host need, so that what is measured is the other side.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;

/// Longer than anything here takes; ends a run that hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest line of a head.
const LINE_BYTES_MAX: u64 = 8 * 1024;

/// One connection that is kept.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
}

/// The first line of a message and the length of its body.
struct Head {
    first: String,
    body: usize,
    bytes: usize,
}

impl Connection {
    pub(crate) fn open(host: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), host })
    }

    /// Posts JSON; gives status and body.
    pub(crate) fn post(&mut self, path: &str, json: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
        self.post_as(path, json, "")
    }

    /// The same with a further header, its line's end included.
    pub(crate) fn post_as(&mut self, path: &str, json: &[u8], header: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let (host, length) = (self.host, json.len());
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{header}content-length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(json);
        self.stream.get_mut().write_all(&request)?;
        let head = read_head(&mut self.stream)?.context("the connection was closed")?;
        let status = head.first.split(' ').nth(1).context("no status")?.parse()?;
        let mut body = vec![0; head.body];
        self.stream.read_exact(&mut body)?;
        Ok((status, body))
    }
}

/// Reads a head; nothing where the other side has closed before one.
fn read_head(stream: &mut BufReader<TcpStream>) -> anyhow::Result<Option<Head>> {
    let mut head = Head { first: String::new(), body: 0, bytes: 0 };
    loop {
        let mut line = String::new();
        let read = stream.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)?;
        head.bytes = head.bytes.saturating_add(read);
        let line = line.trim_end();
        if read == 0 {
            anyhow::ensure!(head.first.is_empty(), "a head without an end");
            return Ok(None);
        }
        if line.is_empty() {
            return Ok(Some(head));
        }
        if head.first.is_empty() {
            line.clone_into(&mut head.first);
        } else if let Some((name, value)) = line.split_once(':') {
            anyhow::ensure!(!name.eq_ignore_ascii_case("transfer-encoding"), "a body without a length");
            if name.eq_ignore_ascii_case("content-length") {
                head.body = value.trim().parse()?;
            }
        }
    }
}

/// Answers `GET`s: a body, or nothing where there is no such thing.
pub(crate) trait Host: Send + Sync + 'static {
    fn get(&self, path: &str) -> Option<Vec<u8>>;
}

/// A host at work on a loopback port.
pub(crate) struct Server {
    address: SocketAddr,
    wire: Arc<Wire>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Wire {
    bytes: AtomicU64,
    ended: AtomicBool,
}

impl Server {
    pub(crate) fn start(host: Arc<dyn Host>) -> anyhow::Result<Self> {
        let listening = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listening.local_addr()?;
        let wire = Arc::new(Wire::default());
        let seen = Arc::clone(&wire);
        let listener = std::thread::spawn(move || {
            for stream in listening.incoming().flatten() {
                if seen.ended.load(Ordering::SeqCst) {
                    return;
                }
                let (host, wire) = (Arc::clone(&host), Arc::clone(&seen));
                std::thread::spawn(move || {
                    if let Err(error) = serve(stream, host.as_ref(), &wire) {
                        eprintln!("a connection ended: {error}");
                    }
                });
            }
        });
        Ok(Self { address, wire, listener: Some(listener) })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes of all requests and answers so far, both ways, heads included.
    pub(crate) fn bytes(&self) -> u64 {
        self.wire.bytes.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.wire.ended.store(true, Ordering::SeqCst);
        // The listener looks at the mark when somebody comes.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(listener) = self.listener.take()
            && woken
            && listener.join().is_err()
        {
            eprintln!("the host's listener panicked");
        }
    }
}

fn serve(stream: TcpStream, host: &dyn Host, wire: &Wire) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(head) = read_head(&mut stream)? {
        let mut body = vec![0; head.body];
        stream.read_exact(&mut body)?;
        let mut words = head.first.split(' ');
        let found = match (words.next(), words.next()) {
            (Some("GET"), Some(path)) => host.get(path),
            _ => None,
        };
        let (status, body) = found.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
        let kind = "content-type: application/octet-stream";
        let mut answer = format!("HTTP/1.1 {status}\r\n{kind}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(&body);
        let both_ways = head.bytes.saturating_add(head.body).saturating_add(answer.len());
        wire.bytes.fetch_add(u64::try_from(both_ways)?, Ordering::SeqCst);
        stream.get_mut().write_all(&answer)?;
    }
    Ok(())
}
