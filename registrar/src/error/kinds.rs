//! The tables: each refusal with its status, its word for programs and its title.

use axum::http::StatusCode;
use kido_shared::carried::JournalFileError;
use kido_shared::request_signature::RequestSignatureError;

use super::codes;
use super::{AppError, RequestError};
use crate::auth::bearer::Denied;
use crate::auth::nonces::ReplayError;
use crate::auth::tokens::TokenError;
use crate::domain::arbiter::ArbiterRefusal;
use crate::domain::by_hand::ByHandRefusal;
use crate::domain::claim::ClaimRefusal;
use crate::domain::cut::CutRefusal;
use crate::domain::event::EventRefusal;
use crate::domain::feed_key::FeedKeyRefusal;
use crate::domain::gate::GateRefusal;
use crate::domain::ingest::IngestRefusal;
use crate::domain::recovery::RecoveryRefusal;
use crate::domain::registration::RegistrationRefusal;
use crate::domain::ticket::TicketRefusal;
use crate::enrolment::EnrolmentRefusal;
use crate::store::{ImportRefusal, StorageError};

/// Status, code, title: the same for every problem of a code.
pub(super) type Kind = (StatusCode, &'static str, &'static str);

const fn kind(status: StatusCode, code: &'static str, title: &'static str) -> Kind {
    (status, code, title)
}

const TOO_LARGE: &str = "More than is read at a time";
const NOT_OFFERED: &str = "Not offered here";

impl AppError {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Request(error) => request(error),
            Self::Denied(denied) => bearer(*denied),
            Self::Signature(error) => signature(*error),
            Self::Replay(error) => replay(*error),
            Self::Signer(refusal) => signer(*refusal),
            Self::Token(error) => token(error),
            Self::Event(refusal) => event(*refusal),
            Self::Policy(_) => kind(StatusCode::UNPROCESSABLE_ENTITY, "policy", "The policy contradicts itself"),
            Self::Ticket(refusal) => ticket(*refusal),
            Self::Import(ImportRefusal::TooManyRows) => kind(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE),
            Self::Import(ImportRefusal::Moving) => {
                kind(StatusCode::CONFLICT, "moving", "The event is being moved to another date")
            }
            Self::Import(ImportRefusal::UnderWay) => {
                kind(StatusCode::CONFLICT, codes::IMPORT_UNDER_WAY, "Another import is under way")
            }
            Self::Registration(refusal) => registration(refusal),
            Self::Gate(refusal) => gate(*refusal),
            Self::Cut(CutRefusal::NotTheRoots(_)) => {
                kind(StatusCode::FORBIDDEN, "not_the_roots", "Not the root key's word")
            }
            Self::Cut(CutRefusal::NotForward { .. }) => kind(StatusCode::CONFLICT, "not_forward", "Not a later epoch"),
            Self::NoCut => kind(StatusCode::NOT_FOUND, "no_cut", "Nothing was cut"),
            Self::FeedKey(refusal) => feed_key(*refusal),
            Self::Arbiter(refusal) => arbiter(*refusal),
            Self::Enrolment(refusal) => enrolment(*refusal),
            Self::Claim(refusal) => claim(*refusal),
            Self::Ingest(refusal) => ingest(*refusal),
            Self::JournalFile(error) => journal_file(*error),
            Self::JournalOfOtherEvent { .. } => kind(StatusCode::CONFLICT, "other_event", "Another event's journal"),
            Self::ByHand(ByHandRefusal::DecidedInGate) => {
                kind(StatusCode::CONFLICT, "arbiter_elsewhere", "Claims are decided elsewhere")
            }
            Self::ByHand(ByHandRefusal::TooMany) => kind(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE),
            Self::Recovery(refusal) => recovery(*refusal),
            Self::NoSuchRange => kind(StatusCode::NOT_FOUND, "no_such_range", "No such range"),
            Self::TooManyTries => kind(StatusCode::TOO_MANY_REQUESTS, "too_many_tries", "Too many wrong codes"),
            Self::TooManyStreams => kind(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", "Too many follow live"),
            Self::Deadline => kind(StatusCode::SERVICE_UNAVAILABLE, codes::DEADLINE, "It took too long"),
            Self::Storage(error) => storage(error),
            Self::Page(_) | Self::Lost(_) | Self::Bug => {
                kind(StatusCode::INTERNAL_SERVER_ERROR, "bug", "An unexpected condition")
            }
        }
    }
}

fn request(error: &RequestError) -> Kind {
    match error {
        RequestError::NoRoute => kind(StatusCode::NOT_FOUND, "not_found", "Nothing is here"),
        RequestError::Method => kind(StatusCode::METHOD_NOT_ALLOWED, "method", "Not by this method"),
        RequestError::Path => kind(StatusCode::NOT_FOUND, "bad_path", "No such thing"),
        RequestError::OtherSite => kind(StatusCode::FORBIDDEN, "other_site", "Not from our own page"),
        RequestError::TooLarge => kind(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE),
        RequestError::Body => kind(StatusCode::BAD_REQUEST, "body", "The body did not arrive"),
        RequestError::MediaType => kind(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", "Not JSON"),
        RequestError::Json { .. } => kind(StatusCode::BAD_REQUEST, "json", "The JSON is not what is expected"),
        RequestError::Field { .. } | RequestError::Row { .. } => {
            kind(StatusCode::UNPROCESSABLE_ENTITY, "field", "A value cannot be")
        }
    }
}

const fn bearer(denied: Denied) -> Kind {
    match denied {
        Denied::NoToken => kind(StatusCode::UNAUTHORIZED, "no_token", "A bearer token is needed"),
        Denied::ExpiredToken => kind(StatusCode::UNAUTHORIZED, "token_expired", "The bearer token has expired"),
        Denied::UnknownToken => kind(StatusCode::UNAUTHORIZED, "unknown_token", "The bearer token is not known"),
        Denied::Role(_) => kind(StatusCode::FORBIDDEN, "role", "Not in this role"),
    }
}

const fn signature(error: RequestSignatureError) -> Kind {
    let code = match error {
        RequestSignatureError::Malformed => "signature_malformed",
        RequestSignatureError::Profile => "signature_profile",
        RequestSignatureError::Digest => "signature_digest",
        RequestSignatureError::Skew => "signature_skew",
        RequestSignatureError::Signature => "signature",
    };
    kind(StatusCode::UNAUTHORIZED, code, "The request is not signed as it must be")
}

const fn replay(error: ReplayError) -> Kind {
    match error {
        ReplayError::Replayed => kind(StatusCode::UNAUTHORIZED, "replayed", "The request was sent before"),
        ReplayError::TooMany => kind(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
    }
}

const fn signer(refusal: GateRefusal) -> Kind {
    match refusal {
        GateRefusal::Revoked => kind(StatusCode::FORBIDDEN, "gate_revoked", "The gate was revoked"),
        GateRefusal::EarlierRun => kind(StatusCode::CONFLICT, "earlier_run", "The gate has started anew"),
        GateRefusal::UnknownGate
        | GateRefusal::Exists
        | GateRefusal::LocalArbiter
        | GateRefusal::HomeGate
        | GateRefusal::Unheard { .. }
        | GateRefusal::InForce
        | GateRefusal::ClaimsChanged { .. }
        | GateRefusal::TooManyGates => kind(StatusCode::UNAUTHORIZED, "unknown_gate", "Not one of this event's gates"),
    }
}

const fn token(error: &TokenError) -> Kind {
    match error {
        TokenError::File { .. } | TokenError::Damaged(_) => {
            kind(StatusCode::INTERNAL_SERVER_ERROR, "storage", "Not stored")
        }
        TokenError::Label | TokenError::Life => kind(StatusCode::UNPROCESSABLE_ENTITY, "field", "A value cannot be"),
        TokenError::Exists => kind(StatusCode::CONFLICT, "label_taken", "The label is taken"),
        TokenError::Unknown => kind(StatusCode::NOT_FOUND, "unknown_label", "No such token"),
        TokenError::LastOperator => kind(StatusCode::CONFLICT, "last_operator", "The last operator stays"),
        TokenError::TooMany => kind(StatusCode::CONFLICT, "too_many_tokens", "Too many tokens"),
    }
}

const fn event(refusal: EventRefusal) -> Kind {
    match refusal {
        EventRefusal::Over => kind(StatusCode::UNPROCESSABLE_ENTITY, "event_over", "The event is over"),
        EventRefusal::RehearsalFixed => {
            kind(StatusCode::CONFLICT, "rehearsal_fixed", "A rehearsal stays one, and a real event too")
        }
        EventRefusal::LocalArbiter { .. } => kind(StatusCode::CONFLICT, "local_arbiter", "One gate only"),
        EventRefusal::ArbiterFixed => kind(StatusCode::CONFLICT, "arbiter_fixed", "The arbiter stays"),
        EventRefusal::ChangedMeanwhile => kind(StatusCode::CONFLICT, "changed_meanwhile", "Somebody else was first"),
        EventRefusal::NoSuchDate => kind(StatusCode::UNPROCESSABLE_ENTITY, "no_such_date", "No such date"),
        EventRefusal::OtherDateUnderWay => {
            kind(StatusCode::CONFLICT, "other_date_under_way", "Another date is under way")
        }
        EventRefusal::TooFarAhead => kind(StatusCode::UNPROCESSABLE_ENTITY, "too_far_ahead", "Too far ahead"),
        EventRefusal::NotOffered(_) => kind(StatusCode::UNPROCESSABLE_ENTITY, "not_offered", NOT_OFFERED),
        EventRefusal::Kept => kind(StatusCode::CONFLICT, "event_kept", "The retention date has not come"),
        EventRefusal::EntriesOut { .. } => kind(StatusCode::CONFLICT, "entries_out", "A gate has entries to upload"),
        EventRefusal::NoSpareIdentity => {
            kind(StatusCode::SERVICE_UNAVAILABLE, "no_spare_identity", "The root key is needed")
        }
    }
}

const NOT_POSSIBLE: &str = "Not with this ticket as it is";
const TOO_MANY_CHANGES: &str = "Too many changes today";

const fn ticket(refusal: TicketRefusal) -> Kind {
    match refusal {
        TicketRefusal::UnknownTicket => kind(StatusCode::NOT_FOUND, "unknown_ticket", "No such ticket"),
        TicketRefusal::NotPossible { .. } => kind(StatusCode::CONFLICT, "not_possible", NOT_POSSIBLE),
        TicketRefusal::HolderCode => kind(StatusCode::FORBIDDEN, "holder_code", "The holder's code is not the shop's"),
        TicketRefusal::Paid => kind(StatusCode::CONFLICT, "paid", "The ticket is paid"),
        TicketRefusal::TooManyChanges => kind(StatusCode::TOO_MANY_REQUESTS, "too_many_changes", TOO_MANY_CHANGES),
    }
}

const fn registration(refusal: &RegistrationRefusal) -> Kind {
    match refusal {
        RegistrationRefusal::UnknownCode => kind(StatusCode::NOT_FOUND, "unknown_code", "No ticket has this code"),
        RegistrationRefusal::CodeUsed => kind(StatusCode::CONFLICT, "code_used", "The code was used"),
        RegistrationRefusal::CodeDead(_) => kind(StatusCode::GONE, "code_dead", "The code's ticket is void"),
        RegistrationRefusal::NotPossible { .. } => kind(StatusCode::CONFLICT, "not_possible", NOT_POSSIBLE),
        RegistrationRefusal::NotOffered(_) => kind(StatusCode::UNPROCESSABLE_ENTITY, "not_offered", NOT_OFFERED),
        RegistrationRefusal::NothingNamed => {
            kind(StatusCode::UNPROCESSABLE_ENTITY, "nothing_named", "A code or an event is needed")
        }
        RegistrationRefusal::NoSession => kind(StatusCode::GONE, "no_session", "The dialogue is over"),
        RegistrationRefusal::TooManySessions => {
            kind(StatusCode::SERVICE_UNAVAILABLE, "too_many_sessions", "Too many dialogues are open")
        }
        RegistrationRefusal::Certificate(_) => {
            kind(StatusCode::FORBIDDEN, "certificate_refused", "The certificate is refused")
        }
        RegistrationRefusal::Proof(_) => kind(StatusCode::FORBIDDEN, "proof_refused", "The proof is refused"),
        RegistrationRefusal::OtherCard => kind(StatusCode::FORBIDDEN, "other_card", "Another card"),
        RegistrationRefusal::NoTicketOnCard => {
            kind(StatusCode::NOT_FOUND, "no_ticket_on_card", "No ticket on this card")
        }
        RegistrationRefusal::CardFull { .. } => {
            kind(StatusCode::CONFLICT, "card_full", "The card holds enough tickets")
        }
        RegistrationRefusal::TooManyChanges => {
            kind(StatusCode::TOO_MANY_REQUESTS, "too_many_changes", TOO_MANY_CHANGES)
        }
    }
}

const fn gate(refusal: GateRefusal) -> Kind {
    match refusal {
        GateRefusal::UnknownGate => kind(StatusCode::NOT_FOUND, "unknown_gate", "No such gate"),
        GateRefusal::Revoked => kind(StatusCode::FORBIDDEN, "gate_revoked", "The gate was revoked"),
        GateRefusal::EarlierRun => kind(StatusCode::CONFLICT, "earlier_run", "The gate has started anew"),
        GateRefusal::Exists => kind(StatusCode::CONFLICT, "gate_exists", "Another gate has this id"),
        GateRefusal::HomeGate => kind(StatusCode::CONFLICT, "home_gate", "This zone has its one gate"),
        GateRefusal::Unheard { .. } => kind(StatusCode::CONFLICT, "gate_unheard", "A gate has not heard of it yet"),
        GateRefusal::LocalArbiter => kind(StatusCode::CONFLICT, "local_arbiter", "One gate only"),
        GateRefusal::InForce => kind(StatusCode::CONFLICT, "gate_in_force", "The gate is in force"),
        GateRefusal::ClaimsChanged { .. } => {
            kind(StatusCode::CONFLICT, "claims_changed", "Other claims than were named")
        }
        GateRefusal::TooManyGates => kind(StatusCode::CONFLICT, "too_many_gates", "Too many gates"),
    }
}

const fn feed_key(refusal: FeedKeyRefusal) -> Kind {
    match refusal {
        FeedKeyRefusal::NotTheRoots(_) => kind(StatusCode::FORBIDDEN, "not_the_roots", "Not the root key's word"),
        FeedKeyRefusal::OtherKey => kind(StatusCode::CONFLICT, "other_key", "For another key"),
        FeedKeyRefusal::NotLater => kind(StatusCode::CONFLICT, "not_later", "Not later than the key in force"),
        FeedKeyRefusal::Forgets => kind(StatusCode::CONFLICT, "forgets_revoked", "Earlier keys stay revoked"),
        FeedKeyRefusal::NotNow => kind(StatusCode::UNPROCESSABLE_ENTITY, "not_now", "Not valid now"),
    }
}

const fn arbiter(refusal: ArbiterRefusal) -> Kind {
    match refusal {
        ArbiterRefusal::NotVenue => kind(StatusCode::CONFLICT, "not_venue", "Claims are not decided in the venue"),
        ArbiterRefusal::OneOnly => kind(StatusCode::CONFLICT, "arbiter_exists", "One venue arbiter only"),
        ArbiterRefusal::SharedMax => kind(StatusCode::CONFLICT, "too_many_arbiters", "Too many arbiters"),
        ArbiterRefusal::AddressTaken => kind(StatusCode::CONFLICT, "address_taken", "Another box is asked there"),
        ArbiterRefusal::Unknown => kind(StatusCode::NOT_FOUND, "unknown_arbiter", "No such arbiter"),
        ArbiterRefusal::Revoked => kind(StatusCode::FORBIDDEN, "arbiter_revoked", "The arbiter was revoked"),
        ArbiterRefusal::Exists => kind(StatusCode::CONFLICT, "arbiter_exists", "Another arbiter has this id"),
        ArbiterRefusal::Addresses => kind(StatusCode::UNPROCESSABLE_ENTITY, "field", "A value cannot be"),
        ArbiterRefusal::TooMany => kind(StatusCode::CONFLICT, "too_many_arbiters", "Too many arbiters"),
        ArbiterRefusal::BoxNotOff => kind(StatusCode::CONFLICT, "box_not_off", "The box must be off"),
    }
}

const fn enrolment(refusal: EnrolmentRefusal) -> Kind {
    match refusal {
        EnrolmentRefusal::NoOffer => kind(StatusCode::GONE, "no_offer", "No such offer"),
        EnrolmentRefusal::TooMany => {
            kind(StatusCode::SERVICE_UNAVAILABLE, "too_many_offers", "Too many offers are open")
        }
        EnrolmentRefusal::Order => kind(StatusCode::CONFLICT, "order", "Not the next step"),
        EnrolmentRefusal::WrongDigits => kind(StatusCode::FORBIDDEN, "wrong_digits", "The digits are others"),
        EnrolmentRefusal::NotDigits => kind(StatusCode::UNPROCESSABLE_ENTITY, codes::NOT_DIGITS, "Not six digits"),
        EnrolmentRefusal::OtherKind => kind(StatusCode::CONFLICT, "other_party", "The offer is for another kind"),
        EnrolmentRefusal::Dialogue(_) => kind(StatusCode::FORBIDDEN, "enrolment_failed", "The enrolment failed"),
    }
}

const OTHER_GATE: &str = "Another gate is named";

const fn claim(refusal: ClaimRefusal) -> Kind {
    match refusal {
        ClaimRefusal::Gate(refusal) => signer(refusal),
        ClaimRefusal::OtherGate => kind(StatusCode::FORBIDDEN, "other_gate", OTHER_GATE),
        ClaimRefusal::UnknownTicket => kind(StatusCode::NOT_FOUND, "unknown_ticket", "No such ticket"),
        ClaimRefusal::ArbiterElsewhere => {
            kind(StatusCode::CONFLICT, "arbiter_elsewhere", "Claims are decided elsewhere")
        }
        ClaimRefusal::TooFast => kind(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
    }
}

const fn ingest(refusal: IngestRefusal) -> Kind {
    match refusal {
        IngestRefusal::Gate(refusal) => signer(refusal),
        IngestRefusal::OtherGate(_) | IngestRefusal::ShowingOfOtherGate(_) => {
            kind(StatusCode::FORBIDDEN, "other_gate", OTHER_GATE)
        }
        IngestRefusal::TooMany => kind(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE),
    }
}

const fn recovery(refusal: RecoveryRefusal) -> Kind {
    match refusal {
        RecoveryRefusal::NotRecovering => kind(StatusCode::CONFLICT, "not_recovering", "Nothing is missing"),
        RecoveryRefusal::Head => kind(StatusCode::FORBIDDEN, "head_refused", "Not a head of this feed"),
        RecoveryRefusal::Range => kind(StatusCode::UNPROCESSABLE_ENTITY, "range", "No records"),
        RecoveryRefusal::OtherRecords => kind(StatusCode::CONFLICT, "other_records", "Other records were asked for"),
        RecoveryRefusal::DoNotFollow => kind(StatusCode::CONFLICT, "do_not_follow", "Another history"),
        RecoveryRefusal::TooMany => kind(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE),
        RecoveryRefusal::NoJournalAsked => kind(StatusCode::CONFLICT, "no_journal_asked", "No journal was asked for"),
        RecoveryRefusal::UnknownGate => kind(StatusCode::NOT_FOUND, "unknown_gate", "No such gate"),
    }
}

const fn journal_file(error: JournalFileError) -> Kind {
    match error {
        JournalFileError::TooLarge => kind(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE),
        JournalFileError::Malformed | JournalFileError::Version(_) => {
            kind(StatusCode::UNPROCESSABLE_ENTITY, "journal_file", "Not a whole journal file")
        }
        JournalFileError::Signature => kind(StatusCode::FORBIDDEN, "journal_signature", "Not signed by this gate"),
        JournalFileError::OtherGate => kind(StatusCode::FORBIDDEN, "other_gate", OTHER_GATE),
    }
}

const fn storage(error: &StorageError) -> Kind {
    match error {
        StorageError::UnknownEvent(_) => kind(StatusCode::NOT_FOUND, "unknown_event", "No such event"),
        StorageError::Forgotten(_) => kind(StatusCode::GONE, "event_forgotten", "The event was deleted"),
        StorageError::NotServed(_) => kind(StatusCode::SERVICE_UNAVAILABLE, "not_served", "The event is not served"),
        StorageError::Recovering { .. } => {
            kind(StatusCode::SERVICE_UNAVAILABLE, "recovering", "The event is got back from its gates")
        }
        StorageError::CutOff(_) => {
            kind(StatusCode::INTERNAL_SERVER_ERROR, "recovery_cut_off", "Getting the event back was cut off")
        }
        StorageError::DiskFull => kind(StatusCode::INSUFFICIENT_STORAGE, "disk_full", "The disk is full"),
        StorageError::Busy => kind(StatusCode::SERVICE_UNAVAILABLE, codes::BUSY, "Too much waits to be stored"),
        StorageError::Stopping => kind(StatusCode::SERVICE_UNAVAILABLE, "stopping", "The registrar is stopping"),
        StorageError::Keyring(_) => kind(StatusCode::INTERNAL_SERVER_ERROR, "keyring", "The keyring failed"),
        StorageError::Failed(_)
        | StorageError::Entry(_)
        | StorageError::Feed(_)
        | StorageError::Removing(_)
        | StorageError::Computation(_) => kind(StatusCode::INTERNAL_SERVER_ERROR, "storage", "Not stored"),
    }
}
