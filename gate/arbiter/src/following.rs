//! Follows the feed into the book, as it is told and whenever somebody asks.

use core::convert::Infallible;
use core::time::Duration;
use std::path::Path;
use std::sync::Arc;

use kido_follow::carried::{Brought, CarriedError, bring};
use kido_follow::{FeedClient, NoteHead, Pace, PullError, Pulled, Pulls};
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::error_chain::Chain;
use tokio::io::AsyncRead;

use crate::book::{Book, BookError};
use crate::decide::decides;
use crate::records::Sharing;
use crate::request_dates::RequestDates;

/// How often the box looks whether it still decides: its knowledge ages while nothing comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How far ahead of this box a head may be dated. One from the future would keep the book young until then.
pub const AHEAD_MAX: Duration = Duration::from_secs(5 * 60);

/// Follows until nobody is left who could ask. Every step is a durable transaction, so it may be cut off at any point.
pub async fn follow(book: Book, feed: FeedClient, (clock, dates): (Arc<dyn Clock>, Arc<RequestDates>), pulls: Pulls) {
    let heads = Heads { book: book.clone(), clock: Arc::clone(&clock), dates };
    kido_follow::follow(feed, (book, heads), pulls, clock, Pace::default()).await;
}

/// Keeps how old the book is, and hears the registrar's time.
struct Heads {
    book: Book,
    clock: Arc<dyn Clock>,
    dates: Arc<RequestDates>,
}

impl NoteHead for Heads {
    async fn note(&self, pulled: &Pulled) {
        self.dates.head(pulled.head.head().issued_at);
        if pulled.head.head().issued_at.since(self.clock.now()) > AHEAD_MAX {
            tracing::warn!("the registrar's clock is far ahead of this box's: one of the two is wrong, please look");
            return;
        }
        if let Err(error) = self.book.note_head(&pulled.head).await {
            tracing::error!(error = %Chain(&error), "the head could not be kept");
        }
    }
}

/// Says in the log when the box begins and ceases to decide, and why.
pub async fn tell(book: Book, sharing: Sharing, clock: Arc<dyn Clock>) -> Infallible {
    let mut told = None;
    loop {
        let now = decides(&book.standing(), sharing, clock.now());
        let state = now.as_ref().map_or_else(ToString::to_string, |_named| "decides".to_owned());
        if told.as_ref() != Some(&state) {
            tracing::info!(%state, "the arbiter");
            told = Some(state);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Follows the feed to its end, once; gives how many records came.
///
/// # Errors
/// [`PullError`].
pub async fn once(book: &Book, feed: &FeedClient) -> Result<u64, PullError<BookError>> {
    let pulled = feed.pull(book).await?;
    book.note_head(&pulled.head).await.map_err(PullError::Copy)?;
    Ok(pulled.records)
}

/// What a feed file has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// It says nothing that is not known here.
    Older,
    /// The book is as far and as young as the file.
    Followed {
        /// Records that were new.
        records: u64,
    },
    /// As far, but no younger: its head is dated ahead of this box's clock.
    DatedAhead {
        /// Records that were new.
        records: u64,
    },
}

/// Follows the feed as far as a file goes that somebody has carried here.
///
/// # Errors
/// [`CarriedError`].
pub async fn carried(
    book: &Book,
    file: impl AsyncRead + Unpin + Send,
    spool_folder: &Path,
    now: Timestamp,
) -> Result<Carried, CarriedError<BookError>> {
    let Brought { records, head, is_older } = bring(book, file, spool_folder, now).await?;
    if is_older {
        return Ok(Carried::Older);
    }
    if head.head().issued_at.since(now) > AHEAD_MAX {
        return Ok(Carried::DatedAhead { records });
    }
    book.note_head(&head).await.map_err(PullError::Copy)?;
    Ok(Carried::Followed { records })
}
