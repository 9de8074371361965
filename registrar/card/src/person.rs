//! Who is asked: at a terminal, or at the page that this program serves to a browser.
//!
//! The same dialogue leads both. A question carries what must stand before the person when they answer it, so that no
//! way of asking can leave it out.

use kido_shared::card::PinTries;
use kido_shared::challenge::Origin;
use zeroize::Zeroizing;

use crate::problem::Problem;

/// What a person sees before they are asked for the PIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BeforePin {
    /// How many tries are left.
    pub(crate) tries: PinTries,
    /// The action that is signed.
    pub(crate) label: &'static str,
    /// The beginning of what is signed.
    pub(crate) fingerprint: String,
}

/// How the card's part is begun once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Again {
    /// With whatever lies there now.
    Same,
    /// In the reader of this name.
    InReader(String),
}

/// Somebody who answers, one question at a time.
pub(crate) trait Person {
    /// The link they were sent; `question` is the key of the sentence that asks for it.
    ///
    /// # Errors
    /// [`Problem`] where nobody answers; so for every question.
    async fn link(&mut self, question: &'static str) -> Result<Zeroizing<String>, Problem>;

    /// The name of a host that nobody has vouched for, typed.
    ///
    /// # Errors
    /// [`Problem`].
    async fn host_name(&mut self, origin: &Origin) -> Result<Zeroizing<String>, Problem>;

    /// Whether to go on with the event and ticket that the registrar has named.
    ///
    /// # Errors
    /// [`Problem`].
    async fn agrees(&mut self) -> Result<bool, Problem>;

    /// The PIN, as typed.
    ///
    /// # Errors
    /// [`Problem`].
    async fn pin(&mut self, before: &BeforePin) -> Result<Zeroizing<String>, Problem>;

    /// Whether to begin once more after a problem.
    ///
    /// # Errors
    /// The problem itself, where they do not want to or nothing would be gained.
    async fn again(&mut self, problem: Problem) -> Result<Again, Problem>;
}
