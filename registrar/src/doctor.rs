//! Whether this machine can be a registrar: one finding for each thing that it needs.
//!
//! It may run beside the registrar: what only one process may open is then left alone, and the registrar is asked for a
//! sign of life instead. Nothing of a key is said but where it lies.

mod recoveries;

use core::time::Duration;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use kido_doctor::{Finding, clock, disk, secrets};
use kido_serve::Examined;
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_shared::error_chain::Chain;
use kido_shared::ids::EventId;
use kido_shared::wire::v1::operator::RecoveryBody;
use kido_shared::wire::v1::routes;
use kido_store::private_file;
use zeroize::Zeroizing;

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

/// Largest answer about one event: a thousand gates with their standing, and room.
const RECOVERY_BYTES_MAX: usize = 256 * 1024;

/// Largest token file.
const TOKEN_FILE_BYTES_MAX: usize = 1_024;

/// How long a registrar of this machine may take to give a sign of life.
const DEADLINE: Duration = Duration::from_secs(5);

/// Looks at everything, in the order in which a registrar needs it.
///
/// `token` is the file of a bearer token, where whoever asks has one: with it a running registrar is asked for more.
pub(crate) async fn examine(config: &ServeConfig, token: Option<&Path>) -> Vec<Finding> {
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
        Err(ServeError::Served(_)) => {
            findings.push(ask(config).await);
            let told = ask_about_recoveries(config, &keyring, token).await;
            findings.extend(recoveries::look(&keyring, SystemClock.now(), |event| told.get(&event).cloned()));
            return findings;
        }
        Err(error) => findings.push(Finding::broken("events", Chain(&error).to_string())),
    }
    findings.extend(recoveries::look(&keyring, SystemClock.now(), |_event| None));
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

/// A client of the registrar on this machine, and how its addresses begin.
fn client(config: &ServeConfig) -> reqwest::Result<(reqwest::Client, String)> {
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(DEADLINE);
    if config.tls.is_none() {
        return Ok((builder.build()?, format!("http://{}", config.listen)));
    }
    // By its public name, so that its certificate is checked as everybody checks it; only the address is this machine's.
    Ok((builder.resolve(config.origin.host(), config.listen).build()?, config.origin.to_string()))
}

async fn ask(config: &ServeConfig) -> Finding {
    let listen = config.listen;
    let asked = async {
        let (client, origin) = client(config)?;
        client.get(format!("{origin}{}", routes::HEALTH)).send().await?.error_for_status()
    };
    match asked.await {
        Ok(_alive) => Finding::well("registrar", format!("runs, and answers at {listen}")),
        Err(error) => {
            let said = format!("runs, but does not answer at {listen}: {}", Chain(&error.without_url()));
            Finding::broken("registrar", said)
        }
    }
}

/// How far each event is that is being got back, where the registrar tells whoever has that token.
async fn ask_about_recoveries(
    config: &ServeConfig,
    keyring: &Keyring,
    token: Option<&Path>,
) -> BTreeMap<EventId, RecoveryBody> {
    let first = config.data.operator_token();
    let path = token.or_else(|| first.exists().then_some(first.as_path()));
    let (mut told, events) = (BTreeMap::new(), recoveries::under_way(keyring));
    let Some(path) = path.filter(|_| !events.is_empty()) else { return told };
    let token = private_file::read(path, TOKEN_FILE_BYTES_MAX).map(Zeroizing::new);
    let token = token
        .ok()
        .and_then(|bytes| core::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.trim().to_owned())));
    let (Some(token), Ok((client, origin))) = (token, client(config)) else { return told };
    for event in events {
        let request = client.get(format!("{origin}{}", routes::recovery(event))).bearer_auth(token.as_str());
        match bounded(request).await {
            Ok(body) => told.extend(serde_json::from_slice(&body).ok().map(|body| (event, body))),
            Err(error) => {
                tracing::debug!(%event, error = %Chain(&error.without_url()), "not told how far it is got back")
            }
        }
    }
    told
}

/// What the registrar answers, as far as it may be read.
async fn bounded(request: reqwest::RequestBuilder) -> reqwest::Result<Vec<u8>> {
    let mut response = request.send().await?.error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > RECOVERY_BYTES_MAX {
            // Longer than any: it is not read as one either.
            break;
        }
    }
    Ok(body)
}
