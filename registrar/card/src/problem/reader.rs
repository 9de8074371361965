//! What is wrong before there is a card: with the service, the readers, or the wait.

use kido_reader::{NoReader, ReaderName, WaitError};

use super::remedy::Remedy;
use super::{Row, row, trouble};
use crate::words::Fill;

/// How the service is brought up differs by system; everything else is alike.
const NO_SERVICE: &str = if cfg!(windows) {
    "problem-no-service-windows"
} else if cfg!(target_os = "macos") {
    "problem-no-service-macos"
} else {
    "problem-no-service"
};

/// A wait that brought no card.
pub(super) fn of_wait(error: &WaitError) -> Row<'static> {
    match error {
        WaitError::NoReader(why) => of_no_reader(why),
        WaitError::NoCard(reader) => row("no_card", "problem-no-card", Remedy::Card, trouble::NO_CARD)
            .with("reader", Fill::text(&reader.to_string())),
        WaitError::Cancelled => cancelled(),
    }
}

/// Ended by whoever began it.
pub(super) const fn cancelled() -> Row<'static> {
    row("cancelled", "problem-cancelled", Remedy::Nothing, trouble::STOPPED)
}

/// A missing reader, or too many of them; lists what there is.
pub(crate) fn of_no_reader(why: &NoReader) -> Row<'static> {
    match why {
        NoReader::NoService => row("no_service", NO_SERVICE, Remedy::Card, trouble::NO_SERVICE),
        NoReader::NoneAttached => row("no_reader", "problem-no-reader", Remedy::Card, trouble::NO_READER),
        NoReader::NotFound(readers) => to_choose("reader_not_found", "problem-reader-not-found", readers),
        NoReader::Several(readers) => to_choose("several_readers", "problem-several-readers", readers),
    }
}

fn to_choose(code: &'static str, key: &'static str, readers: &[ReaderName]) -> Row<'static> {
    let names: Vec<String> = readers.iter().map(ToString::to_string).collect();
    let listed = Fill::text(&names.join(" | "));
    row(code, key, Remedy::Reader(names), trouble::SEVERAL_READERS).with("readers", listed)
}
