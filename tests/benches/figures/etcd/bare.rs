//! An etcd without Kido: the one transaction that a claim comes to, as many bytes, at the same rate.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kido_tests::harness::Etcd;
use rand::RngCore as _;
use rand::rngs::OsRng;
use serde_json::json;

/// Bytes of a record of claims.
const RECORD_BYTES: usize = 110;

/// How long a member has for one attempt; longer than a pause for a new leader never is one of these.
const DEADLINE: Duration = Duration::from_secs(10);

/// The same while a leader dies: a bare writer goes to the next member as fast as a gate to the next box.
const ATTEMPT: Duration = Duration::from_millis(300);

/// Pause between two writes of the one that looks for a pause.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Writers of their own: connections that outlive a write.
const CLIENTS: usize = 20;

/// Bare clients of every member.
pub(super) struct Bare {
    clients: Vec<reqwest::Client>,
    endpoints: Vec<String>,
}

impl Bare {
    pub(super) fn of(etcd: &Etcd) -> anyhow::Result<Self> {
        let client = |_number| reqwest::Client::builder().no_proxy().tcp_nodelay(true).build();
        Ok(Self { clients: (0..CLIENTS).map(client).collect::<Result<_, _>>()?, endpoints: etcd.endpoints() })
    }

    /// Writes a key that is not there, at the member that this writer uses.
    pub(super) async fn put_if_absent(&self, writer: usize) -> anyhow::Result<()> {
        self.put(writer, writer, DEADLINE).await
    }

    /// The longest that one write took, member after member, while something else goes on for so long.
    pub(super) async fn longest_pause(&self, within: Duration) -> anyhow::Result<Duration> {
        let (until, mut longest) = (Instant::now() + within, Duration::ZERO);
        while Instant::now() < until {
            let begun = Instant::now();
            for member in 0_usize.. {
                if self.put(0, member, ATTEMPT).await.is_ok() {
                    break;
                }
                anyhow::ensure!(begun.elapsed() < within, "the etcd has not come back");
                tokio::time::sleep(LOOK_EVERY).await;
            }
            longest = longest.max(begun.elapsed());
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(longest)
    }

    async fn put(&self, writer: usize, member: usize, deadline: Duration) -> anyhow::Result<()> {
        let (mut name, mut value) = ([0; 32], vec![0; RECORD_BYTES]);
        OsRng.fill_bytes(&mut name);
        OsRng.fill_bytes(&mut value);
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let (key, value) = (STANDARD.encode(format!("bare/{name}")), STANDARD.encode(value));
        let question = json!({
            "compare": [{ "target": "MOD", "result": "EQUAL", "key": key, "mod_revision": "0" }],
            "success": [{ "request_put": { "key": key, "value": value } }],
            "failure": [{ "request_range": { "key": key } }],
        });
        let client = self.clients.iter().cycle().nth(writer % CLIENTS).context("no client")?;
        let endpoint = self.endpoints.iter().cycle().nth(member).context("no member")?;
        let asked = client.post(format!("{endpoint}/v3/kv/txn")).timeout(deadline).json(&question);
        let answer: serde_json::Value = asked.send().await?.error_for_status()?.json().await?;
        anyhow::ensure!(answer.get("succeeded") == Some(&serde_json::Value::Bool(true)), "{answer}");
        Ok(())
    }
}
