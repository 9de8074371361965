//! The boxes in the venue that decide for the gates, as a page lists them.

use kido_shared::ids::ArbiterId;
use kido_shared::policy::ArbiterHome;
use kido_web::icons;

use crate::store::{ArbiterView, EventView};
use crate::web::console::Around;
use crate::web::japan_time::JapanTime;

/// A box as a row shows it.
#[derive(Debug)]
pub(super) struct BoxRow {
    pub(super) state: &'static str,
    pub(super) word: String,
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) addresses: Vec<String>,
    pub(super) since: String,
    pub(super) id: ArbiterId,
    pub(super) short: String,
}

fn row(around: &Around<'_>, ArbiterView { arbiter, record, added_at }: ArbiterView) -> BoxRow {
    let (state, class, icon) = match (record.revoked, record.shared) {
        (true, _) => ("revoked", "quiet", icons::LOCKED),
        (false, true) => ("shared", "well", icons::DONE),
        (false, false) => ("alone", "well", icons::DONE),
    };
    BoxRow {
        state,
        word: around.say(&format!("console-box-{state}")),
        class,
        icon,
        addresses: record.addresses.iter().map(|address| address.as_str().to_owned()).collect(),
        since: JapanTime::at(added_at, around.page.speech.language()).in_short(),
        id: arbiter,
        short: super::standing::tail(&arbiter.to_string()),
    }
}

/// Those of an event, the ones in force first; nothing where the venue never decided.
pub(super) fn of_event(around: &Around<'_>, view: &EventView, mut arbiters: Vec<ArbiterView>) -> Option<Vec<BoxRow>> {
    arbiters.sort_by_key(|one| (one.record.revoked, one.added_at));
    let shown = view.policy.choices().arbiter.home == ArbiterHome::Venue || !arbiters.is_empty();
    shown.then(|| arbiters.into_iter().map(|one| row(around, one)).collect())
}
