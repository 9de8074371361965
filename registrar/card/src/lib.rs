//! The buyer's card helper: a link in, a card's proof out.
//!
//! ```text
//! Link ─▶ host confirmed ─▶ dialogue begun ─▶ event, seat, address shown ─▶ card: certificate, tries left
//!      ─▶ 4 digits (利用者証明用) ─▶ VERIFY once, sign ─▶ proof sent ─▶ bound, and the holder's own link
//! ```
//!
//! Pure: [`link`], [`host`], [`session`], [`problem`], the judging half of [`status`] and [`doctor`], the scenes and views
//! of [`page`]. Shells: [`client`] (https), [`reader`] (PC/SC on a thread), [`terminal`] (standard input), [`page`] (http
//! on loopback), [`browser`], [`runtime`] (Ctrl-C).
//!
//! One [`dialogue`] leads everybody: it asks a [`person`], who sits at a terminal or at the page, and tells its [`news`] to
//! whoever listens there.
//!
//! **Rules** (`protocol.md` §5). Nothing is sent to a host that is neither in the person's list nor typed; no redirect is
//! followed; the PIN is asked only after the tries left were shown and never where a wrong one would lock the card; a PIN
//! goes to the card once; the card has no power when the program ends.
//!
//! **Memory.** Code, PIN, certificate and signature are wiped where this program holds them and have no printable form.
//! What it hands to the kernel, a terminal or TLS is beyond it, and forbidding core dumps takes a call of the operating
//! system, of which this program, which is to be built for Windows and macOS as well, makes none: where dumps are
//! collected, they are to be switched off outside (`ulimit -c 0`).

mod browser;
mod cli;
mod client;
mod dialogue;
mod doctor;
mod exchange;
mod host;
mod link;
mod news;
mod open;
mod page;
mod person;
mod problem;
mod reader;
mod report;
mod runtime;
mod session;
mod status;
mod terminal;
mod words;

#[cfg(test)]
mod tests;

pub use cli::Cli;
pub use link::{LINK_CHARACTERS_MAX, Link, LinkError, LinkKind};
pub use runtime::run;
