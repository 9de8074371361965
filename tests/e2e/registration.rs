//! A card is bound to a ticket, or is not, for the right reason.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kido_shared::challenge::{Action, Origin, RegistrationMessage};
use kido_shared::codes::Code;
use kido_tests::harness::{EventOptions, HelperRun, TicketRow, Venue, finish};
use kido_virtual_card::card::{Fault, LogEntry};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::{PIN, WRONG_PIN};
use rand::rngs::OsRng;

use crate::chapter::{Chapter, bind, link};
use crate::commands::only_these;
use crate::direct::{Direct, problem, proof};

type Links = std::collections::BTreeMap<String, String>;

/// Certificates that are refused, each for its own reason; the helper may find more.
const REFUSED: [(Character, &str); 9] = [
    (Character::Expired, "expired"),
    (Character::NotYetValid, "not_yet_valid"),
    (Character::ForeignIssuer, "untrusted"),
    (Character::SignatureIn000a, "signature_certificate"),
    (Character::WrongLayout, "unsupported_layout"),
    (Character::CaAsLeaf, "certificate_authority"),
    (Character::WithSubjectAltName, "subject_alternative_name"),
    (Character::WithoutExtendedKeyUsage, "extended_key_usage"),
    (Character::UnknownCriticalExtension, "unknown_critical_extension"),
];

/// Cards that give no proof at home, each with its word.
const NO_PROOF: [(Character, &str); 6] = [
    (Character::Locked, "pin_locked"),
    (Character::OneTry, "too_few_tries"),
    (Character::NoPin, "no_pin"),
    (Character::Phone, "phone"),
    (Character::Garbage, "card_unreadable"),
    (Character::Oversized, "card_unreadable"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_bound_or_refused_for_its_own_reason() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("registration")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let options = EventOptions { tickets_per_card: 2, ..EventOptions::default() };
    let event = venue.registrar.rehearsal(&options).await?;
    let rows: Vec<TicketRow> = (0..12).map(|number| TicketRow::open_now(&format!("TICKET-{number:02}"))).collect();
    let links = venue.registrar.import(&event, &rows, false).await?;

    codes(&mut chapter, &venue, &event, &links).await;
    certificates(&mut chapter, &venue, &event, &links).await;
    pins(&mut chapter, &venue, &event, &links).await;
    proofs(&mut chapter, &venue, &event, &links).await;
    hierarchies(&mut chapter, &venue, &options).await;
    chapter.step("no card was asked anything else", async { only_these(&venue) }).await;
    chapter.end()
}

/// Holds a run against a refusal by this word.
fn refused(run: &HelperRun, word: &str) -> anyhow::Result<()> {
    anyhow::ensure!(!run.success && run.problem() == word, "{} where {word} was told", run.answer);
    Ok(())
}

/// Holds a ticket against a state.
async fn is(venue: &Venue, event: &str, name: &str, state: &str) -> anyhow::Result<()> {
    let shown = venue.registrar.json(&["tickets", "show", event, name]).await?;
    anyhow::ensure!(shown.get("state").and_then(serde_json::Value::as_str) == Some(state), "{shown}");
    Ok(())
}

/// The times a card was given a PIN.
fn verifications(entries: &[LogEntry]) -> usize {
    entries.iter().filter(|entry| entry.command.starts_with("00 20 00") && entry.command.contains("04 ..")).count()
}

async fn codes(chapter: &mut Chapter, venue: &Venue, event: &str, links: &Links) {
    let mut holder_link = None;
    chapter
        .step("a ticket is bound with link, card and PIN, and the holder gets a code of his own", async {
            let run = venue.register(Character::Holder, link(links, "TICKET-00")?).await?;
            anyhow::ensure!(run.success, "{} {}", run.answer, run.said);
            is(venue, event, "TICKET-00", "bound").await?;
            let given = run.holder_link().context("no holder link")?;
            anyhow::ensure!(given.starts_with(&format!("{}/t#", venue.registrar.origin())), "{given}");
            anyhow::ensure!(!links.values().any(|link| link.ends_with(given.rsplit('#').next().unwrap_or(""))));
            holder_link = Some(given.to_owned());
            Ok(())
        })
        .await;
    chapter
        .step("the code in the link is dead afterwards, for that card and for another", async {
            for card in [Character::Holder, Character::Stranger] {
                refused(&venue.register(card, link(links, "TICKET-00")?).await?, "code_used")?;
            }
            Ok(())
        })
        .await;
    chapter
        .step("a code that no ticket has opens nothing", async {
            let unknown = format!("{}/r#{}", venue.registrar.origin(), *Code::generate(&mut OsRng).reveal());
            refused(&venue.register(Character::Stranger, &unknown).await?, "unknown_code")
        })
        .await;
    chapter
        .step("the code of a cancelled ticket is dead", async {
            venue.registrar.json(&["tickets", "cancel", event, "TICKET-01"]).await?;
            refused(&venue.register(Character::Stranger, link(links, "TICKET-01")?).await?, "code_dead")
        })
        .await;
    chapter
        .step("a code that was replaced is dead, and the new one opens", async {
            let reissued = venue.registrar.json(&["tickets", "reissue-code", event, "TICKET-02"]).await?;
            refused(&venue.register(Character::Stranger, link(links, "TICKET-02")?).await?, "code_used")?;
            let new = reissued.get("link").and_then(serde_json::Value::as_str).context("no new link")?;
            bind(venue, Character::SecondHolder, new).await
        })
        .await;
    chapter
        .step("the holder code opens the ticket with its card, and with no other", async {
            let given = holder_link.as_deref().context("no holder link")?;
            let run = show(venue, Character::Stranger, given).await?;
            refused(&run, "other_card")?;
            let run = show(venue, Character::Holder, given).await?;
            anyhow::ensure!(run.success, "{} {}", run.answer, run.said);
            Ok(())
        })
        .await;
    chapter
        .step("a card holds as many tickets as the event allows and no more", async {
            bind(venue, Character::Holder, link(links, "TICKET-03")?).await?;
            refused(&venue.register(Character::Holder, link(links, "TICKET-04")?).await?, "card_full")?;
            is(venue, event, "TICKET-04", "unbound").await
        })
        .await;
}

async fn show(venue: &Venue, card: Character, holder_link: &str) -> anyhow::Result<HelperRun> {
    venue.control()?.insert(1, card, Vec::new())?;
    let arguments = ["show", "--pin-stdin", "--yes-host", "127.0.0.1"];
    let run = venue.helper(1).run(&arguments, &[holder_link, PIN]).await;
    venue.control()?.remove(1)?;
    Ok(run?)
}

async fn certificates(chapter: &mut Chapter, venue: &Venue, event: &str, links: &Links) {
    for (card, reason) in REFUSED {
        chapter
            .step(&format!("the certificate of {card} is refused: {reason}"), async {
                let run = venue.register(card, link(links, "TICKET-05")?).await?;
                refused(&run, "certificate_refused")?;
                anyhow::ensure!(run.reasons().contains(&reason), "{:?}", run.reasons());
                is(venue, event, "TICKET-05", "unbound").await
            })
            .await;
    }
    chapter
        .step("a signature certificate never gets as far as a PIN", async {
            let entries = venue.asked(Character::SignatureIn000a)?;
            anyhow::ensure!(!entries.is_empty() && verifications(&entries) == 0, "{entries:?}");
            Ok(())
        })
        .await;
    chapter
        .step("a card of the older root of the same name is accepted: roots are told apart by key", async {
            bind(venue, Character::OlderRoot, link(links, "TICKET-05")?).await
        })
        .await;
    chapter
        .step("a certificate that ends before the event is bound with a warning only", async {
            bind(venue, Character::EndsSoon, link(links, "TICKET-06")?).await
        })
        .await;
}

async fn pins(chapter: &mut Chapter, venue: &Venue, event: &str, links: &Links) {
    for (card, word) in NO_PROOF {
        chapter
            .step(&format!("{card} is told {word}, and no PIN is sent"), async {
                refused(&venue.register(card, link(links, "TICKET-07")?).await?, word)?;
                let tried = verifications(&venue.asked(card)?);
                anyhow::ensure!(tried == 0, "{tried} PINs were sent");
                Ok(())
            })
            .await;
    }
    chapter
        .step("a wrong PIN costs one try and stops; at one try left none is asked", async {
            let card = Character::Stranger;
            for (left, word, cost) in [(2, "wrong_pin", 1), (1, "wrong_pin", 1), (1, "too_few_tries", 0)] {
                let before = verifications(&venue.asked(card)?);
                venue.control()?.insert(1, card, Vec::new())?;
                let run = venue.helper(1).register(link(links, "TICKET-07")?, WRONG_PIN).await;
                venue.control()?.remove(1)?;
                refused(&run?, word)?;
                let tried = verifications(&venue.asked(card)?) - before;
                let cards = venue.control()?.cards()?;
                let tries = cards.iter().find(|state| state.card == card).map(|state| state.tries_left);
                anyhow::ensure!((tried, tries) == (cost, Some(left)), "{tried} tries spent, {tries:?} left");
            }
            is(venue, event, "TICKET-07", "unbound").await
        })
        .await;
    chapter
        .step("a copy of a certificate cannot be bound: its signature is another key's", async {
            refused(&venue.register(Character::Copy, link(links, "TICKET-07")?).await?, "proof_refused")?;
            is(venue, event, "TICKET-07", "unbound").await
        })
        .await;
    chapter
        .step("a card torn out in the middle binds nothing, and may try again", async {
            let torn = Fault::TornAt { command: 6, executed: false, back_after_ms: None };
            venue.control()?.insert(1, Character::OldForms, vec![torn])?;
            let run = venue.helper(1).register(link(links, "TICKET-07")?, PIN).await;
            venue.control()?.remove(1)?;
            refused(&run?, "card_left")?;
            is(venue, event, "TICKET-07", "unbound").await?;
            bind(venue, Character::OldForms, link(links, "TICKET-07")?).await
        })
        .await;
}

/// Changes one field of what an honest helper would have signed.
type Lie = fn(RegistrationMessage) -> anyhow::Result<RegistrationMessage>;

async fn proofs(chapter: &mut Chapter, venue: &Venue, event: &str, links: &Links) {
    let lies: [(&str, Lie); 4] = [
        ("for another action", |message| Ok(RegistrationMessage { action: Action::Show, ..message })),
        ("for another origin", |message| {
            Ok(RegistrationMessage { origin: Origin::parse("https://kido.example")?, ..message })
        }),
        ("for another code", |message| {
            Ok(RegistrationMessage { code: Some(Code::generate(&mut OsRng).hash()), ..message })
        }),
        ("for no ticket", |message| Ok(RegistrationMessage { ticket: None, ..message })),
    ];
    for (what, lie) in lies {
        chapter
            .step(&format!("a proof {what} is refused, and its dialogue is over"), async {
                let (direct, link) = (Direct::to(&venue.registrar.origin())?, link(links, "TICKET-08")?);
                let started = direct.start(Action::Bind, link).await?.map_err(unexpected)?;
                let honest = direct.message(&started, link)?;
                let lied =
                    problem(direct.prove(started.session, &proof(Character::Slow, &lie(honest.clone())?)?).await?)?;
                anyhow::ensure!(lied.code == "proof_refused", "{lied:?}");
                let after = problem(direct.prove(started.session, &proof(Character::Slow, &honest)?).await?)?;
                anyhow::ensure!(after.code == "no_session", "{after:?}");
                is(venue, event, "TICKET-08", "unbound").await
            })
            .await;
    }
    chapter
        .step("a proof counts once: neither its dialogue nor another one takes it again", async {
            let (direct, link_of) = (Direct::to(&venue.registrar.origin())?, |name| link(links, name));
            let started = direct.start(Action::Bind, link_of("TICKET-08")?).await?.map_err(unexpected)?;
            let good = proof(Character::Slow, &direct.message(&started, link_of("TICKET-08")?)?)?;
            // In a dialogue of its own, about the same ticket, with a challenge of its own.
            let other = direct.start(Action::Bind, link_of("TICKET-08")?).await?.map_err(unexpected)?;
            let replayed = problem(direct.prove(other.session, &good).await?)?;
            anyhow::ensure!(replayed.code == "proof_refused", "{replayed:?}");
            // One code holds one dialogue: the second one has ended the first.
            let displaced = problem(direct.prove(started.session, &good).await?)?;
            anyhow::ensure!(displaced.code == "no_session", "{displaced:?}");
            let last = direct.start(Action::Bind, link_of("TICKET-08")?).await?.map_err(unexpected)?;
            let good = proof(Character::Slow, &direct.message(&last, link_of("TICKET-08")?)?)?;
            direct.prove(last.session, &good).await?.map_err(unexpected)?;
            let again = problem(direct.prove(last.session, &good).await?)?;
            anyhow::ensure!(again.code == "no_session", "{again:?}");
            is(venue, event, "TICKET-08", "bound").await
        })
        .await;
}

fn unexpected(problem: kido_shared::wire::v1::problem::Problem) -> anyhow::Error {
    anyhow::anyhow!("refused: {} ({})", problem.code, problem.detail)
}

async fn hierarchies(chapter: &mut Chapter, venue: &Venue, options: &EventOptions) {
    chapter
        .step("a real event takes no test card", async {
            let real = venue.registrar.real_event(options).await?;
            let links = venue.registrar.import(&real, &[TicketRow::open_now("REAL-01")], false).await?;
            let run = venue.register(Character::Holder, link(&links, "REAL-01")?).await?;
            refused(&run, "certificate_refused")?;
            anyhow::ensure!(run.reasons().contains(&"untrusted"), "{:?}", run.reasons());
            is(venue, &real, "REAL-01", "unbound").await
        })
        .await;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/jpki");
    let root = fixtures.join("test-user-auth-ca-2023.der");
    let namesake = fixtures.join("test-user-auth-ca-2019.der");
    let checks: [(&str, Option<&[PathBuf]>, bool); 4] = [
        ("under the production roots", None, false),
        ("at a rehearsal without anchors", Some(&[]), false),
        ("under a root of the same name", Some(&[namesake]), false),
        ("under the root of the test hierarchy", Some(&[root]), true),
    ];
    for (what, anchors, accepted) in checks {
        let told = if accepted { "accepted" } else { "refused" };
        chapter
            .step(&format!("the specimen is {told} {what}"), async {
                check_specimen(venue, &fixtures.join("test-user-auth-certificate.der"), anchors, accepted).await
            })
            .await;
    }
}

async fn check_specimen(
    venue: &Venue,
    specimen: &Path,
    anchors: Option<&[PathBuf]>,
    accepted: bool,
) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new(venue.programs().registrar());
    command.args(["certificate", "check"]).arg(specimen);
    if let Some(anchors) = anchors {
        command.arg("--rehearsal");
        for anchor in anchors {
            command.arg("--trust-anchor").arg(anchor);
        }
    }
    let run = finish(command, "", std::time::Duration::from_secs(30)).await?;
    let says = |word: &str| run.stdout.lines().any(|line| line.trim_start().starts_with(word));
    let as_told = if accepted {
        run.status.success() && says("accepted")
    } else {
        run.status.code() == Some(1) && says("refused") && run.stdout.contains("untrusted")
    };
    anyhow::ensure!(as_told, "{}: {}{}", run.status, run.stdout, run.stderr);
    Ok(())
}
