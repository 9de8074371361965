//! Whether this machine can be a registrar: one finding for each thing that it needs.
//!
//! It may run beside the registrar: what only one process may open is then left alone, and the registrar is asked for a
//! sign of life instead. Nothing of a key is said but where it lies.

use core::time::Duration;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use kido_doctor::{Finding, clock, disk, secrets};
use kido_serve::Examined;
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_shared::error_chain::Chain;
use kido_shared::wire::v1::routes;

use crate::auth::tokens::Tokens;
use crate::config::ServeConfig;
use crate::keyring::{FEED_KEY_NOTICE, Keyring};
use crate::serve::{ServeError, lock};
use crate::store::examine_events;

/// Fewer events than this can still be made before the root key has to come back: a week's notice for a busy venue.
const SPARE_FEW: usize = 8;

/// A certificate of ninety days is renewed a month before its end; one with less than half of that left was forgotten.
const RENEWAL_LATE: Duration = Duration::from_secs(14 * DAY_S);

const DAY_S: u64 = 24 * 60 * 60;

/// How long a registrar of this machine may take to give a sign of life.
const DEADLINE: Duration = Duration::from_secs(5);

/// Looks at everything, in the order in which a registrar needs it.
pub(crate) async fn examine(config: &ServeConfig) -> Vec<Finding> {
    let data = config.data.path();
    let mut findings = vec![secrets::look_at_folder("data folder", data), disk::look(data), clock::look()];
    findings.push(look_at_origin(config));
    findings.extend(look_at_tls(config, SystemClock.now()));
    let keyring = match Keyring::open(&config.data.keyring(), &config.master_key) {
        Ok(keyring) => keyring,
        Err(error) => {
            findings.push(Finding::broken("master key", Chain(&error).to_string()));
            return findings;
        }
    };
    findings.extend(look_at_keys(config, &keyring));
    findings.extend(look_at_tokens(config));
    if !is_own(data) {
        // Whatever it would leave there (a lock, an index) would be another user's.
        let said = format!("not looked at: {} belongs to another user; run this as that user", data.display());
        findings.push(Finding::look("events", said));
        return findings;
    }
    match lock(config) {
        Ok(lock) => findings.extend(look_at_events(config, &keyring, &lock)),
        Err(ServeError::Served(_)) => findings.push(ask(config).await),
        Err(error) => findings.push(Finding::broken("events", Chain(&error).to_string())),
    }
    findings
}

/// Whether a folder belongs to whoever runs this.
fn is_own(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|metadata| metadata.uid() == rustix::process::geteuid().as_raw())
}

fn look_at_origin(config: &ServeConfig) -> Finding {
    let origin = config.origin.as_str();
    if origin.starts_with("https:") {
        return Finding::well("origin", origin);
    }
    Finding::look("origin", format!("{origin}: without TLS, for this machine and rehearsals alone"))
}

/// TLS of its own, where it has that: what a proxy in front has is the proxy's.
fn look_at_tls(config: &ServeConfig, now: Timestamp) -> Option<Finding> {
    let files = config.tls.as_ref()?;
    let host = config.origin.host();
    Some(match files.examine(host) {
        Err(error) => Finding::broken("TLS", Chain(&error).to_string()),
        Ok(Examined { names_host: false, .. }) => {
            Finding::broken("TLS", format!("{} is not for {host}", files.certificates.display()))
        }
        Ok(Examined { ends_at, .. }) => match ends_at.since(now) {
            Duration::ZERO => Finding::broken("TLS", "the certificate has ended: renew it; it is then read by itself"),
            left if left < RENEWAL_LATE => {
                Finding::look("TLS", format!("the certificate ends in {} days, and nobody has renewed it", days(left)))
            }
            left => Finding::well("TLS", format!("for {host}, {} days", days(left))),
        },
    })
}

const fn days(time: Duration) -> u64 {
    time.as_secs() / DAY_S
}

fn look_at_keys(config: &ServeConfig, keyring: &Keyring) -> Vec<Finding> {
    let mut findings = vec![secrets::look_at_keeping("master key", &config.master_key)];
    let own = Keyring::master_file(&config.data.keyring());
    if config.master_key != own && own.exists() {
        let said = format!("{} is there too: keep that copy elsewhere, and shred it here", own.display());
        findings.push(Finding::look("master key", said));
    }
    findings.push(match keyring.spare_identities(SystemClock.now()) {
        Ok(0) => Finding::look("spare keys", "no new event can be made: kido-registrar key stock, with the root key"),
        Ok(few) if few < SPARE_FEW => {
            Finding::look("spare keys", format!("for {few} more events: kido-registrar key stock, with the root key"))
        }
        Ok(spare) => Finding::well("spare keys", format!("for {spare} more events")),
        Err(error) => Finding::broken("spare keys", Chain(&error).to_string()),
    });
    findings.push(look_at_feed_keys(keyring, SystemClock.now()));
    findings
}

/// The one that ends first: an event whose key has ended has gates that believe nothing more.
fn look_at_feed_keys(keyring: &Keyring, now: Timestamp) -> Finding {
    let ends = match keyring.feed_key_ends() {
        Ok(ends) => ends,
        Err(error) => return Finding::broken("feed keys", Chain(&error).to_string()),
    };
    let Some((first, event)) = ends.first().copied() else {
        return Finding::well("feed keys", "of no event yet");
    };
    let few = ends.iter().filter(|(end, _)| *end <= now.after(FEED_KEY_NOTICE)).count();
    let days = days(first.since(now));
    if few == 0 {
        return Finding::well("feed keys", format!("of {} events, the first ends in {days} days", ends.len()));
    }
    let order = "kido-registrar key rotate --all --root-key FILE (or event forget, where it is over)";
    let when = if first <= now { "has ended".to_owned() } else { format!("ends in {days} days") };
    Finding::look("feed keys", format!("{few} need a new one; that of {event} {when}: {order}"))
}

fn look_at_tokens(config: &ServeConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = Tokens::open(config.data.tokens()) {
        findings.push(Finding::broken("tokens", Chain(&error).to_string()));
    }
    let first = config.data.operator_token();
    if first.exists() {
        let said = format!("{} opens everything: move it to where the operator works", first.display());
        findings.push(Finding::look("tokens", said));
    }
    findings
}

/// The lock is held meanwhile: nobody begins to serve what is being read.
fn look_at_events(config: &ServeConfig, keyring: &Keyring, _held: &File) -> Vec<Finding> {
    let examined = match examine_events(&config.data.events(), keyring, config.index_cache_bytes) {
        Ok(examined) => examined,
        Err(error) => return vec![Finding::broken("events", Chain(&error).to_string())],
    };
    let mut findings = Vec::new();
    for (event, opened) in &examined {
        if let Err(error) = opened {
            findings.push(Finding::broken("events", format!("{event}: {}", Chain(error))));
        }
    }
    let said = format!("{} of {}, verified", examined.len() - findings.len(), examined.len());
    findings.insert(0, Finding::well("events", said));
    findings
}

async fn ask(config: &ServeConfig) -> Finding {
    let listen = config.listen;
    let asked = async {
        let client = reqwest::Client::builder().no_proxy().timeout(DEADLINE);
        if config.tls.is_none() {
            let address = format!("http://{listen}{}", routes::HEALTH);
            return client.build()?.get(address).send().await?.error_for_status();
        }
        // By the name that everybody calls it by, and believed no further than by anybody else, but here.
        let address = format!("{}{}", config.origin, routes::HEALTH);
        let client = client.resolve(config.origin.host(), listen).build()?;
        client.get(address).send().await?.error_for_status()
    };
    match asked.await {
        Ok(_alive) => Finding::well("registrar", format!("runs, and answers at {listen}")),
        Err(error) => {
            let said = format!("runs, but does not answer at {listen}: {}", Chain(&error.without_url()));
            Finding::broken("registrar", said)
        }
    }
}
