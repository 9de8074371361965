//! `register` and `show`: host, dialogue, card, PIN, proof, in this order.

use std::sync::Arc;

use kido_shared::card::Pin;
use kido_shared::certificate::{
    CertificateDer, CertificateProfile, CertificateReason, TrustAnchors, UserAuthCertificate,
};
use kido_shared::challenge::{Action, Origin};
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::wire::v1::registration::{RegistrationProof, TicketSummary};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::exchange::ExchangeError;
use crate::host::{ConfirmedOrigin, KnownHosts, Standing, UnknownHost};
use crate::link::Link;
use crate::person::Person;
use crate::problem::Problem;
use crate::reader::CardDesk;
use crate::session::{Asked, Dialogue, Finished, Opened, fingerprint, key_algorithm};
use crate::words::{Fill, Line, Voice};

/// What a dialogue needs of the world.
#[derive(Debug)]
pub(crate) struct Around<'a> {
    pub(crate) voice: &'a Arc<Voice>,
    pub(crate) person: &'a mut Person,
    pub(crate) desk: &'a CardDesk,
    pub(crate) known: &'a mut KnownHosts,
}

/// How the person wants it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    /// This host counts as typed.
    pub(crate) yes_host: Option<String>,
    /// The PIN is the next line of standard input.
    pub(crate) pin_stdin: bool,
}

/// Asks for the link.
///
/// # Errors
/// [`Problem::Link`], [`Problem::NoInput`].
pub(crate) async fn ask_link(around: &mut Around<'_>, question: &'static str) -> Result<Link, Problem> {
    if around.person.is_attended() {
        around.voice.ask(&Line::plain(question));
    }
    let line = around.person.line().await?.unwrap_or_default();
    Link::parse(&line).map_err(Problem::Link)
}

/// Leads one dialogue from the origin to its end.
///
/// # Errors
/// [`Problem`].
pub(crate) async fn hold(
    mut around: Around<'_>,
    origin: Origin,
    asked: Asked,
    wishes: &Wishes,
    clock: &dyn Clock,
) -> Result<Finished, Problem> {
    let confirmed = confirm_host(&mut around, origin, wishes.yes_host.as_deref()).await?;
    let client = Client::new(&confirmed)?;
    around.voice.say(&Line::with("asking-registrar", "origin", Fill::text(confirmed.origin().as_str())));
    let dialogue = Dialogue::new(confirmed, asked);
    let started = client.start(&dialogue.start()).await?;
    let opened = dialogue.opened(started)?;
    describe(around.voice, &opened);
    agree(&mut around, wishes).await?;

    let proof = prove(&mut around, &opened, wishes, clock).await?;
    around.voice.say(&Line::plain("sending-proof"));
    let outcome = client.prove(opened.session, &proof).await?;
    drop(proof);
    let finished = opened.finished(&outcome)?;
    tell(around.voice, &finished);
    Ok(finished)
}

/// Nothing goes to a host that is not in the list before its name was typed.
async fn confirm_host(
    around: &mut Around<'_>,
    origin: Origin,
    named: Option<&str>,
) -> Result<ConfirmedOrigin, Problem> {
    let unknown: UnknownHost = match around.known.look_up(origin, named) {
        Standing::Confirmed(confirmed) => return Ok(confirmed),
        Standing::Unknown(unknown) => unknown,
    };
    let host = unknown.origin().host().to_owned();
    around.voice.say(&Line::with("host-unknown", "origin", Fill::text(unknown.origin().as_str())));
    around.voice.ask(&Line::with("host-type-name", "host", Fill::text(&host)));
    let typed = around.person.line().await?.unwrap_or_default();
    let confirmed = unknown.typed(&typed).ok_or(Problem::HostNotConfirmed(host))?;
    match around.known.remember(&confirmed) {
        Ok(Some(file)) => {
            let file = Fill::text(&file.display().to_string());
            around.voice.say(&Line::with("host-remembered", "file", file));
        }
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(%error, "host not remembered");
            around.voice.say(&Line::plain("host-not-remembered"));
        }
    }
    Ok(confirmed)
}

fn describe(voice: &Voice, opened: &Opened) {
    if opened.event.rehearsal {
        voice.say(&Line::plain("rehearsal"));
    }
    voice.say(
        &Line::with("event", "name", Fill::text(&opened.event.name)).and("starts", Fill::Time(opened.event.starts_at)),
    );
    if let Some(ticket) = &opened.ticket {
        voice.say(&ticket_line(ticket));
    }
    voice.say(&Line::plain(match opened.action() {
        Action::Bind => "will-bind",
        Action::Resume | Action::GiveBack | Action::Rebind | Action::Show => "will-show",
    }));
    voice.say(&Line::plain("not-read"));
}

fn ticket_line(ticket: &TicketSummary) -> Line {
    let state = match ticket.state.as_str() {
        "reserved" => "reserved",
        "unbound" => "unbound",
        "bound" => "bound",
        "suspended" => "suspended",
        "returned" => "returned",
        "cancelled" => "cancelled",
        _unknown => "other",
    };
    Line::with("ticket", "zone", Fill::text(ticket.zone.as_str()))
        .and("seat", Fill::text(ticket.seat_label.as_str()))
        .and("from", Fill::Time(ticket.valid_from))
        .and("until", Fill::Time(ticket.valid_until))
        .and("state", Fill::text(state))
        .and("paid", Fill::text(if ticket.paid { "yes" } else { "no" }))
}

/// Asks whether to go on, where somebody can be asked; a program has said so by giving the PIN.
async fn agree(around: &mut Around<'_>, wishes: &Wishes) -> Result<(), Problem> {
    if wishes.pin_stdin || !around.person.is_attended() {
        return Ok(());
    }
    around.voice.ask(&Line::plain("go-on"));
    let answer = around.person.line().await?.unwrap_or_default().trim().to_lowercase();
    let yes = ["y", "yes", "はい", "ｙ"];
    if yes.contains(&answer.as_str()) { Ok(()) } else { Err(Problem::Declined) }
}

/// The card's part: certificate, tries, PIN, signature.
async fn prove(
    around: &mut Around<'_>,
    opened: &Opened,
    wishes: &Wishes,
    clock: &dyn Clock,
) -> Result<RegistrationProof, Problem> {
    let shown = around.desk.read().await?;
    keep_personal_data_here(&shown.certificate, clock.now())?;
    let algorithm = key_algorithm(shown.certificate.as_ref())
        .ok_or_else(|| Problem::Certificate(vec![CertificateReason::KeyAlgorithm]))?;
    let tries = shown.tries.map_err(|closed| ExchangeError::Card(closed.into()))?;
    let digest = opened.digest(algorithm);
    let voice = around.voice;
    voice.say(
        &Line::with("will-sign", "label", Fill::text(opened.action().label()))
            .and("fingerprint", Fill::text(&fingerprint(&digest))),
    );
    // The rule: this stands before the question, whoever answers it.
    voice.say(&Line::with("tries-left", "tries", Fill::Count(tries.get())));
    voice.ask(&Line::plain("ask-pin"));
    let typed = if wishes.pin_stdin {
        around.person.line().await?.ok_or(Problem::NoInput)?
    } else {
        around.person.secret().await?
    };
    let pin = Pin::parse(typed.trim()).map_err(|_says_nothing_of_it| Problem::PinMalformed)?;
    drop(typed);
    opened.still_open(clock.now())?;
    voice.say(&Line::plain("signing"));
    let signature = around.desk.prove(pin, digest).await?;
    voice.say(&Line::plain("take-card"));
    Ok(RegistrationProof {
        certificate: Zeroizing::new(shown.certificate.as_ref().to_vec()),
        signature: Zeroizing::new(signature.as_ref().to_vec()),
    })
}

/// A certificate with a name and an address stays on this computer, and no PIN is asked for it.
///
/// Whether any other certificate is good enough is the registrar's word alone: it has the profile and the roots.
fn keep_personal_data_here(certificate: &CertificateDer, now: Timestamp) -> Result<(), Problem> {
    let judged =
        UserAuthCertificate::parse(certificate, &CertificateProfile::rehearsal(), &TrustAnchors::production(), now);
    let Err(refusals) = judged else { return Ok(()) };
    let personal = [CertificateReason::SignatureCertificate, CertificateReason::PersonalExtension];
    let found: Vec<_> = refusals.iter().filter(|reason| personal.contains(reason)).collect();
    if found.is_empty() { Ok(()) } else { Err(Problem::Certificate(found)) }
}

fn tell(voice: &Voice, finished: &Finished) {
    voice.say(&Line::plain(match finished.outcome {
        "bound" => "done-bound",
        _shown => "done-shown",
    }));
    for ticket in &finished.tickets {
        voice.say(&ticket_line(ticket));
    }
    if finished.tickets.iter().any(|ticket| !ticket.paid) {
        voice.say(&Line::plain("not-paid-yet"));
    }
    if finished.certificate_ends_before_event {
        voice.say(&Line::plain("certificate-ends"));
    }
    if finished.revocation == "not_checked" {
        voice.say(&Line::plain("revocation-not-checked"));
    }
    if let Some(link) = &finished.holder_link {
        voice.say(&Line::plain("holder-link"));
        voice.show(link);
        voice.say(&Line::plain("holder-link-keep"));
    }
}
