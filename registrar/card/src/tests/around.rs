//! What a dialogue meets in these tests: a registrar on loopback, a card in process, a person with a script.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use kido_reader::{CardChannel, TransmitError, Waiting};
use kido_shared::apdu::{ApduError, CommandApdu, ResponseApdu};
use kido_shared::card::PinEntry;
use kido_shared::certificate::SubjectPublicKey;
use kido_shared::challenge::{Action, Challenge, Origin, RegistrationMessage};
use kido_shared::clock::{ManualClock, Timestamp};
use kido_shared::codes::Code;
use kido_shared::ids::{EventId, SessionId, TicketId};
use kido_shared::proof::{CardSignature, UnverifiedProof};
use kido_shared::ticket::{SeatLabel, Zone};
use kido_shared::wire::v1::problem::Problem as ProblemDocument;
use kido_shared::wire::v1::registration::{
    EventSummary, RegistrationOutcome, RegistrationProof, RegistrationStarted, StartRegistration, TicketSummary,
};
use kido_shared::wire::v1::routes;
use kido_virtual_card::card::{Fault, VirtualCard};
use kido_virtual_card::character::Character;
use kido_web::language::Language;
use rand::SeedableRng as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use crate::dialogue::{self, Around};
use crate::host::KnownHosts;
use crate::news::Listener;
use crate::problem::Problem;
use crate::reader::{CardDesk, Cards, Placed};
use crate::session::{Asked, Finished};
use crate::terminal::{Input, Terminal};
use crate::words::{Voice, Words};

/// 2026-11-22T15:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_359_600);

pub(crate) const HOST: &str = "127.0.0.1";
pub(crate) const EVENT: EventId = EventId::from_bytes([1; 16]);
const TICKET: TicketId = TicketId::from_bytes([2; 16]);
const CHALLENGE: [u8; 32] = [7; 32];

/// The code on the link.
pub(crate) fn code() -> Code {
    Code::generate(&mut rand::rngs::StdRng::from_seed([5; 32]))
}

/// What kind of registrar it is.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    Honest,
    /// Takes itself for this origin, as one would to which another relays.
    Believes(Origin),
    Redirects,
    OtherAction,
    /// Its dialogues are over when they begin.
    Over,
    Refuses(&'static str),
    Endless,
}

struct Registrar {
    behaviour: Behaviour,
    origin: Origin,
    requests: Mutex<Vec<&'static str>>,
    asked: Mutex<Option<(Action, Option<Code>)>>,
}

impl Registrar {
    async fn serve(behaviour: Behaviour) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind((HOST, 0)).await.unwrap();
        let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let registrar = Arc::new(Self { behaviour, origin, requests: Mutex::default(), asked: Mutex::default() });
        let router = Router::new()
            .route(routes::REGISTRATIONS, post(start))
            .route(routes::REGISTRATION_PROOF, post(prove))
            .with_state(Arc::clone(&registrar));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        registrar
    }

    fn verify(&self, proof: &RegistrationProof) -> Option<Action> {
        let (action, code) = self.asked.lock().unwrap().take()?;
        let message = RegistrationMessage {
            action,
            origin: if let Behaviour::Believes(origin) = &self.behaviour {
                origin.clone()
            } else {
                self.origin.clone()
            },
            event: EVENT,
            ticket: code.as_ref().map(|_code| TICKET),
            code: code.as_ref().map(Code::hash),
            challenge: Challenge::from_bytes(CHALLENGE),
        };
        let (_trailing, certificate) = X509Certificate::from_der(&proof.certificate).unwrap();
        let key = SubjectPublicKey::from_spki(certificate.public_key().raw).unwrap();
        let signature = CardSignature::new(proof.signature.to_vec()).unwrap();
        UnverifiedProof::new(message, signature).verify(&key).ok().map(|_proof| action)
    }
}

pub(crate) fn event() -> EventSummary {
    EventSummary {
        event: EVENT,
        name: "Concert".to_owned(),
        starts_at: NOW.after(Duration::from_secs(86_400)),
        rehearsal: true,
    }
}

pub(crate) fn ticket() -> TicketSummary {
    TicketSummary {
        ticket: TICKET,
        zone: Zone::new("B").unwrap(),
        seat_label: SeatLabel::new("12-34").unwrap(),
        valid_from: NOW,
        valid_until: NOW.after(Duration::from_secs(3_600)),
        state: "bound".to_owned(),
        paid: true,
    }
}

fn problem(code: &str) -> Response {
    let document = ProblemDocument {
        kind: format!("urn:kido:problem:{code}"),
        title: code.to_owned(),
        status: 422,
        detail: "Because.\u{1B}[2J".to_owned(),
        instance: None,
        code: code.to_owned(),
        reasons: Vec::new(),
    };
    (StatusCode::UNPROCESSABLE_ENTITY, Json(document)).into_response()
}

async fn start(State(registrar): State<Arc<Registrar>>, body: Bytes) -> Response {
    registrar.requests.lock().unwrap().push("start");
    let start: StartRegistration = serde_json::from_slice(&body).unwrap();
    let code = start.code.as_ref().map(|code| Code::parse(code).unwrap());
    let (mut action, mut expires_at) = (start.action, NOW.after(Duration::from_secs(300)));
    match &registrar.behaviour {
        Behaviour::Redirects => {
            let elsewhere = format!("{}{}", registrar.origin, routes::REGISTRATIONS);
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, elsewhere)]).into_response();
        }
        Behaviour::Refuses(code) => return problem(code),
        Behaviour::Endless => return vec![b'['; 10 * 1024 * 1024].into_response(),
        Behaviour::OtherAction => action = Action::GiveBack,
        Behaviour::Over => expires_at = NOW,
        Behaviour::Honest | Behaviour::Believes(_) => {}
    }
    let named = code.is_some().then(ticket);
    *registrar.asked.lock().unwrap() = Some((action, code));
    let started = RegistrationStarted {
        session: SessionId::from_bytes([3; 16]),
        action,
        event: event(),
        ticket: named,
        challenge: Challenge::from_bytes(CHALLENGE),
        expires_at,
    };
    (StatusCode::CREATED, Json(started)).into_response()
}

async fn prove(State(registrar): State<Arc<Registrar>>, Path(_session): Path<String>, body: Bytes) -> Response {
    registrar.requests.lock().unwrap().push("proof");
    let proof: RegistrationProof = serde_json::from_slice(&body).unwrap();
    let Some(action) = registrar.verify(&proof) else { return problem("proof_refused") };
    let outcome = RegistrationOutcome {
        tickets: vec![ticket()],
        holder_code: (action == Action::Bind).then(|| Code::generate(&mut rand::thread_rng()).reveal()),
        certificate_ends_before_event: false,
        revocation: "not_checked".to_owned(),
    };
    Json(outcome).into_response()
}

/// The card in the reader; whoever drops the connection cuts its power, as the reader does.
#[derive(Clone)]
pub(crate) struct Reader {
    card: Arc<Mutex<VirtualCard>>,
    keys: Keys,
}

/// What happens on the reader's own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// It has none.
    None,
    /// Somebody types this.
    Types(&'static str),
    /// Somebody cancels.
    Cancel,
}

struct Connection {
    card: Arc<Mutex<VirtualCard>>,
    keys: Keys,
}

impl Cards for Reader {
    fn choose(&mut self, _reader: String) {}

    fn card(&mut self, _tell: &dyn Fn(&Waiting)) -> Result<Placed, Problem> {
        self.card.lock().unwrap().power_on();
        let typed = if self.keys == Keys::None { PinEntry::Here } else { PinEntry::AtReader };
        let channel = Box::new(Connection { card: Arc::clone(&self.card), keys: self.keys });
        Ok(Placed { reader: "virtual".to_owned(), typed, channel })
    }
}

impl CardChannel for Connection {
    fn transmit(&mut self, command: &CommandApdu) -> Result<ResponseApdu, TransmitError> {
        let mut card = self.card.lock().unwrap();
        let answer = match (command.blank_verify(), self.keys) {
            (None, _) => card.transmit_now(command.as_bytes()),
            (Some(mut verify), Keys::Types(digits)) => {
                verify[5..].copy_from_slice(digits.as_bytes());
                card.transmit_now(&verify)
            }
            (Some(_), Keys::Cancel) => vec![0x64, 0x01],
            (Some(_), Keys::None) => return Err(TransmitError::ReaderFailed),
        };
        ResponseApdu::parse(&answer, command).map_err(|error| match error {
            ApduError::Empty => TransmitError::Torn,
            error @ (ApduError::TooShort | ApduError::TooLong { .. }) => TransmitError::Malformed(error),
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.card.lock().unwrap().power_off();
    }
}

/// What was said, readable while it is being said.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the world was like at every answer.
#[derive(Default)]
struct Answered {
    said: Vec<String>,
    requests: Vec<usize>,
}

struct Script {
    lines: VecDeque<String>,
    attended: bool,
    heard: Heard,
    registrar: Arc<Registrar>,
    answered: Arc<Mutex<Answered>>,
}

impl Script {
    fn answer(&mut self) -> Option<Zeroizing<String>> {
        let mut answered = self.answered.lock().unwrap();
        answered.said.push(self.heard.text());
        answered.requests.push(self.registrar.requests.lock().unwrap().len());
        self.lines.pop_front().map(Zeroizing::new)
    }
}

impl Input for Script {
    fn is_attended(&self) -> bool {
        self.attended
    }

    fn line(&mut self) -> io::Result<Option<Zeroizing<String>>> {
        Ok(self.answer())
    }

    fn secret(&mut self) -> io::Result<Zeroizing<String>> {
        self.answer().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// How a run ended and what it was like.
pub(crate) struct Ran {
    pub(crate) ended: Result<Finished, Problem>,
    pub(crate) said: String,
    pub(crate) said_at_answer: Vec<String>,
    pub(crate) requests_at_answer: Vec<usize>,
}

/// One registrar, one card.
pub(crate) struct Scene {
    registrar: Arc<Registrar>,
    card: Arc<Mutex<VirtualCard>>,
    keys: Keys,
}

impl Scene {
    pub(crate) async fn new(behaviour: Behaviour, character: Character) -> Self {
        let card = Arc::new(Mutex::new(character.card().unwrap()));
        Self { registrar: Registrar::serve(behaviour).await, card, keys: Keys::None }
    }

    /// The same with a reader that has keys of its own.
    pub(crate) fn with_keys(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.registrar.origin
    }

    /// A registration by a program that names the host in advance.
    pub(crate) async fn bind(&self, lines: &[&str]) -> Ran {
        self.ask(Asked::Bind(code()), lines).await
    }

    pub(crate) async fn ask(&self, asked: Asked, lines: &[&str]) -> Ran {
        self.run(asked, lines, Some(HOST), true).await
    }

    /// The same where nobody has named the host.
    pub(crate) async fn of_unknown_host(&self, lines: &[&str]) -> Ran {
        self.run(Asked::Bind(code()), lines, None, true).await
    }

    /// The same with a person at a terminal.
    pub(crate) async fn attended(&self, lines: &[&str]) -> Ran {
        self.run(Asked::Bind(code()), lines, Some(HOST), false).await
    }

    /// With the PIN on standard input nobody sits there.
    async fn run(&self, asked: Asked, lines: &[&str], yes_host: Option<&str>, pin_stdin: bool) -> Ran {
        let heard = Heard::default();
        let answered = Arc::new(Mutex::new(Answered::default()));
        let words = Words::compiled_in(Language::En).unwrap();
        let voice = Arc::new(Voice::new(words, Box::new(heard.clone())));
        let script = Script {
            lines: lines.iter().map(ToString::to_string).collect(),
            attended: !pin_stdin,
            heard: heard.clone(),
            registrar: Arc::clone(&self.registrar),
            answered: Arc::clone(&answered),
        };
        let mut person = Terminal::new(Arc::clone(&voice), Box::new(script), pin_stdin);
        let listener: Arc<dyn Listener> = voice;
        let desk = CardDesk::open(Box::new(self.reader()), Arc::clone(&listener)).unwrap();
        let mut known = KnownHosts::default();
        let mut around = Around { listener: &listener, person: &mut person, desk: &desk, known: &mut known };
        let clock = ManualClock::at(NOW);
        let ended = dialogue::hold(&mut around, self.origin().clone(), asked, yes_host, &clock).await;
        desk.close().await;
        let answered = core::mem::take(&mut *answered.lock().unwrap());
        Ran { ended, said: heard.text(), said_at_answer: answered.said, requests_at_answer: answered.requests }
    }

    /// The card in its reader, for a dialogue that is led otherwise.
    pub(crate) fn reader(&self) -> Reader {
        Reader { card: Arc::clone(&self.card), keys: self.keys }
    }

    pub(crate) fn requests(&self) -> Vec<&'static str> {
        self.registrar.requests.lock().unwrap().clone()
    }

    /// What the card was asked, without data.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.card.lock().unwrap().log().entries().map(|entry| entry.command.clone()).collect()
    }

    /// How often a PIN reached the card.
    pub(crate) fn pins_sent(&self) -> usize {
        self.commands().iter().filter(|command| command.starts_with("00 20 00") && command.contains("..")).count()
    }

    pub(crate) fn put_in(&self, faults: Vec<Fault>) {
        self.card.lock().unwrap().put_in(faults);
    }

    pub(crate) fn has_power(&self) -> bool {
        // A card without power answers nothing, not even that a class of commands is unknown.
        !self.card.lock().unwrap().transmit_now(&[0xFF, 0, 0, 0]).is_empty()
    }
}
