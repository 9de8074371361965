//! Everything that can end a run, as a word for programs and a sentence for the person.

pub(crate) mod card;
pub(crate) mod remedy;

use kido_reader::{NoReader, WaitError};
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

impl Problem {
    /// The word for a program: the registrar's own where the registrar refused.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Link(LinkError::Origin(OriginError::PlainHttp)) => "insecure_link",
            Self::Link(LinkError::Scheme) => "link_as_argument",
            Self::Link(_) => "link_malformed",
            Self::WrongLink(_) => "wrong_link",
            Self::LinkAsArgument => "link_as_argument",
            Self::HostList(_) => "registrar_list",
            Self::HostNotConfirmed(_) => "host_not_confirmed",
            Self::Declined => "declined",
            Self::Cancelled | Self::Wait(WaitError::Cancelled) => "cancelled",
            Self::Unattended => "unattended",
            Self::PageTaken => "page_taken",
            Self::Page(_) => "page",
            Self::NoTerminal => "no_terminal",
            Self::NoInput => "no_input",
            Self::PinMalformed => "pin_malformed",
            Self::Wait(WaitError::NoReader(why)) => no_reader_code(why),
            Self::Wait(WaitError::NoCard(_)) => "no_card",
            Self::Exchange(ExchangeError::Card(error)) => card::of_card(error).code,
            Self::Exchange(ExchangeError::Transmit(error)) => card::of_transmit(*error).code,
            Self::Certificate(_) => CERTIFICATE_REFUSED,
            Self::Session(SessionError::Expired) => "session_expired",
            Self::Session(_) => "registrar_answer",
            Self::Client(error) => error.code(),
            Self::TrustAnchor(_) => "trust_anchor",
            Self::Start => "start",
        }
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

    /// What happened and what to do, for the person.
    pub(crate) fn line(&self) -> Line {
        match self {
            Self::Link(error) => link_line(*error),
            Self::WrongLink(LinkKind::Registration) => Line::plain("problem-link-is-registration"),
            Self::WrongLink(LinkKind::Holder) => Line::plain("problem-link-is-holder"),
            Self::LinkAsArgument => Line::plain("problem-link-as-argument"),
            Self::HostList(_) => Line::plain("problem-registrar-list"),
            Self::HostNotConfirmed(host) => Line::with("problem-host-not-confirmed", "host", Fill::text(host)),
            Self::Declined => Line::plain("problem-declined"),
            Self::Cancelled | Self::Wait(WaitError::Cancelled) => Line::plain("problem-cancelled"),
            Self::Unattended => Line::plain("problem-unattended"),
            Self::PageTaken => Line::plain("problem-page-taken"),
            Self::Page(_) => Line::plain("problem-page"),
            Self::NoTerminal => Line::plain("problem-no-terminal"),
            Self::NoInput => Line::plain("problem-no-input"),
            Self::PinMalformed => Line::plain("problem-pin-malformed"),
            Self::Wait(WaitError::NoReader(why)) => no_reader_line(why),
            Self::Wait(WaitError::NoCard(reader)) => {
                Line::with("problem-no-card", "reader", Fill::text(&reader.to_string()))
            }
            Self::Exchange(ExchangeError::Card(error)) => card::card_line(error),
            Self::Exchange(ExchangeError::Transmit(error)) => card::transmit_line(*error),
            Self::Certificate(reasons) => certificate_line(reasons),
            Self::Session(SessionError::Expired) => Line::plain("problem-session-expired"),
            Self::Session(_) => Line::plain("problem-registrar-answer"),
            Self::Client(error) => error.line(),
            Self::TrustAnchor(file) => Line::with("problem-trust-anchor", "file", Fill::text(file)),
            Self::Start => Line::plain("problem-start"),
        }
    }
}

fn link_line(error: LinkError) -> Line {
    Line::plain(match error {
        LinkError::Empty => "problem-link-empty",
        LinkError::Origin(OriginError::PlainHttp) => "problem-link-insecure",
        LinkError::Scheme => "problem-link-as-argument",
        LinkError::TooLong | LinkError::Origin(_) | LinkError::Shape => "problem-link-malformed",
        LinkError::Code => "problem-link-code",
    })
}

fn certificate_line(reasons: &[CertificateReason]) -> Line {
    let personal = [CertificateReason::SignatureCertificate, CertificateReason::PersonalExtension];
    if reasons.iter().any(|reason| personal.contains(reason)) {
        Line::plain("problem-signature-certificate")
    } else {
        Line::plain("problem-certificate")
    }
}

const fn no_reader_code(why: &NoReader) -> &'static str {
    match why {
        NoReader::NoService => "no_service",
        NoReader::NoneAttached => "no_reader",
        NoReader::NotFound(_) => "reader_not_found",
        NoReader::Several(_) => "several_readers",
    }
}

/// What a missing reader is called to the person; lists what there is.
pub(crate) fn no_reader_line(why: &NoReader) -> Line {
    let listed = |readers: &[kido_reader::ReaderName]| {
        let names: Vec<String> = readers.iter().map(ToString::to_string).collect();
        Fill::text(&names.join(" | "))
    };
    match why {
        NoReader::NoService => Line::plain(card::NO_SERVICE),
        NoReader::NoneAttached => Line::plain("problem-no-reader"),
        NoReader::NotFound(readers) => Line::with("problem-reader-not-found", "readers", listed(readers)),
        NoReader::Several(readers) => Line::with("problem-several-readers", "readers", listed(readers)),
    }
}
