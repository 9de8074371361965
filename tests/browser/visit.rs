//! One visitor: a browser, what was wrong with the pages that were looked at, and the leak search at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kido_tests::browser::{Browser, Hand, Setting, Size, Traffic};
use kido_tests::leak::LeakSearch;
use kido_virtual_card::character::Character;

use crate::states::{self, By};

/// Files of a profile at least: with fewer, the browser kept nothing and the search proved nothing.
const PROFILE_FILES_MIN: u64 = 10;

/// How Chromium tells that the program behind a page has ended: by what it was just doing when that happened.
pub(crate) const GONE: [&str; 5] = [
    "ERR_CONNECTION_REFUSED",
    "ERR_CONNECTION_RESET",
    "ERR_EMPTY_RESPONSE",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_SOCKET_NOT_CONNECTED",
];

/// Whether a request stays on this machine, where all of Kido's programs are, or leaves the browser for nobody. What the
/// browser asks of itself is its own first tab.
fn stays_here(url: &str) -> bool {
    ["http://127.0.0.1:", "http://localhost:", "data:", "blob:", "kido:", "chrome:", "about:"]
        .iter()
        .any(|own| url.starts_with(own))
}

/// Somebody before a page.
pub(crate) struct Visitor {
    pub(crate) browser: Browser,
    sizes: [Size; 2],
    language: &'static str,
    wrong: Vec<String>,
    /// What axe-core would have otherwise, and on how many states: told, not held.
    advice: BTreeMap<String, usize>,
    looks: usize,
    /// The states of pages that were looked at, by name.
    states: BTreeSet<String>,
}

impl Visitor {
    /// Sits down in a folder of their own: who reads Japanese uses the keyboard, who reads English a pointer.
    pub(crate) async fn comes(folder: &Path, language: &'static str, sizes: [Size; 2]) -> anyhow::Result<Self> {
        let is_kiosk = sizes == kido_tests::browser::GATE;
        let folder = folder.join(format!("browser-{language}"));
        std::fs::create_dir_all(&folder)?;
        let mut browser = Browser::start(&folder, Setting { language, is_kiosk, keeps_traffic: true }).await?;
        browser.use_with(if language == "ja" { Hand::Keyboard } else { Hand::Pointer });
        browser.resize(sizes[0]).await?;
        Ok(Self {
            browser,
            sizes,
            language,
            wrong: Vec::new(),
            advice: BTreeMap::new(),
            looks: 0,
            states: BTreeSet::new(),
        })
    }

    /// Looks at the page as it stands; what is wrong with it is told when the visitor leaves.
    pub(crate) async fn looks(&mut self, name: &str) -> anyhow::Result<()> {
        self.looks_expecting(name, &[]).await
    }

    /// The same where Chromium complains about something for a good reason, such as an answer that is a refusal.
    pub(crate) async fn looks_expecting(&mut self, name: &str, expected: &[&str]) -> anyhow::Result<()> {
        let name = format!("{name}.{}", self.language);
        self.states.extend(states::of(&self.browser).await?);
        let findings = self.browser.look(&name, self.sizes).await?;
        self.looks += 1;
        for finding in findings {
            if finding.keeps_out() {
                self.wrong.push(format!("{name}: {finding}"));
            } else {
                *self.advice.entry(format!("{} ({})", finding.rule, finding.impact)).or_default() += 1;
            }
        }
        let lang = self.browser.ask("return document.documentElement.lang").await?;
        if lang != self.language {
            self.wrong.push(format!("{name}: in {lang}, not in {}", self.language));
        }
        self.holds_still(&name, expected).await
    }

    /// Holds that every state that this chapter stands for was looked at.
    pub(crate) fn has_walked(&self, chapter: By) -> anyhow::Result<()> {
        states::all_walked(chapter, &self.states)
    }

    /// Notes what Chromium complained about since the last look.
    pub(crate) async fn holds_still(&mut self, name: &str, expected: &[&str]) -> anyhow::Result<()> {
        let complaints = self.browser.complaints(expected).await?;
        self.wrong.extend(complaints.into_iter().map(|complaint| format!("{name}: {complaint}")));
        Ok(())
    }

    /// Leaves: holds every page looked at against what it must be, then looks for anything of these cards in all that
    /// went over the wires and all that stays in the profile. A shop's reference, which begins with `reference`, is not
    /// for the eyes of these people either.
    pub(crate) async fn leaves(self, cards: &[Character], reference: &str) -> anyhow::Result<Traffic> {
        let profile = self.browser.profile().to_owned();
        let traffic = self.browser.close().await?;
        println!(
            "     {} states looked at, {} requests, {} answers",
            self.looks,
            traffic.requests.len(),
            traffic.answers.len()
        );
        for (advice, states) in &self.advice {
            println!("     advice: {advice} in {states} states");
        }
        let search = LeakSearch::for_cards(cards)?;
        search.prove(&profile)?;
        let kept = search.search(&profile)?;
        anyhow::ensure!(kept.files >= PROFILE_FILES_MIN, "the profile holds only {} files", kept.files);
        let mut leaks: BTreeSet<_> = kept.leaks;
        for (name, bytes) in &traffic.answers {
            leaks.extend(search.search_bytes(name, bytes));
        }
        for request in &traffic.requests {
            anyhow::ensure!(stays_here(&request.url), "a page asked somebody else: {}", request.url);
            let whole = [&request.url, &request.headers, &request.body].map(String::as_str).join("\n");
            leaks.extend(search.search_bytes(&request.url, whole.as_bytes()));
        }
        anyhow::ensure!(leaks.is_empty(), "{leaks:#?}");
        let told = |bytes: &[u8]| {
            !reference.is_empty() && bytes.windows(reference.len().max(1)).any(|part| part == reference.as_bytes())
        };
        let told: Vec<&String> =
            traffic.answers.iter().filter(|(_, bytes)| told(bytes)).map(|(name, _)| name).collect();
        anyhow::ensure!(told.is_empty(), "a shop's reference is in {told:#?}");
        anyhow::ensure!(self.wrong.is_empty(), "{}", self.wrong.join("\n    "));
        Ok(traffic)
    }
}
