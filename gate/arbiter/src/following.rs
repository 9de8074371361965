//! Follows the feed into the book, every second and whenever somebody asks.

use std::sync::Arc;

use kido_follow::{FeedClient, PULL_INTERVAL, PullError, Pulls, Schedule};
use kido_shared::clock::Clock;
use kido_shared::error_chain::Chain;
use rand::rngs::OsRng;

use crate::book::{Book, BookError};
use crate::decide::decides;

/// Follows until nobody is left who could ask. Every step is a durable transaction, so it may be cut off at any point.
pub async fn follow(book: Book, feed: FeedClient, clock: Arc<dyn Clock>, mut pulls: Pulls) {
    let mut schedule = Schedule::every(PULL_INTERVAL, clock.now());
    let mut decided = None;
    while let Some(asked) = pulls.next(schedule.wait(clock.now())).await {
        match once(&book, &feed).await {
            Ok(records) => {
                if records > 0 {
                    tracing::info!(records, length = book.standing().position.length, "feed followed");
                }
                schedule.succeeded(clock.now());
            }
            Err(error) => {
                if !matches!(error, PullError::Uplink(_)) {
                    tracing::error!(error = %Chain(&error), "the feed was not taken");
                } else if schedule.failures() == 0 {
                    tracing::warn!(error = %Chain(&error), "the feed is out of reach; claims are decided on what is known");
                }
                schedule.failed(clock.now(), &mut OsRng);
            }
        }
        asked.done();
        let now_decides = decides(&book.standing(), clock.now());
        let said = now_decides.as_ref().map_or_else(ToString::to_string, |_named| "decides".to_owned());
        if decided.as_ref() != Some(&said) {
            tracing::info!(state = said, "the arbiter");
            decided = Some(said);
        }
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
