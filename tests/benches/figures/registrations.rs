//! The evening when sales open: 64 buyers at once, each with a card and a code, all through HTTP.
//!
//! A registration is two requests: the code opens a dialogue, the card's proof ends it. The registrar is the real
//! program on its embedded store; a registration counts once its answer is there, and with it the durable binding. The
//! buyers run on the same machine: their cards sign with the fastest RSA at hand, and their share of the processor is
//! given, for on two cores it is the registrar's loss.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use kido_shared::certificate::KeyAlgorithm;
use kido_shared::challenge::{Action, MessageDigest, Origin, RegistrationMessage};
use kido_shared::codes::Code;
use kido_shared::ids::TicketId;
use kido_shared::wire::v1::registration::{
    RegistrationOutcome, RegistrationProof, RegistrationStarted, StartRegistration,
};
use kido_shared::wire::v1::routes;
use kido_tests::harness::{EventOptions, Programs, Registrar, TicketRow, free_port};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::hazmat::PrehashVerifier as _;
use rsa::{BigUint, RsaPublicKey};
use serde_json::json;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::Scale;
use crate::cards::{self, CARDS, Card};
use crate::http::Connection;
use crate::import::{self, Kept};
use crate::machine::{self, Times};
use crate::report::{Reach, Row, Yardstick, rounded};

/// Buyers at once.
const AT_ONCE: usize = 64;
const REGISTRATIONS: usize = 6_400;
/// Registrations before the first that counts.
const WARM_UP: usize = 640;
const PER_SECOND_MIN: f64 = 1_000.0;
/// How long the bare verification runs.
const YARDSTICK_TIME: Duration = Duration::from_secs(1);
/// The public exponent 65537.
const EXPONENT: u32 = 65_537;

pub(crate) fn measure(scale: Scale) -> anyhow::Result<Vec<Row>> {
    machine::build_programs()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let cards = cards::make(scale.of(CARDS))?;
    let buyers = cards.iter().map(Buyer::new).collect::<anyhow::Result<Vec<_>>>()?;
    let bare = verifications_per_second(&buyers)?;
    let folder = machine::scratch()?;
    let count = scale.of(REGISTRATIONS);
    let (registrar, event, codes) = runtime.block_on(opened(folder.path(), count + WARM_UP))?;
    let store = registrar.folder().join("events").join(event);
    let (warm, counted) = codes.split_at_checked(WARM_UP).context("too few codes")?;
    let office = Office::of(&registrar)?;
    rush(&office, &buyers, warm)?;
    let pid = machine::child_named("kido-registrar")?;
    let before = (machine::cpu_time("self")?, machine::cpu_time(&pid)?);
    let begun = Instant::now();
    let times = rush(&office, &buyers, counted)?;
    let took = begun.elapsed();
    let own = machine::cpu_time("self")?.saturating_sub(before.0);
    let theirs = machine::cpu_time(&pid)?.saturating_sub(before.1);
    let resident = machine::peak_resident_bytes(&pid)?;
    stop(&runtime, registrar)?;
    // Every ticket that was imported is bound by now, each by a transaction of its own, as it would be.
    let kept = import::kept(
        "registrations/kept",
        "imported and bound, at the registrar",
        &Kept::in_folder(&store)?,
        count + WARM_UP,
        import::REGISTRAR_BYTES_MAX,
    );

    let registered = f64::from(u32::try_from(times.len())?);
    let per_second = registered / took.as_secs_f64();
    let share = |used: Duration| rounded(used.as_secs_f64() / (own + theirs).as_secs_f64());
    let each = |used: Duration| rounded(machine::micros(used) / registered);
    let mut details = serde_json::Map::new();
    details.insert("registrations".to_owned(), json!(times.len()));
    details.insert(
        "answered after".to_owned(),
        json!({ "p50_ms": rounded(times.percentile_us(50) / 1_000.0), "p99_ms": rounded(times.percentile_us(99) / 1_000.0) }),
    );
    details.insert("processor, load generator".to_owned(), json!({ "share": share(own), "us_each": each(own) }));
    details.insert("processor, registrar".to_owned(), json!({ "share": share(theirs), "us_each": each(theirs) }));
    details.insert("cores busy".to_owned(), rounded((own + theirs).as_secs_f64() / took.as_secs_f64()));
    details.insert("registrar resident, MB".to_owned(), json!(resident / 1_000_000));
    let registrations = Row {
        name: "registrations",
        what: format!("registrations per second, {AT_ONCE} at once, over HTTP, load generator included"),
        figure: per_second,
        unit: "/s",
        reach: Reach::AtLeast(PER_SECOND_MIN),
        yardstick: Yardstick {
            what: "bare RSA-2048 verifications on all cores, crate rsa; a registration needs two",
            figure: bare,
            unit: "/s",
        },
        ratio: per_second / bare,
        details,
    };
    Ok(vec![registrations, kept])
}

/// A registrar with a rehearsal event and tickets for sale, `FIGURE-000000` and so on; the event, and the codes in that
/// order.
pub(crate) async fn opened(folder: &std::path::Path, tickets: usize) -> anyhow::Result<(Registrar, String, Vec<Code>)> {
    let anchors = folder.join("anchors");
    std::fs::create_dir(&anchors)?;
    std::fs::write(anchors.join("root.der"), cards::root()?)?;
    let programs = Programs::of_this_build()?;
    let mut registrar = Registrar::init(&programs, folder, folder, &anchors, (free_port()?, None)).await?;
    registrar.start().await?;
    let event = registrar.rehearsal(&EventOptions { tickets_per_card: 1_000, ..EventOptions::default() }).await?;
    let rows: Vec<TicketRow> = (0..tickets).map(|number| TicketRow::open_now(&format!("FIGURE-{number:06}"))).collect();
    let links: BTreeMap<String, String> = registrar.import(&event, &rows, false).await?;
    let code = |link: &String| link.split_once('#').and_then(|(_origin, code)| Code::parse(code).ok());
    let codes: Vec<Code> = links.values().filter_map(code).collect();
    ensure!(codes.len() == tickets, "{} codes for {tickets} tickets", codes.len());
    Ok((registrar, event, codes))
}

pub(crate) fn stop(runtime: &tokio::runtime::Runtime, mut registrar: Registrar) -> anyhow::Result<()> {
    Ok(runtime.block_on(registrar.stop())?)
}

/// Where registrations are made.
pub(crate) struct Office {
    pub(crate) address: SocketAddr,
    origin: Origin,
}

impl Office {
    pub(crate) fn of(registrar: &Registrar) -> anyhow::Result<Self> {
        let origin = registrar.origin();
        Ok(Self { address: origin.trim_start_matches("http://").parse()?, origin: Origin::parse(&origin)? })
    }
}

/// All of them, by as many buyers at once as there are lines.
fn rush(office: &Office, buyers: &[Buyer], codes: &[Code]) -> anyhow::Result<Times> {
    std::thread::scope(|scope| {
        let share = codes.len().div_ceil(AT_ONCE).max(1);
        let queues: Vec<_> = codes
            .chunks(share)
            .zip(buyers.iter().cycle())
            .map(|(codes, buyer)| scope.spawn(move || buyer.register_all(office, codes)))
            .collect();
        let mut times = Times::default();
        for queue in queues {
            times.extend(queue.join().ok().context("a buyer panicked")??);
        }
        Ok(times)
    })
}

/// A buyer and the card.
pub(crate) struct Buyer {
    key: KeyPair,
    certificate: Vec<u8>,
}

impl Buyer {
    pub(crate) fn new(card: &Card) -> anyhow::Result<Self> {
        let key = KeyPair::from_der(&card.key.to_pkcs1_der()?).ok().context("the key is refused")?;
        Ok(Self { key, certificate: card.certificate.clone() })
    }

    fn register_all(&self, office: &Office, codes: &[Code]) -> anyhow::Result<Times> {
        let mut connection = Connection::open(office.address)?;
        let mut times = Times::default();
        for code in codes {
            let begun = Instant::now();
            let _ticket = self.register(&mut connection, office, code)?;
            times.add(begun.elapsed());
        }
        Ok(times)
    }

    /// Binds the ticket of a code; gives which.
    pub(crate) fn register(
        &self,
        connection: &mut Connection,
        office: &Office,
        code: &Code,
    ) -> anyhow::Result<TicketId> {
        let start = StartRegistration { action: Action::Bind, code: Some(code.reveal()), event: None };
        let started: RegistrationStarted = post(connection, routes::REGISTRATIONS, &start)?;
        let ticket = started.ticket.context("the code has no ticket")?.ticket;
        let message = RegistrationMessage {
            action: Action::Bind,
            origin: office.origin.clone(),
            event: started.event.event,
            ticket: Some(ticket),
            code: Some(code.hash()),
            challenge: started.challenge,
        };
        let signature = self.sign(&message.digest(KeyAlgorithm::Rsa2048))?;
        let certificate = Zeroizing::new(self.certificate.clone());
        let proof = RegistrationProof { certificate, signature: Zeroizing::new(signature) };
        let outcome: RegistrationOutcome = post(connection, &routes::registration_proof(started.session), &proof)?;
        ensure!(outcome.tickets.iter().any(|ticket| ticket.state == "bound"), "the ticket was not bound");
        Ok(ticket)
    }

    fn sign(&self, digest: &MessageDigest) -> anyhow::Result<Vec<u8>> {
        let MessageDigest::Sha256(hash) = digest else { anyhow::bail!("another hash than the card's") };
        let digest = aws_lc_rs::digest::Digest::import_less_safe(hash, &aws_lc_rs::digest::SHA256)?;
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature)?;
        Ok(signature)
    }
}

fn post<A: serde::de::DeserializeOwned>(
    connection: &mut Connection,
    path: &str,
    body: &impl serde::Serialize,
) -> anyhow::Result<A> {
    let (status, answer) = connection.post(path, &serde_json::to_vec(body)?)?;
    ensure!((200..300).contains(&status), "{path}: {status}: {}", String::from_utf8_lossy(&answer));
    Ok(serde_json::from_slice(&answer)?)
}

/// How often crate `rsa` verifies on all cores, keys parsed beforehand.
fn verifications_per_second(buyers: &[Buyer]) -> anyhow::Result<f64> {
    let digest = MessageDigest::Sha256([0x5A; 32]);
    let verifier = |buyer: &Buyer| -> anyhow::Result<(VerifyingKey<Sha256>, Signature)> {
        let modulus = buyer.key.public_key().modulus().big_endian_without_leading_zero().to_vec();
        let key = RsaPublicKey::new(BigUint::from_bytes_be(&modulus), BigUint::from(EXPONENT))?;
        Ok((VerifyingKey::new(key), Signature::try_from(buyer.sign(&digest)?.as_slice())?))
    };
    let verifiers = buyers.iter().map(verifier).collect::<anyhow::Result<Vec<_>>>()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let run = || -> anyhow::Result<u32> {
        let begun = Instant::now();
        let mut count = 0_u32;
        for (key, signature) in verifiers.iter().cycle() {
            if begun.elapsed() >= YARDSTICK_TIME {
                break;
            }
            key.verify_prehash(&[0x5A; 32], signature)?;
            count = count.saturating_add(1);
        }
        Ok(count)
    };
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..cores).map(|_core| scope.spawn(run)).collect();
        let mut sum = 0.0;
        for run in runs {
            sum += f64::from(run.join().ok().context("a verifier panicked")??) / YARDSTICK_TIME.as_secs_f64();
        }
        Ok(sum)
    })
}
