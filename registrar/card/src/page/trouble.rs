//! What can go wrong, as a person sees it: each with its own picture, sentence and next step.

use kido_reader::{NoReader, WaitError};
use kido_shared::certificate::CertificateReason;
use kido_shared::challenge::OriginError;

use super::picture::{Base, Mark, Picture};
use crate::client::ClientError;
use crate::exchange::ExchangeError;
use crate::link::LinkError;
use crate::problem::{Problem, card};
use crate::session::SessionError;

/// One kind of trouble. The name is a key's middle: `page-card-left` says what happened, `page-card-left-next` what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Trouble {
    pub(crate) name: &'static str,
    pub(crate) heading: &'static str,
    pub(crate) next: &'static str,
    pub(crate) picture: Picture,
    /// Staff or a city office, not a broken part.
    pub(crate) out_of_order: bool,
}

macro_rules! troubles {
    ($($constant:ident = $name:literal, $base:ident $mark:ident $(, $out:ident)?;)+) => {
        $(pub(crate) const $constant: Trouble = Trouble {
            name: $name,
            heading: concat!("page-", $name),
            next: concat!("page-", $name, "-next"),
            picture: Picture { base: Base::$base, mark: Mark::$mark },
            out_of_order: troubles!(@ $($out)?),
        };)+

        /// Every one there is.
        #[cfg(test)]
        pub(crate) const ALL: &[Trouble] = &[$($constant),+];
    };
    (@ fault) => { true };
    (@) => { false };
}

troubles! {
    NO_READER = "no-reader", Reader Plug, fault;
    NO_SERVICE = "no-service", Computer Stopped, fault;
    SEVERAL_READERS = "several-readers", Readers Question;
    READER_FAILED = "reader-failed", Reader Stopped, fault;
    NO_CARD = "no-card", Reader Question;
    CARD_LEFT = "card-left", ReaderCard Back;
    CARD_IN_USE = "card-in-use", ReaderCard Wait;
    CARD_MUTE = "card-mute", ReaderCard Turn;
    CARD_UNREADABLE = "card-unreadable", ReaderCard Exclamation;
    NOT_MY_NUMBER_CARD = "not-my-number-card", OtherCard Turn;
    PHONE = "phone", Phone Later;
    WRONG_PIN = "wrong-pin", Pin Turn;
    PIN_MALFORMED = "pin-malformed", Pin Four;
    LAST_TRY = "last-try", Pin One;
    PIN_LOCKED = "pin-locked", Card Lock;
    NO_PIN = "no-pin", Card Desk;
    CERTIFICATE = "certificate", Certificate Exclamation;
    PERSONAL_CERTIFICATE = "personal-certificate", Certificate Shield;
    OTHER_CARD = "other-card", Card Turn;
    NO_TICKET_ON_CARD = "no-ticket-on-card", Ticket Question;
    CARD_FULL = "card-full", Card Full;
    UNREACHABLE = "unreachable", Registrar Plug, fault;
    TIMED_OUT = "timed-out", Registrar Wait, fault;
    BUSY = "busy", Registrar People;
    ODD_REGISTRAR = "odd-registrar", Registrar Question, fault;
    NO_HTTPS = "no-https", Registrar Lock, fault;
    PROOF_REFUSED = "proof-refused", Registrar Exclamation;
    REGISTRAR_SAYS = "registrar-says", Registrar Desk;
    UNKNOWN_CODE = "unknown-code", Link Question;
    CODE_USED = "code-used", Ticket Done;
    CODE_DEAD = "code-dead", Ticket Stopped;
    NOT_POSSIBLE = "not-possible", Ticket Exclamation;
    TOO_MANY_CHANGES = "too-many-changes", Ticket Later;
    BAD_LINK = "bad-link", Link Exclamation;
    INSECURE_LINK = "insecure-link", Link Shield;
    LINK_AS_ARGUMENT = "link-as-argument", Link Turn;
    HOST_NOT_TYPED = "host-not-typed", Registrar Shield;
    HOST_LIST = "host-list", Computer Question, fault;
    EXPIRED = "expired", Ticket Wait;
    UNATTENDED = "unattended", Computer Wait;
    TAKEN = "taken", Computer Shield;
    STOPPED = "stopped", Computer Done;
    BROKEN = "broken", Computer Exclamation, fault;
}

impl Trouble {
    /// What a problem looks like.
    pub(crate) fn of(problem: &Problem) -> Self {
        match problem {
            Problem::Link(LinkError::Origin(OriginError::PlainHttp)) => INSECURE_LINK,
            Problem::LinkAsArgument | Problem::Link(LinkError::Scheme) => LINK_AS_ARGUMENT,
            Problem::Link(_) | Problem::WrongLink(_) => BAD_LINK,
            Problem::HostList(_) => HOST_LIST,
            Problem::HostNotConfirmed(_) => HOST_NOT_TYPED,
            Problem::Declined | Problem::Cancelled => STOPPED,
            Problem::Unattended => UNATTENDED,
            Problem::PageTaken => TAKEN,
            Problem::PinMalformed => PIN_MALFORMED,
            Problem::Wait(error) => of_wait(error),
            Problem::Exchange(ExchangeError::Card(error)) => card::of_card(error).trouble,
            Problem::Exchange(ExchangeError::Transmit(error)) => card::of_transmit(*error).trouble,
            Problem::Certificate(reasons) => of_certificate(reasons),
            Problem::Session(SessionError::Expired) => EXPIRED,
            Problem::Session(_) => ODD_REGISTRAR,
            Problem::Client(error) => of_client(error),
            Problem::Page(_) | Problem::NoTerminal | Problem::NoInput | Problem::TrustAnchor(_) | Problem::Start => {
                BROKEN
            }
        }
    }

    /// What a wait for a reader looks like.
    pub(crate) const fn of_no_reader(why: &NoReader) -> Self {
        match why {
            NoReader::NoService => NO_SERVICE,
            NoReader::NoneAttached => NO_READER,
            NoReader::NotFound(_) | NoReader::Several(_) => SEVERAL_READERS,
        }
    }
}

const fn of_wait(error: &WaitError) -> Trouble {
    match error {
        WaitError::NoReader(why) => Trouble::of_no_reader(why),
        WaitError::NoCard(_) => NO_CARD,
        WaitError::Cancelled => STOPPED,
    }
}

fn of_certificate(reasons: &[CertificateReason]) -> Trouble {
    let personal = [CertificateReason::SignatureCertificate, CertificateReason::PersonalExtension];
    if reasons.iter().any(|reason| personal.contains(reason)) { PERSONAL_CERTIFICATE } else { CERTIFICATE }
}

fn of_client(error: &ClientError) -> Trouble {
    match error {
        ClientError::Tls => NO_HTTPS,
        ClientError::Unreachable => UNREACHABLE,
        ClientError::Timeout => TIMED_OUT,
        ClientError::Redirected | ClientError::Answer => ODD_REGISTRAR,
        ClientError::Refused(refused) => match refused.code.as_str() {
            "unknown_code" => UNKNOWN_CODE,
            "code_used" => CODE_USED,
            "code_dead" => CODE_DEAD,
            "not_possible" => NOT_POSSIBLE,
            "proof_refused" => PROOF_REFUSED,
            "too_many_sessions" => BUSY,
            "no_session" => EXPIRED,
            "certificate_refused" => CERTIFICATE,
            "other_card" => OTHER_CARD,
            "no_ticket_on_card" => NO_TICKET_ON_CARD,
            "card_full" => CARD_FULL,
            "too_many_changes" => TOO_MANY_CHANGES,
            _in_its_own_words => REGISTRAR_SAYS,
        },
    }
}
