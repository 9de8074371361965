//! The one place where somebody says: pull now.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

/// Askers that may wait for one pull: a lane with a tap or two of patience, and whoever was told of news.
const PULLS_WAITING_MAX: usize = 8;

/// Asks for a pull; clones ask the same follower.
#[derive(Debug, Clone)]
pub struct PullNow(mpsc::Sender<oneshot::Sender<()>>);

/// The follower's side: when the next pull is wished for.
#[derive(Debug)]
pub struct Pulls(mpsc::Receiver<oneshot::Sender<()>>);

/// Who waits for the next pull; nobody where its time has come by itself.
#[derive(Debug)]
#[must_use = "whoever asked waits until it is told"]
pub struct Asked(Option<oneshot::Sender<()>>);

impl PullNow {
    /// Both sides, for one follower.
    #[must_use]
    pub fn new() -> (Self, Pulls) {
        let (ask, asked) = mpsc::channel(PULLS_WAITING_MAX);
        (Self(ask), Pulls(asked))
    }

    /// Asks, and waits until the feed was followed as far as it can be reached.
    ///
    /// Gives whether there is still a follower.
    pub async fn pull(&self) -> bool {
        let (done, pulled) = oneshot::channel();
        self.0.send(done).await.is_ok() && pulled.await.is_ok()
    }

    /// Asks without waiting. Where as many wait already as may, their pull is this one's, too.
    pub fn nudge(&self) {
        let (done, _nobody_waits) = oneshot::channel();
        match self.0.try_send(done) {
            Ok(()) | Err(mpsc::error::TrySendError::Full(_) | mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
}

impl Pulls {
    /// Waits until somebody asks, at most so long; nothing once nobody is left who could ask.
    pub async fn next(&mut self, wait: Duration) -> Option<Asked> {
        match tokio::time::timeout(wait, self.0.recv()).await {
            Ok(Some(done)) => Some(Asked(Some(done))),
            Ok(None) => None,
            Err(_elapsed) => Some(Asked(None)),
        }
    }
}

impl Asked {
    /// Tells whoever asked that the pull is over; one that has gone meanwhile misses nothing.
    pub fn done(self) {
        if let Some(done) = self.0 {
            match done.send(()) {
                Ok(()) | Err(()) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pull_comes_when_its_time_has_come_or_somebody_asks() {
        let (now, mut pulls) = PullNow::new();
        pulls.next(Duration::ZERO).await.unwrap().done();
        let asking = tokio::spawn({
            let now = now.clone();
            async move { now.pull().await }
        });
        pulls.next(Duration::from_secs(60)).await.unwrap().done();
        assert!(asking.await.unwrap());
        now.nudge();
        pulls.next(Duration::from_secs(60)).await.unwrap().done();
        drop(now);
        assert!(pulls.next(Duration::from_secs(60)).await.is_none());
    }

    #[tokio::test]
    async fn nudges_never_wait_and_never_pile_up() {
        let (now, mut pulls) = PullNow::new();
        for _nudge in 0..100 {
            now.nudge();
        }
        for _kept in 0..PULLS_WAITING_MAX {
            assert!(pulls.next(Duration::ZERO).await.unwrap().0.is_some());
        }
        assert!(pulls.next(Duration::ZERO).await.unwrap().0.is_none());
    }

    #[tokio::test]
    async fn whoever_asks_a_follower_that_has_ended_is_told_so() {
        let (now, pulls) = PullNow::new();
        drop(pulls);
        assert!(!now.pull().await);
    }
}
