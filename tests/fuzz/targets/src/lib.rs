//! What must hold for every parser that meets outside bytes, whatever they are.
//!
//! One module per target: `run` takes any bytes and stops where a property does not hold, `seeds` gives bytes that reach
//! far into the parser. libFuzzer calls `run` (`tests/fuzz/run.sh`, nightly); the test of this crate calls it on stable
//! over the kept corpus, the seeds, and changes of both.
//!
//! "Does not panic" is the least of the properties: what is accepted is also written again and compared, bounds are those
//! that the code names, and nothing is accepted that only a secret could have made.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a property that does not hold stops the program: that is what a fuzzer looks for"
)]

pub mod bodies;
pub mod certificate;
pub mod claims;
pub mod etcd;
pub mod event_stream;
pub mod exchange;
pub mod facts;
pub mod frames;
pub mod head;
pub mod link;
pub mod pinpad;
pub mod pipe;
pub mod range;
pub mod record;
pub mod request_signature;
pub mod table;
pub mod texts;

mod specimen;

/// One parser and what must hold for it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: of the module, the fuzzer's program and the folder of its corpus.
    pub name: &'static str,
    /// Takes any bytes; stops where a property does not hold.
    pub run: fn(&[u8]),
    /// Bytes to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Longest input worth trying: what the parser refuses by its length alone, and a little more.
    pub bytes_max: usize,
}

macro_rules! targets {
    ($($name:ident: $bytes_max:expr),+ $(,)?) => {
        /// Every target, the most exposed first.
        pub const TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            run: $name::run,
            seeds: $name::seeds,
            bytes_max: $bytes_max,
        }),+];
    };
}

targets! {
    exchange: 8_192,
    certificate: 4_200,
    request_signature: 2_200,
    bodies: 4_096,
    link: 600,
    table: 4_096,
    event_stream: 4_096,
    head: 1_100,
    record: 4_200,
    range: 4_096,
    frames: 4_096,
    claims: 4_096,
    etcd: 4_096,
    facts: 4_096,
    texts: 600,
    pinpad: 512,
    pipe: 800,
}
