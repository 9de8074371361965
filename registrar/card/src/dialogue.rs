//! `register`, `show`, `resume` and `open`: host, dialogue, card, PIN, proof, in this order.

use std::sync::Arc;

use kido_shared::card::{Pin, PinEntry};
use kido_shared::certificate::{
    CertificateDer, CertificateProfile, CertificateReason, TrustAnchors, UserAuthCertificate,
};
use kido_shared::challenge::Origin;
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::wire::v1::registration::RegistrationProof;
use zeroize::Zeroizing;

use crate::client::Client;
use crate::exchange::{EnteredPin, ExchangeError};
use crate::host::{ConfirmedOrigin, KnownHosts, Standing, UnknownHost};
use crate::link::Link;
use crate::news::{Listener, News};
use crate::person::{Again, BeforePin, Person};
use crate::problem::Problem;
use crate::reader::CardDesk;
use crate::session::{Asked, Dialogue, Finished, Opened, fingerprint, key_algorithm};

/// What a dialogue needs of the world.
pub(crate) struct Around<'a, P> {
    pub(crate) listener: &'a Arc<dyn Listener>,
    pub(crate) person: &'a mut P,
    pub(crate) desk: &'a CardDesk,
    pub(crate) known: &'a mut KnownHosts,
}

/// Asks for the link.
///
/// # Errors
/// [`Problem::Link`], [`Problem::NoInput`].
pub(crate) async fn ask_link(person: &mut impl Person, question: &'static str) -> Result<Link, Problem> {
    Link::parse(&person.link(question).await?).map_err(Problem::Link)
}

/// Leads one dialogue from the origin to its end; `yes_host` counts as typed.
///
/// # Errors
/// [`Problem`].
pub(crate) async fn hold<P: Person>(
    around: &mut Around<'_, P>,
    origin: Origin,
    asked: Asked,
    yes_host: Option<&str>,
    clock: &dyn Clock,
) -> Result<Finished, Problem> {
    let confirmed = confirm_host(around, origin, yes_host).await?;
    let client = Client::new(&confirmed)?;
    around.listener.hear(&News::Asking(confirmed.origin()));
    let dialogue = Dialogue::new(confirmed, asked);
    let started = client.start(&dialogue.start()).await?;
    let opened = dialogue.opened(started)?;
    around.listener.hear(&News::Opened(&opened));
    if !around.person.agrees().await? {
        return Err(Problem::Declined);
    }

    let proof = until_proved(around, &opened, clock).await?;
    around.listener.hear(&News::Sending);
    let outcome = client.prove(opened.session, &proof).await?;
    drop(proof);
    let finished = opened.finished(&outcome)?;
    around.listener.hear(&News::Finished(&finished));
    Ok(finished)
}

/// Nothing goes to a host that is not in the list before its name was typed.
async fn confirm_host<P: Person>(
    around: &mut Around<'_, P>,
    origin: Origin,
    named: Option<&str>,
) -> Result<ConfirmedOrigin, Problem> {
    let unknown: UnknownHost = match around.known.look_up(origin, named) {
        Standing::Confirmed(confirmed) => return Ok(confirmed),
        Standing::Unknown(unknown) => unknown,
    };
    let host = unknown.origin().host().to_owned();
    let typed = around.person.host_name(unknown.origin()).await?;
    let confirmed = unknown.typed(&typed).ok_or(Problem::HostNotConfirmed(host))?;
    match around.known.remember(&confirmed) {
        Ok(Some(file)) => around.listener.hear(&News::HostRemembered(file)),
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(%error, "host not remembered");
            around.listener.hear(&News::HostNotRemembered);
        }
    }
    Ok(confirmed)
}

/// The card's part, as often as the person begins it anew.
///
/// Every round reads the card again and shows its tries again; a PIN that was typed in one round is gone in the next.
async fn until_proved<P: Person>(
    around: &mut Around<'_, P>,
    opened: &Opened,
    clock: &dyn Clock,
) -> Result<RegistrationProof, Problem> {
    loop {
        opened.still_open(clock.now())?;
        let problem = match prove(around, opened, clock).await {
            Ok(proof) => return Ok(proof),
            Err(problem) => problem,
        };
        if !problem.remedy().is_of_the_card() {
            return Err(problem);
        }
        match around.person.again(problem).await? {
            Again::Same => {}
            Again::InReader(name) => around.desk.choose(name).await?,
        }
    }
}

/// The card's part: certificate, tries, PIN, signature.
async fn prove<P: Person>(
    around: &mut Around<'_, P>,
    opened: &Opened,
    clock: &dyn Clock,
) -> Result<RegistrationProof, Problem> {
    let shown = around.desk.read().await?;
    keep_personal_data_here(&shown.certificate, clock.now())?;
    let algorithm = key_algorithm(shown.certificate.as_ref())
        .ok_or_else(|| Problem::Certificate(vec![CertificateReason::KeyAlgorithm]))?;
    let tries = shown.tries.map_err(|closed| ExchangeError::Card(closed.into()))?;
    let digest = opened.digest(algorithm);
    let before = BeforePin { tries, label: opened.action().label(), fingerprint: fingerprint(&digest) };
    let pin = match shown.typed {
        PinEntry::Here => {
            let typed = around.person.pin(&before).await?;
            let pin = Pin::parse(typed.trim()).map_err(|_says_nothing_of_it| Problem::PinMalformed)?;
            drop(typed);
            around.listener.hear(&News::Signing);
            EnteredPin::Here(pin)
        }
        PinEntry::AtReader => {
            around.listener.hear(&News::TypeAtReader(&before));
            EnteredPin::AtReader
        }
    };
    opened.still_open(clock.now())?;
    let signature = around.desk.prove(pin, digest).await?;
    around.listener.hear(&News::TakeCard);
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
