//! What PC/SC's error codes mean to us.

use pcsc::Error;

use crate::channel::TransmitError;

/// The service stopped, restarted or never ran: the context is worth nothing any more.
///
/// A handle that was valid becomes invalid only when its service restarts; pcsc-lite reports a lost socket as a
/// communication error.
pub(crate) const fn is_service_lost(error: Error) -> bool {
    matches!(
        error,
        Error::NoService
            | Error::ServiceStopped
            | Error::InvalidHandle
            | Error::Shutdown
            | Error::SystemCancelled
            | Error::CommError
            | Error::InternalError
    )
}

/// The reader was unplugged, or the system has none.
pub(crate) const fn is_reader_lost(error: Error) -> bool {
    matches!(error, Error::UnknownReader | Error::ReaderUnavailable | Error::NoReadersAvailable)
}

/// Why no connection to the card could be made.
pub(crate) const fn on_connect(error: Error) -> TransmitError {
    if matches!(error, Error::NoSmartcard | Error::RemovedCard) {
        TransmitError::NoCard
    } else if is_mute(error) {
        TransmitError::Mute
    } else if matches!(error, Error::SharingViolation) {
        TransmitError::InUse
    } else if is_service_lost(error) {
        TransmitError::NoService
    } else {
        TransmitError::ReaderFailed
    }
}

/// A card that has no answer to reset, or none that its reader understands.
const fn is_mute(error: Error) -> bool {
    matches!(error, Error::UnresponsiveCard | Error::UnpoweredCard | Error::UnsupportedCard | Error::ProtoMismatch)
}

/// Why a command on an open connection got no answer.
pub(crate) const fn on_transmit(error: Error) -> TransmitError {
    if is_torn(error) {
        TransmitError::Torn
    } else if is_service_lost(error) {
        TransmitError::NoService
    } else {
        TransmitError::ReaderFailed
    }
}

/// pcsc-lite says `NotTransacted` for a card that left during the command, and `RemovedCard` or `ResetCard` once it has
/// noticed (`jpki.md` §1).
const fn is_torn(error: Error) -> bool {
    matches!(
        error,
        Error::NotTransacted
            | Error::RemovedCard
            | Error::ResetCard
            | Error::NoSmartcard
            | Error::UnpoweredCard
            | Error::UnresponsiveCard
            | Error::CommDataLost
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_leaves_is_told_apart_from_a_reader_and_from_a_service_that_leave() {
        for error in [Error::NotTransacted, Error::RemovedCard, Error::ResetCard] {
            assert_eq!(on_transmit(error), TransmitError::Torn);
        }
        assert_eq!(on_transmit(Error::ReaderUnavailable), TransmitError::ReaderFailed);
        assert_eq!(on_transmit(Error::ServiceStopped), TransmitError::NoService);
    }

    #[test]
    fn a_card_the_wrong_way_up_is_mute_and_not_missing() {
        assert_eq!(on_connect(Error::UnresponsiveCard), TransmitError::Mute);
        assert_eq!(on_connect(Error::NoSmartcard), TransmitError::NoCard);
        assert_eq!(on_connect(Error::SharingViolation), TransmitError::InUse);
    }
}
