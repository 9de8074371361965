//! Everything that can end a run: one row for each, with its word for programs, its sentence and picture for the person,
//! and where to go on from.

pub(crate) mod card;
pub(crate) mod reader;
pub(crate) mod registrar;
pub(crate) mod remedy;
pub(crate) mod trouble;

use kido_reader::WaitError;
use kido_shared::card::CardError;
use kido_shared::certificate::CertificateReason;
use kido_shared::challenge::OriginError;

use crate::client::ClientError;
use crate::exchange::ExchangeError;
use crate::host::HostListError;
use crate::link::{LinkError, LinkKind};
use crate::page::PageError;
use crate::session::SessionError;
use crate::words::{Fill, Line};

use remedy::Remedy;
use trouble::Trouble;

/// Why a run ended without what was asked for. Nothing in it is card data, a code or a PIN.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// The text was no link.
    #[error("no link")]
    Link(#[source] LinkError),
    /// A link of the other kind.
    #[error("the link is for the other command")]
    WrongLink(LinkKind),
    /// A link stood on the command line, where everybody on this computer can read it.
    #[error("a link was given as an argument")]
    LinkAsArgument,
    /// The list of registrars.
    #[error("the list of registrars")]
    HostList(#[source] HostListError),
    /// The person did not type the host's name.
    #[error("the host was not confirmed")]
    HostNotConfirmed(String),
    /// The person said no.
    #[error("declined")]
    Declined,
    /// Nobody has answered at the page, or looks at it any more.
    #[error("nobody is at the page")]
    Unattended,
    /// The page's address was used twice: somebody else has it.
    #[error("the page was opened twice")]
    PageTaken,
    /// The page could not be served.
    #[error("the page cannot be served")]
    Page(#[source] PageError),
    /// Ctrl-C, or the system asked the program to end.
    #[error("cancelled")]
    Cancelled,
    /// A PIN is needed and there is nowhere to type it.
    #[error("no terminal to type the PIN on")]
    NoTerminal,
    /// The input ended or failed.
    #[error("no input")]
    NoInput,
    /// What was typed is no PIN; nothing was sent to the card.
    #[error("no PIN of four digits")]
    PinMalformed,
    /// No reader or no card.
    #[error("no card to use")]
    Wait(#[source] WaitError),
    /// The card or the reader.
    #[error("the card exchange ended")]
    Exchange(#[source] ExchangeError),
    /// The card showed something that must not leave it, or that no proof can be made for.
    #[error("the certificate is refused here")]
    Certificate(Vec<CertificateReason>),
    /// The registrar said something that does not fit the dialogue.
    #[error("the dialogue is broken")]
    Session(#[source] SessionError),
    /// The registrar could not be reached or refused.
    #[error("the registrar")]
    Client(#[source] ClientError),
    /// A trust anchor file.
    #[error("a trust anchor cannot be used")]
    TrustAnchor(String),
    /// The program could not start its parts.
    #[error("the program could not start")]
    Start,
}

impl From<ExchangeError> for Problem {
    fn from(error: ExchangeError) -> Self {
        Self::Exchange(error)
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

/// The word used where the card's certificate is refused, here or by the registrar.
pub(crate) const CERTIFICATE_REFUSED: &str = "certificate_refused";

/// One problem, however it is told.
#[derive(Debug)]
pub(crate) struct Row<'p> {
    /// The word for a program: the registrar's own where the registrar refused.
    pub(crate) code: &'p str,
    /// What happened and what to do, for the person at a terminal.
    pub(crate) line: Line,
    /// Where to go on from.
    pub(crate) remedy: Remedy,
    /// The same for the person at the page.
    pub(crate) trouble: Trouble,
}

/// A row whose sentence has no gap.
const fn row<'p>(code: &'p str, key: &'static str, remedy: Remedy, trouble: Trouble) -> Row<'p> {
    Row { code, line: Line::plain(key), remedy, trouble }
}

impl Row<'_> {
    /// Fills the gap of its sentence.
    fn with(mut self, name: &'static str, fill: Fill) -> Self {
        self.line = self.line.and(name, fill);
        self
    }
}

impl Problem {
    /// What it is called, and what to do about it.
    pub(crate) fn row(&self) -> Row<'_> {
        use Remedy::{Card, Dialogue, Link, Nothing};
        match self {
            Self::Link(error) => of_link(*error),
            Self::WrongLink(LinkKind::Registration) => {
                row("wrong_link", "problem-link-is-registration", Link, trouble::BAD_LINK)
            }
            Self::WrongLink(LinkKind::Holder) => row("wrong_link", "problem-link-is-holder", Link, trouble::BAD_LINK),
            Self::LinkAsArgument => link_as_argument(),
            Self::HostList(_) => row("registrar_list", "problem-registrar-list", Nothing, trouble::HOST_LIST),
            Self::HostNotConfirmed(host) => {
                row("host_not_confirmed", "problem-host-not-confirmed", Dialogue, trouble::HOST_NOT_TYPED)
                    .with("host", Fill::text(host))
            }
            Self::Declined => row("declined", "problem-declined", Nothing, trouble::STOPPED),
            Self::Cancelled => reader::cancelled(),
            Self::Unattended => row("unattended", "problem-unattended", Nothing, trouble::UNATTENDED),
            Self::PageTaken => row("page_taken", "problem-page-taken", Nothing, trouble::TAKEN),
            Self::Page(_) => row("page", "problem-page", Nothing, trouble::BROKEN),
            Self::NoTerminal => row("no_terminal", "problem-no-terminal", Nothing, trouble::BROKEN),
            Self::NoInput => row("no_input", "problem-no-input", Nothing, trouble::BROKEN),
            Self::PinMalformed => row("pin_malformed", "problem-pin-malformed", Card, trouble::PIN_MALFORMED),
            Self::Wait(error) => reader::of_wait(error),
            Self::Exchange(ExchangeError::Card(error)) => card::of_card(error),
            Self::Exchange(ExchangeError::Transmit(error)) => card::of_transmit(*error),
            Self::Certificate(reasons) => of_certificate(reasons),
            Self::Session(SessionError::Expired) => {
                row("session_expired", "problem-session-expired", Dialogue, trouble::EXPIRED)
            }
            Self::Session(_) => registrar::odd_answer(),
            Self::Client(error) => registrar::of_client(error),
            Self::TrustAnchor(file) => {
                row("trust_anchor", "problem-trust-anchor", Nothing, trouble::BROKEN).with("file", Fill::text(file))
            }
            Self::Start => row("start", "problem-start", Nothing, trouble::BROKEN),
        }
    }

    /// The word for a program.
    pub(crate) fn code(&self) -> &str {
        self.row().code
    }

    /// What happened and what to do, for the person.
    pub(crate) fn line(&self) -> Line {
        self.row().line
    }

    /// Where to go on from.
    pub(crate) fn remedy(&self) -> Remedy {
        self.row().remedy
    }

    /// Every reason, where there are several.
    pub(crate) fn reasons(&self) -> Vec<String> {
        if let Self::Certificate(reasons) = self {
            reasons.iter().map(|reason| reason.name().to_owned()).collect()
        } else if let Self::Client(ClientError::Refused(refused)) = self {
            refused.reasons.clone()
        } else {
            Vec::new()
        }
    }

    /// How many tries the PIN has left, where the card has just told.
    pub(crate) const fn tries_left(&self) -> Option<u8> {
        if let Self::Exchange(ExchangeError::Card(CardError::WrongPin(tries) | CardError::TooFewTries(tries))) = self {
            Some(tries.get())
        } else if let Self::Exchange(ExchangeError::Card(CardError::PinLocked)) = self {
            Some(0)
        } else {
            None
        }
    }
}

fn of_link(error: LinkError) -> Row<'static> {
    use Remedy::Link;
    match error {
        LinkError::Origin(OriginError::PlainHttp) => {
            row("insecure_link", "problem-link-insecure", Link, trouble::INSECURE_LINK)
        }
        LinkError::Scheme => link_as_argument(),
        LinkError::Empty => row("link_malformed", "problem-link-empty", Link, trouble::BAD_LINK),
        LinkError::Code => row("link_malformed", "problem-link-code", Link, trouble::BAD_LINK),
        LinkError::TooLong | LinkError::Origin(_) | LinkError::Shape => {
            row("link_malformed", "problem-link-malformed", Link, trouble::BAD_LINK)
        }
    }
}

/// On the command line, or handed over by a browser in the form that stands there.
const fn link_as_argument() -> Row<'static> {
    row("link_as_argument", "problem-link-as-argument", Remedy::Link, trouble::LINK_AS_ARGUMENT)
}

/// A certificate that names its holder is told apart: another certificate of the same card will do.
fn of_certificate(reasons: &[CertificateReason]) -> Row<'static> {
    let personal = [CertificateReason::SignatureCertificate, CertificateReason::PersonalExtension];
    let (key, trouble) = if reasons.iter().any(|reason| personal.contains(reason)) {
        ("problem-signature-certificate", trouble::PERSONAL_CERTIFICATE)
    } else {
        ("problem-certificate", trouble::CERTIFICATE)
    };
    row(CERTIFICATE_REFUSED, key, Remedy::OtherCard, trouble)
}
