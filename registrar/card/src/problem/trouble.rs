//! What can go wrong, as a person sees it: each with its own picture, sentence and next step.

use crate::page::picture::{Base, Mark, Picture};

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
    PIN_NOT_ENTERED = "pin-not-entered", Pin Wait;
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
