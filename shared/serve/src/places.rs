//! The places of a server: who has one, and who gives it up when somebody comes and all are taken.
//!
//! A socket costs its owner nothing. Whoever opened as many as there are places and said nothing on them would keep
//! everybody else out for as long as a head may take, and then again. So when all are taken, whoever has asked for
//! nothing for the longest time makes room: a newcomer that does ask never waits for one that does not. Half a request is
//! nothing, too: a body that never comes costs its sender as little. Only requests that have come whole are never given up.

use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// All places of one server.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Idle>>,
}

/// Who asks for nothing just now.
#[derive(Debug, Default)]
struct Idle {
    /// Counts how often somebody fell idle: whoever has the least number is idle the longest.
    turn: u64,
    since: BTreeMap<u64, CancellationToken>,
    /// Somebody has come, and nobody was idle: whoever is next makes room.
    wanted: bool,
}

impl Places {
    pub(crate) fn new(places: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(places)), idle: Arc::default() }
    }

    /// Says that somebody has come: where no place is free, one is made.
    pub(crate) fn want(&self) {
        if self.free.available_permits() > 0 {
            return;
        }
        let mut idle = lock(&self.idle);
        match idle.since.pop_first() {
            Some((_since, longest)) => longest.cancel(),
            None => idle.wanted = true,
        }
    }

    /// A place, once there is one; nothing can close them.
    pub(crate) async fn take(&self) -> Option<Place> {
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        lock(&self.idle).wanted = false;
        let (idle, given_up) = (Arc::clone(&self.idle), CancellationToken::new());
        let seat = Seat { idle, turn: Arc::default(), given_up, asked: Arc::default() };
        seat.rest();
        Some(Place { seat, _permit: permit })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    seat: Seat,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// What its requests are told apart from silence by.
    pub(crate) fn seat(&self) -> Seat {
        self.seat.clone()
    }

    /// Whether anything was ever asked for here: an answer may be on its way.
    pub(crate) fn was_asked(&self) -> bool {
        self.seat.asked.load(Ordering::Relaxed)
    }

    /// Ends when the place is needed for somebody else.
    pub(crate) async fn given_up(&self) {
        self.seat.given_up.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // An answer that outlives its connection must not be remembered as an idle one: nobody could make room by it.
        self.seat.given_up.cancel();
        self.seat.leave_idle();
    }
}

/// Whether a connection is in the middle of a request.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    idle: Arc<Mutex<Idle>>,
    /// Its number among the idle ones. Taken before the lock of those, never behind it.
    turn: Arc<Mutex<Option<u64>>>,
    given_up: CancellationToken,
    asked: Arc<AtomicBool>,
}

impl Seat {
    /// A request has come, whole; it ends when the answer is dropped.
    pub(crate) fn begin(&self) -> UnderWay {
        self.leave_idle();
        self.asked.store(true, Ordering::Relaxed);
        UnderWay(self.clone())
    }

    /// The request, which begins when its body has come to its end: until then it is one more way to say nothing.
    pub(crate) fn receive(&self, body: Incoming) -> (Receiving, Arrived) {
        let arrived = Arrived { seat: self.clone(), begun: Arc::default() };
        if body.is_end_stream() {
            arrived.note();
        }
        (Receiving { body, arrived: arrived.clone() }, arrived)
    }

    fn rest(&self) {
        let mut turn = lock(&self.turn);
        if self.given_up.is_cancelled() {
            return;
        }
        let mut idle = lock(&self.idle);
        if core::mem::take(&mut idle.wanted) {
            self.given_up.cancel();
            return;
        }
        idle.turn = idle.turn.saturating_add(1);
        let number = idle.turn;
        idle.since.insert(number, self.given_up.clone());
        *turn = Some(number);
    }

    fn leave_idle(&self) {
        if let Some(number) = lock(&self.turn).take() {
            lock(&self.idle).since.remove(&number);
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct UnderWay(Seat);

impl UnderWay {
    /// The answer's body, which ends the request when it is sent or given up.
    pub(crate) fn until_sent(self, body: Body) -> Body {
        Body::new(Sending { body, _under_way: self })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// Where the sign stands that a request has come, whole.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    seat: Seat,
    begun: Arc<Mutex<Option<UnderWay>>>,
}

impl Arrived {
    fn note(&self) {
        lock(&self.begun).get_or_insert_with(|| self.seat.begin());
    }

    /// The request, once it is answered: from now on it is under way, also where nobody wanted its body.
    pub(crate) fn answered(self) -> UnderWay {
        self.note();
        lock(&self.begun).take().unwrap_or_else(|| self.seat.begin())
    }
}

/// A request's body as it comes.
#[derive(Debug)]
pub(crate) struct Receiving {
    body: Incoming,
    arrived: Arrived,
}

impl HttpBody for Receiving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.arrived.note();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct Sending {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_given_up(place: &Place) -> bool {
        tokio::time::timeout(core::time::Duration::ZERO, place.given_up()).await.is_ok()
    }

    #[tokio::test]
    async fn whoever_asked_for_nothing_the_longest_makes_room_and_nobody_in_the_middle_of_a_request() {
        let places = Places::new(3);
        let [asks, silent, later] = [places.take().await, places.take().await, places.take().await].map(Option::unwrap);
        let request = asks.seat().begin();
        drop(later.seat().begin());
        places.want();
        assert_eq!(
            [is_given_up(&asks).await, is_given_up(&silent).await, is_given_up(&later).await],
            [false, true, false]
        );
        drop(silent);
        let newcomer = places.take().await.unwrap();
        places.want();
        assert!(is_given_up(&later).await && !is_given_up(&newcomer).await && !is_given_up(&asks).await);
        drop(request);
    }

    #[tokio::test]
    async fn where_all_are_asking_the_first_that_has_its_answer_makes_room_once() {
        let places = Places::new(2);
        let [one, other] = [places.take().await, places.take().await].map(Option::unwrap);
        let requests = [one.seat().begin(), other.seat().begin()];
        places.want();
        assert!(!is_given_up(&one).await && !is_given_up(&other).await);
        drop(requests);
        assert!(is_given_up(&one).await && !is_given_up(&other).await, "one was wanted");
    }

    #[tokio::test]
    async fn nobody_makes_room_while_a_place_is_free_and_nobody_who_left_is_remembered() {
        let places = Places::new(2);
        let silent = places.take().await.unwrap();
        places.want();
        assert!(!is_given_up(&silent).await);
        drop(silent);
        assert!(lock(&places.idle).since.is_empty());
        let cut_off = places.take().await.unwrap();
        let answer = cut_off.seat().begin();
        drop(cut_off);
        drop(answer);
        assert!(lock(&places.idle).since.is_empty(), "its answer outlived the connection");
    }
}
