//! A card helper that lies: speaks to the registrar directly, with a card in this process, and signs what it is told to.

use anyhow::Context as _;
use kido_shared::apdu::{CommandApdu, ResponseApdu};
use kido_shared::card::{Pin, RegistrationSession, RegistrationStep};
use kido_shared::certificate::KeyAlgorithm;
use kido_shared::challenge::{Action, Origin, RegistrationMessage};
use kido_shared::codes::Code;
use kido_shared::ids::SessionId;
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::registration::{
    RegistrationOutcome, RegistrationProof, RegistrationStarted, StartRegistration,
};
use kido_shared::wire::v1::routes;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// One registrar, spoken to without a helper between.
pub(crate) struct Direct {
    http: reqwest::Client,
    origin: String,
}

/// An answer, or a problem document.
pub(crate) type Answer<T> = Result<T, Problem>;

impl Direct {
    pub(crate) fn to(origin: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, origin: origin.to_owned() })
    }

    /// Begins a dialogue with the code of a link.
    pub(crate) async fn start(&self, action: Action, link: &str) -> anyhow::Result<Answer<RegistrationStarted>> {
        let (_, code) = link.split_once('#').context("the link has no code")?;
        let body = StartRegistration { action, code: Some(Zeroizing::new(code.to_owned())), event: None };
        self.post(routes::REGISTRATIONS, &body).await
    }

    /// Brings a proof.
    pub(crate) async fn prove(
        &self,
        session: SessionId,
        proof: &RegistrationProof,
    ) -> anyhow::Result<Answer<RegistrationOutcome>> {
        self.post(&routes::registration_proof(session), proof).await
    }

    /// The message that an honest helper would have the card sign.
    pub(crate) fn message(&self, started: &RegistrationStarted, link: &str) -> anyhow::Result<RegistrationMessage> {
        let (_, code) = link.split_once('#').context("the link has no code")?;
        Ok(RegistrationMessage {
            action: started.action,
            origin: Origin::parse(&self.origin)?,
            event: started.event.event,
            ticket: started.ticket.as_ref().map(|ticket| ticket.ticket),
            code: Some(Code::parse(code)?.hash()),
            challenge: started.challenge.clone(),
        })
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Answer<T>> {
        let answer = self.http.post(format!("{}{path}", self.origin)).json(body).send().await?;
        if answer.status().is_success() {
            return Ok(Ok(answer.json().await?));
        }
        let media_type = answer.headers().get(reqwest::header::CONTENT_TYPE).cloned();
        let is_problem = media_type.is_some_and(|kind| kind == kido_shared::wire::v1::problem::MEDIA_TYPE);
        anyhow::ensure!(is_problem, "an error that is no problem document: {}", answer.status());
        Ok(Err(answer.json().await?))
    }
}

/// The code of the problem that an answer must be.
pub(crate) fn problem<T>(answer: Answer<T>) -> anyhow::Result<Problem> {
    answer.err().context("accepted")
}

/// Has a card of the cast sign a message, through the very session that a helper uses.
pub(crate) fn proof(card: Character, message: &RegistrationMessage) -> anyhow::Result<RegistrationProof> {
    let mut card = card.card()?;
    card.power_on();
    let (mut command, mut session) = RegistrationSession::begin();
    let mut certificate = None;
    loop {
        let apdu = CommandApdu::from(command);
        let response = ResponseApdu::parse(&card.transmit_now(apdu.as_bytes()), &apdu)?;
        (command, session) = match session.advance(&response)? {
            RegistrationStep::Transmit(command, session) => (command, session),
            RegistrationStep::Certificate(read, expect) => {
                certificate = Some(Zeroizing::new(read.as_ref().to_vec()));
                expect.continue_()
            }
            RegistrationStep::AskPin(_tries, expect) => {
                expect.enter(Pin::parse(PIN)?, message.digest(KeyAlgorithm::Rsa2048))
            }
            RegistrationStep::Done(signature) => {
                let signature = Zeroizing::new(signature.as_ref().to_vec());
                return Ok(RegistrationProof { certificate: certificate.context("no certificate")?, signature });
            }
        };
    }
}
