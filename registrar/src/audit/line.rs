//! One line of the list, as it is kept. Numbers are never given a second meaning; new fields are optional.

use kido_shared::clock::Timestamp;
use kido_shared::ids::{ArbiterId, EnrolmentId, EventId, GateId, TicketId};
use kido_shared::policy::PolicyDraft;

/// Through which door somebody came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Door {
    /// With a browser.
    #[n(0)]
    Console,
    /// With a program: a shop's, or the command line.
    #[n(1)]
    Api,
    /// Nobody: the registrar itself.
    #[n(2)]
    Itself,
}

impl Door {
    /// The word behind its sentence.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Api => "api",
            Self::Itself => "itself",
        }
    }
}

macro_rules! deeds {
    ($($(#[$doc:meta])* $number:literal $name:ident = $key:literal),+ $(,)?) => {
        /// What was done, or tried.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
        #[cbor(index_only)]
        pub enum Deed {
            $($(#[$doc])* #[n($number)] $name),+
        }

        impl Deed {
            /// All of them, for the test of their sentences.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word behind its sentence.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$name => $key),+
                }
            }
        }
    };
}

deeds! {
    /// A session of the console began.
    0 SignedIn = "signed-in",
    /// It was ended by its owner.
    1 SignedOut = "signed-out",
    /// An event was made.
    2 EventCreated = "event-created",
    /// Its choices were changed.
    3 EventChanged = "event-changed",
    /// Tickets came.
    4 TicketsImported = "tickets-imported",
    /// A ticket was suspended.
    5 TicketSuspended = "ticket-suspended",
    /// A ticket was cancelled.
    6 TicketCancelled = "ticket-cancelled",
    /// A ticket was paid.
    7 TicketConfirmed = "ticket-confirmed",
    /// A reservation went back to the shop.
    8 TicketReleased = "ticket-released",
    /// A ticket got a new code.
    9 CodeReissued = "code-reissued",
    /// A place was offered to a new gate.
    10 GateOffered = "gate-offered",
    /// A gate's digits were compared, and it belongs to the event.
    11 GateConfirmed = "gate-confirmed",
    /// An offer was taken back.
    12 GateRefused = "gate-refused",
    /// A gate's rights were ended.
    13 GateRevoked = "gate-revoked",
    /// Somebody got a token.
    14 TokenAdded = "token-added",
    /// A token was ended.
    15 TokenRemoved = "token-removed",
    /// Something was asked for that the role may not do, or by nobody who is known.
    16 Reached = "reached",
    /// The links of an import were taken out, as a file or on paper: for tickets without a card they are the tickets.
    17 CodesTaken = "codes-taken",
    /// Refused attempts came too fast to be listed one by one.
    18 Unlisted = "unlisted",
    /// An event was deleted after its retention date.
    19 EventForgotten = "event-forgotten",
    /// Two machines ran with a gate's keys, and its rights were ended.
    20 GateCopied = "gate-copied",
    /// A place was offered to a venue arbiter.
    21 ArbiterOffered = "arbiter-offered",
    /// A venue arbiter's digits were compared, and it decides for the event.
    22 ArbiterConfirmed = "arbiter-confirmed",
    /// A venue arbiter's rights were ended.
    23 ArbiterRevoked = "arbiter-revoked",
    /// Some of an event's tickets followed it to another date.
    24 EventPostponed = "event-postponed",
    /// Tickets were cancelled from a list.
    25 TicketsCancelled = "tickets-cancelled",
    /// A list of tickets was taken out, to be printed.
    26 PaperTaken = "paper-taken",
    /// Entries that were ticked on paper were put in.
    27 EntriesByHand = "entries-by-hand",
    /// A gate's journal was brought in a file.
    28 JournalBrought = "journal-brought",
    /// An event was got back from its gates after a restore.
    29 EventRecovered = "event-recovered",
    /// It was decided to go on without gates, or without records.
    30 RecoveredWithout = "recovered-without",
    /// Heads of a feed are signed with another key.
    32 FeedKeyChanged = "feed-key-changed",
    /// A feed began anew in another epoch.
    36 FeedCut = "feed-cut",
    /// Claims of a revoked gate were set free.
    44 ClaimsFreed = "claims-freed",
    /// A revoked gate's journal was brought in a file.
    45 RevokedJournalBrought = "revoked-journal-brought",
}

/// On what.
#[derive(Debug, Clone, PartialEq, Eq, Default, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
pub enum Object {
    /// On nothing but the event, if any.
    #[n(0)]
    #[default]
    Nothing,
    /// A ticket, by its pseudonym.
    #[n(1)]
    Ticket(#[n(0)] TicketId),
    /// A gate.
    #[n(2)]
    Gate(#[n(0)] GateId),
    /// An offer to a gate.
    #[n(3)]
    Offer(#[n(0)] EnrolmentId),
    /// A token, by what operators call it.
    #[n(4)]
    Token(#[n(0)] String),
    /// A batch of tickets: how many are new, and how many were refused.
    #[n(5)]
    Batch(#[n(0)] u64, #[n(1)] u64),
    /// A token and the word of its role.
    #[n(6)]
    TokenOfRole(#[n(0)] String, #[n(1)] String),
    /// An event's choices that were changed.
    #[n(7)]
    Choices(#[n(0)] Vec<ChangedChoice>),
    /// So many of them.
    #[n(8)]
    Count(#[n(0)] u64),
    /// A venue arbiter.
    #[n(10)]
    Arbiter(#[n(0)] ArbiterId),
}

/// One choice of an event's policy that became another. An event's name is said to have changed, and not what it is.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ChangedChoice {
    /// Its name in the API.
    #[n(0)]
    pub choice: String,
    /// What it was, as the API writes it.
    #[n(1)]
    pub from: Option<String>,
    /// What it is.
    #[n(2)]
    pub to: Option<String>,
}

impl ChangedChoice {
    /// What differs between two policies, in the words and numbers of the API.
    #[must_use]
    pub fn between(old: &PolicyDraft, new: &PolicyDraft) -> Vec<Self> {
        let (old, new) = (choices(old), choices(new));
        let changed = new.iter().filter(|(choice, to)| old.get(*choice) != Some(*to));
        let said = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let changed = changed.map(|(choice, to)| {
            let tells = choice != NAME;
            let from = old.get(choice).filter(|_| tells).map(said);
            Self { choice: choice.clone(), from, to: tells.then(|| said(to)) }
        });
        changed.collect()
    }
}

/// The one choice that is words of the operator's own.
const NAME: &str = "name";

fn choices(draft: &PolicyDraft) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(draft) {
        Ok(serde_json::Value::Object(choices)) => choices,
        // A structure of plain fields is always an object.
        Ok(_) | Err(_) => serde_json::Map::new(),
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct AuditLine {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// In which role, by its word; nothing where nobody was known.
    #[n(1)]
    pub role: Option<String>,
    /// What operators call whose token it was.
    #[n(2)]
    pub label: String,
    /// Through which door.
    #[n(3)]
    pub door: Door,
    /// What.
    #[n(4)]
    pub deed: Deed,
    /// In which event.
    #[n(5)]
    pub event: Option<EventId>,
    /// On what.
    #[n(6)]
    pub object: Object,
    /// The problem's code where it was refused; nothing where it was done.
    #[n(7)]
    pub refused: Option<String>,
}

impl AuditLine {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match minicbor::encode(self, &mut bytes) {
            Ok(()) => bytes,
            // Writing to memory does not fail; an empty line would be refused by the projection.
            Err(_infallible) => Vec::new(),
        }
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }
}
