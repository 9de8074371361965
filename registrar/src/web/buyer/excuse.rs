//! Why a page does not show what was asked for: each with what happened, and what to do.

use axum::http::StatusCode;

use super::sessions::Side;
use crate::domain::registration::RegistrationRefusal;
use crate::domain::ticket::TicketState;
use crate::store::{Failed, StorageError};

/// One sentence about what happened and one about what to do, by the key that both begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excuse {
    /// The link broke off on its way, or is none.
    Incomplete,
    /// No ticket has this code.
    Unknown,
    /// The registration link was used, or a newer one replaced it.
    Used,
    /// The holder's link was replaced by a newer one.
    Replaced,
    /// The ticket is void.
    Cancelled,
    /// The ticket is with the shop again.
    Returned,
    /// Its time is over.
    Over,
    /// A holder's link on the page for registering.
    IsHolders,
    /// A link for registering on the holder's page.
    IsRegistration,
    /// Too many wrong codes came from here.
    TooManyTries,
    /// Another tab has opened another ticket since.
    OtherTab,
    /// The page was open for too long.
    PageOver,
    /// The ticket is not in a state for it any more.
    NotNow,
}

impl Excuse {
    /// What the keys of its two sentences begin with.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Incomplete => "excuse-incomplete",
            Self::Unknown => "excuse-unknown",
            Self::Used => "excuse-used",
            Self::Replaced => "excuse-replaced",
            Self::Cancelled => "excuse-cancelled",
            Self::Returned => "excuse-returned",
            Self::Over => "excuse-over",
            Self::IsHolders => "excuse-is-holders",
            Self::IsRegistration => "excuse-is-registration",
            Self::TooManyTries => "excuse-too-many-tries",
            Self::OtherTab => "excuse-other-tab",
            Self::PageOver => "excuse-page-over",
            Self::NotNow => "excuse-not-now",
        }
    }

    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Incomplete => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Used | Self::Replaced | Self::IsHolders | Self::IsRegistration | Self::OtherTab | Self::NotNow => {
                StatusCode::CONFLICT
            }
            Self::Cancelled | Self::Returned | Self::Over | Self::PageOver => StatusCode::GONE,
            Self::TooManyTries => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Whether another link, or this one again, may help: not where the ticket itself is why, nor where the link is right
    /// and belongs to the other page.
    pub(super) const fn asks_for_a_link(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Returned | Self::Over | Self::IsHolders | Self::IsRegistration)
    }

    /// What a code that opens nothing means on this page.
    pub(super) fn of_refused_code(failed: Failed<RegistrationRefusal>, side: Side) -> Result<Self, StorageError> {
        let refusal = match failed {
            Failed::Refused(refusal) => refusal,
            Failed::Storage(error) => return Err(error),
        };
        Ok(match (refusal, side) {
            (RegistrationRefusal::UnknownCode, _) => Self::Unknown,
            (RegistrationRefusal::CodeUsed, Side::Register) => Self::Used,
            (RegistrationRefusal::CodeUsed, Side::Holder) => Self::Replaced,
            (RegistrationRefusal::CodeDead(TicketState::Returned), _) => Self::Returned,
            (RegistrationRefusal::CodeDead(_), _) => Self::Cancelled,
            // A look-up refuses for no other reason, and a suspension for the state alone.
            (_, _) => Self::NotNow,
        })
    }
}
