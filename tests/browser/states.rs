//! Every state that a page can be in, and the chapter that brings it about and looks at it in both languages.
//!
//! The list is held to the pages from both sides. A state has words, or a name in a template: whoever adds one finds this
//! test failing until a chapter walks there, or until it says here why none can.

use std::collections::BTreeSet;
use std::path::Path;

use kido_tests::browser::Browser;
use serde_json::Value;

/// Who brings a state about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A buyer at home.
    Buyer,
    /// A buyer with a registrar that is pestered, full, or gone.
    Trouble,
    /// A buyer with a computer, a reader or a registrar that does not do as it should.
    Helper,
    /// An operator.
    Console,
    /// Nobody, and why.
    Nobody(&'static str),
}

use By::{Buyer, Console, Helper, Nobody, Trouble};

/// What a disk or a bug does inside a registrar.
const INSIDE: &str = "takes a registrar that fails inside; the template is that of the other errors";

/// What only a reader with keys brings about.
const KEYS: &str =
    "takes a reader with keys, which vpcd is not; sentence and picture are held in the helper's own tests";

/// The pages of buyers and holders.
const BUYERS: [(&str, By); 32] = [
    ("register-opening", Buyer),
    ("register-waiting", Buyer),
    ("register-talking", Buyer),
    ("register-bound", Buyer),
    ("ticket-opening", Buyer),
    ("ticket-ready", Buyer),
    ("ticket-suspended", Buyer),
    ("ticket-cancelled", Buyer),
    ("ticket-not-paid", Trouble),
    ("ticket-returned", Trouble),
    ("ticket-over", Trouble),
    ("ticket-inside", Console),
    ("excuse-incomplete", Buyer),
    ("excuse-unknown", Buyer),
    ("excuse-used", Buyer),
    ("excuse-replaced", Buyer),
    ("excuse-cancelled", Buyer),
    ("excuse-over", Buyer),
    ("excuse-is-holders", Buyer),
    ("excuse-is-registration", Buyer),
    ("excuse-returned", Trouble),
    ("excuse-too-many-tries", Trouble),
    ("excuse-other-tab", Trouble),
    ("excuse-page-over", Trouble),
    ("excuse-not-now", Nobody("no state of a ticket leads here: what a suspension refuses has an excuse of its own")),
    ("unreachable", Trouble),
    ("error-nothing-here", Buyer),
    ("error-not-understood", Trouble),
    ("error-too-many", Nobody("nothing behind a buyer's page is refused for its number; what is has an excuse")),
    ("error-busy", Nobody(INSIDE)),
    (
        "error-recovering",
        Nobody("no chapter restores a registrar from a backup: e2e `restored` does, without a browser"),
    ),
    ("error-failed", Nobody(INSIDE)),
];

/// The moments of the card helper's page.
const HELPERS: [(&str, By); 60] = [
    ("page-starting", Nobody("is over before a browser is there")),
    ("page-link", Buyer),
    ("page-which", Buyer),
    ("page-host", Helper),
    ("page-asking", Helper),
    ("page-put-card", Buyer),
    ("page-reading", Helper),
    ("page-pin", Buyer),
    ("page-pin-at-reader", Nobody(KEYS)),
    ("page-signing", Helper),
    ("page-sending", Helper),
    ("page-bound", Buyer),
    ("page-resumed", Buyer),
    ("page-shown", Buyer),
    ("page-closed", Buyer),
    ("page-lost", Buyer),
    ("page-taken", Helper),
    ("page-stopped", Helper),
    ("page-unattended", Helper),
    ("page-broken", Nobody("takes a computer on which no thread and no port can be had")),
    ("page-host-list", Helper),
    ("page-no-reader", Helper),
    ("page-no-service", Buyer),
    ("page-several-readers", Buyer),
    ("page-reader-failed", Nobody("takes a driver that fails; vpcd does not")),
    ("page-no-card", Helper),
    ("page-card-left", Helper),
    ("page-card-in-use", Helper),
    ("page-card-mute", Nobody("takes a card without an answer to reset; vpcd then has no card")),
    ("page-card-unreadable", Buyer),
    ("page-not-my-number-card", Buyer),
    ("page-phone", Buyer),
    ("page-wrong-pin", Buyer),
    ("page-pin-not-entered", Nobody(KEYS)),
    ("page-pin-malformed", Nobody("the page itself sends nothing but four digits, and says so in its field")),
    ("page-last-try", Buyer),
    ("page-pin-locked", Buyer),
    ("page-no-pin", Buyer),
    ("page-certificate", Buyer),
    ("page-personal-certificate", Buyer),
    ("page-other-card", Helper),
    ("page-no-ticket-on-card", Nobody("a card alone is asked in a terminal, never on the page")),
    ("page-card-full", Helper),
    ("page-unreachable", Helper),
    ("page-timed-out", Helper),
    ("page-busy", Helper),
    ("page-odd-registrar", Helper),
    ("page-no-https", Nobody("takes a computer whose TLS library does not start")),
    ("page-proof-refused", Buyer),
    ("page-registrar-says", Helper),
    ("page-expired", Helper),
    ("page-host-not-typed", Helper),
    ("page-unknown-code", Helper),
    ("page-code-used", Helper),
    ("page-code-dead", Helper),
    ("page-not-possible", Helper),
    ("page-too-many-changes", Helper),
    ("page-bad-link", Buyer),
    ("page-insecure-link", Helper),
    ("page-link-as-argument", Helper),
];

/// The pages of the console.
const CONSOLES: [(&str, By); 30] = [
    ("console-sign-in", Console),
    ("console-events", Console),
    ("console-event", Console),
    ("console-event-new", Console),
    ("console-event-change", Console),
    ("console-event-loosen", Console),
    ("console-event-meanwhile", Console),
    ("console-import-choose", Console),
    ("console-import-elsewhere", Console),
    ("console-import-ready", Console),
    ("console-import-running", Console),
    ("console-import-over", Console),
    ("console-print", Console),
    ("console-tickets", Console),
    ("console-ticket", Console),
    ("console-gates", Console),
    ("console-offer-waiting", Console),
    ("console-offer-shows-code", Console),
    ("console-offer-confirmed", Console),
    ("console-offer-over", Console),
    ("console-day", Console),
    ("console-stale", Console),
    ("console-audit", Console),
    ("console-error-role", Console),
    ("console-error-other-page", Console),
    ("console-error-nothing-here", Console),
    ("console-error-too-large", Console),
    ("console-error-not-understood", Console),
    ("console-error-busy", Nobody(INSIDE)),
    ("console-error-failed", Nobody(INSIDE)),
];

/// States whose words have no form of their own, and the stages of two pages that change in place.
const NAMED: [&str; 20] = [
    "register-opening",
    "register-waiting",
    "register-talking",
    "register-bound",
    "ticket-opening",
    "unreachable",
    "page-starting",
    "page-asking",
    "page-reading",
    "page-pin",
    "console-stale",
    "console-import-choose",
    "console-import-elsewhere",
    "console-import-ready",
    "console-import-running",
    "console-import-over",
    "console-offer-waiting",
    "console-offer-shows-code",
    "console-offer-confirmed",
    "console-offer-over",
];

/// How the words of a state begin and end, in the files that have them.
const WORDS: [(&str, &str, &str); 5] = [
    (include_str!("../../registrar/words/buyer.en.ftl"), "ticket-", "-next"),
    (include_str!("../../registrar/words/buyer.en.ftl"), "excuse-", "-what"),
    (include_str!("../../registrar/words/buyer.en.ftl"), "error-", "-what"),
    (include_str!("../../registrar/words/console.en.ftl"), "console-error-", "-what"),
    (include_str!("../../registrar/card/words/page.en.ftl"), "page-", "-next"),
];

/// Below the folder of this package: the templates of the registrar's pages.
const TEMPLATES: &str = "../registrar/src/web/templates";

/// What stands before the name of a console's page in its template.
const MARK: &str = "{% block marks %} data-page=\"";

fn listed() -> impl Iterator<Item = (&'static str, By)> {
    BUYERS.into_iter().chain(HELPERS).chain(CONSOLES)
}

/// The states that are on the page as it stands.
pub(crate) async fn of(browser: &Browser) -> anyhow::Result<BTreeSet<String>> {
    const SCRIPT: &str = "
        const seen = (id) => document.getElementById(id)?.checkVisibility();
        const stamp = document.getElementById('page')?.dataset.stamp?.split('.')[0];
        const scene = document.getElementById('moment')?.dataset.scene;
        const page = (document.querySelector('#live[data-page]') ?? document.getElementById('main'))?.dataset.page;
        return [stamp, scene && `page-${scene}`, page, seen('unreachable') && 'unreachable',
          seen('stale') && 'console-stale'].filter(Boolean);";
    let found = browser.ask(SCRIPT).await?;
    Ok(found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Holds that a chapter has looked at every state that it stands for.
pub(crate) fn all_walked(chapter: By, states: &BTreeSet<String>) -> anyhow::Result<()> {
    let missing: Vec<_> =
        listed().filter(|(state, by)| *by == chapter && !states.contains(*state)).map(|(state, _by)| state).collect();
    anyhow::ensure!(missing.is_empty(), "nobody looked at {missing:?}");
    let known: BTreeSet<&str> = listed().map(|(state, _by)| state).collect();
    let unknown: Vec<_> = states.iter().filter(|state| !known.contains(state.as_str())).collect();
    anyhow::ensure!(unknown.is_empty(), "{unknown:?} are in no list");
    Ok(())
}

/// The states that have words.
fn said() -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for (file, begins, ends) in WORDS {
        let keys = file.lines().filter_map(|line| line.split_once(" =")).map(|(key, _text)| key);
        let of_states = keys.filter(|key| key.starts_with(begins) && key.ends_with(ends));
        said.extend(of_states.map(|key| key.trim_end_matches(ends).to_owned()));
    }
    said
}

/// The names of pages in the console's templates; those that are made from a word end in a hyphen and count as words.
fn named_in_templates() -> anyhow::Result<BTreeSet<String>> {
    let mut named = BTreeSet::new();
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(TEMPLATES))? {
        let text = std::fs::read_to_string(file?.path())?;
        let marks = text.split_once(MARK).and_then(|(_before, after)| after.split_once("{% endblock %}"));
        let Some((mark, _after)) = marks else { continue };
        let words = mark.split(|letter: char| !letter.is_ascii_lowercase() && letter != '-');
        named.extend(words.filter(|word| word.starts_with("console-") && !word.ends_with('-')).map(str::to_owned));
    }
    Ok(named)
}

#[test]
fn every_state_of_every_page_is_walked_or_says_why_not() -> anyhow::Result<()> {
    let names: Vec<&str> = listed().map(|(state, _by)| state).collect();
    let once: BTreeSet<String> = names.iter().map(|&state| state.to_owned()).collect();
    assert_eq!(once.len(), names.len(), "a state stands in the list twice");
    for (state, by) in listed() {
        assert!(!matches!(by, Nobody(why) if why.is_empty()), "{state}: nobody walks there, and nobody says why");
    }
    let templates = named_in_templates()?;
    assert!(!templates.is_empty(), "no template names its page: the list proves nothing");
    let mut there = said();
    there.extend(templates);
    there.extend(NAMED.into_iter().map(str::to_owned));
    assert_eq!(once, there);
    Ok(())
}

#[test]
fn every_template_of_the_console_names_its_page() -> anyhow::Result<()> {
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(TEMPLATES))? {
        let file = file?;
        let (name, text) = (file.file_name(), std::fs::read_to_string(file.path())?);
        let is_page = name.to_string_lossy().starts_with("console_") && text.starts_with("{% extends \"console_frame");
        let names_itself = text.contains(MARK) || text.contains(" data-page=\"console-");
        assert!(!is_page || names_itself, "{}", name.display());
    }
    Ok(())
}
