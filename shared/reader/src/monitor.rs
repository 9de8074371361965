//! Watches for readers and cards: hot-plug, a service that restarts, cancellation.

use core::fmt;
use core::time::Duration;
use std::ffi::CString;

use pcsc::{Context, PNP_NOTIFICATION, ReaderState, Scope, State};

use crate::cancel::Cancel;
use crate::choice::{NoReader, ReaderName, ReaderPattern};
use crate::fault;
use crate::presence::{ReaderEvent, Slot};

/// Longest single wait inside PC/SC.
///
/// Bounds what is lost where a cancel comes a moment too early, and where a platform has no notice of new readers
/// (macOS): they are listed once in every slice.
pub const WAIT_SLICE: Duration = Duration::from_secs(1);

/// First and longest wait for a service that is away.
const SERVICE_WAIT_MIN: Duration = Duration::from_millis(100);
const SERVICE_WAIT_MAX: Duration = Duration::from_secs(2);

/// Pause after a wake-up that brought nothing: a service that reports changes where there are none must not take a core.
const EMPTY_WAKE_PAUSE: Duration = Duration::from_millis(10);

/// What one look brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// This happened, in this order; never empty.
    Events(Vec<ReaderEvent>),
    /// Nothing happened.
    Quiet,
    /// Somebody cancelled: the monitor is done.
    Cancelled,
}

/// Watches one reader, chosen by pattern, for as long as it is asked to.
pub struct Monitor {
    pattern: ReaderPattern,
    cancel: Cancel,
    context: Option<Context>,
    service_wait: Duration,
    /// PC/SC's pseudo reader that tells of readers coming and going; `None` where the platform does not know it.
    hot_plug: Option<ReaderState>,
    watched: Watched,
}

enum Watched {
    /// Nothing was reported yet.
    Unknown,
    Missing(NoReader),
    Reader {
        name: ReaderName,
        state: ReaderState,
        slot: Slot,
    },
}

impl Monitor {
    /// A monitor that has not looked yet.
    #[must_use]
    pub fn new(pattern: ReaderPattern, cancel: Cancel) -> Self {
        Self {
            pattern,
            cancel,
            context: None,
            service_wait: SERVICE_WAIT_MIN,
            hot_plug: Some(hot_plug()),
            watched: Watched::Unknown,
        }
    }

    /// Waits for the next event, at most this long and at most [`WAIT_SLICE`].
    ///
    /// Never fails: whatever is wrong is an event, and the next call tries again.
    pub fn observe(&mut self, at_most: Duration) -> Observed {
        if self.cancel.is_cancelled() {
            self.leave_service();
            return Observed::Cancelled;
        }
        let at_most = at_most.min(WAIT_SLICE);
        let mut events = Vec::new();
        match self.look(at_most, &mut events) {
            Ok(()) => {}
            // A reader that left between the list and the wait is found missing by the next list.
            Err(error) if matches!(error, pcsc::Error::Cancelled) || fault::is_reader_lost(error) => {
                self.cancel.pause(EMPTY_WAKE_PAUSE);
            }
            // Whatever else is wrong, a new context and some patience is all that can help.
            Err(error) => {
                tracing::debug!(?error, "no PC/SC service");
                self.service_lost(at_most, &mut events);
            }
        }
        for event in &events {
            tracing::info!(?event, "reader");
        }
        if events.is_empty() { Observed::Quiet } else { Observed::Events(events) }
    }

    fn look(&mut self, at_most: Duration, events: &mut Vec<ReaderEvent>) -> Result<(), pcsc::Error> {
        let context = self.enter_service()?;
        self.choose(attached(&context)?, events);
        if !events.is_empty() {
            return Ok(());
        }
        self.wait(&context, at_most, events)
    }

    fn enter_service(&mut self) -> Result<Context, pcsc::Error> {
        if let Some(context) = &self.context {
            return Ok(context.clone());
        }
        let context = Context::establish(Scope::User)?;
        self.cancel.attach(&context);
        self.service_wait = SERVICE_WAIT_MIN;
        self.context = Some(context.clone());
        Ok(context)
    }

    fn leave_service(&mut self) {
        self.cancel.detach();
        self.context = None;
        self.hot_plug = Some(hot_plug());
    }

    fn service_lost(&mut self, at_most: Duration, events: &mut Vec<ReaderEvent>) {
        self.leave_service();
        self.missing(NoReader::NoService, events);
        if events.is_empty() {
            self.cancel.pause(self.service_wait.min(at_most));
            self.service_wait = self.service_wait.saturating_mul(2).min(SERVICE_WAIT_MAX);
        }
    }

    /// Follows the list of readers: another one may be the chosen one now, or none.
    fn choose(&mut self, attached: Vec<ReaderName>, events: &mut Vec<ReaderEvent>) {
        match self.pattern.choose(&attached) {
            Ok(chosen) => self.watch(chosen, events),
            // A second reader that comes later does not take the lane from the one that is in use.
            Err(NoReader::Several(fitting)) if self.watches_one_of(&fitting) => {}
            Err(none) => self.missing(none, events),
        }
    }

    fn watches_one_of(&self, fitting: &[ReaderName]) -> bool {
        match &self.watched {
            Watched::Reader { name, .. } => fitting.contains(name),
            Watched::Unknown | Watched::Missing(_) => false,
        }
    }

    fn watch(&mut self, chosen: ReaderName, events: &mut Vec<ReaderEvent>) {
        if self.watches_one_of(core::slice::from_ref(&chosen)) {
            return;
        }
        if let Watched::Reader { .. } = &self.watched {
            self.missing(NoReader::NoneAttached, events);
        }
        events.push(ReaderEvent::Arrived(chosen.clone()));
        let state = ReaderState::new(chosen.as_c_str(), State::UNAWARE);
        self.watched = Watched::Reader { name: chosen, state, slot: Slot::default() };
    }

    fn missing(&mut self, why: NoReader, events: &mut Vec<ReaderEvent>) {
        match &self.watched {
            Watched::Missing(before) if *before == why => return,
            Watched::Reader { slot: Slot::Card { .. }, .. } => events.push(ReaderEvent::CardGone),
            Watched::Missing(_) | Watched::Reader { slot: Slot::Empty, .. } | Watched::Unknown => {}
        }
        events.push(ReaderEvent::Gone(why.clone()));
        self.watched = Watched::Missing(why);
    }

    fn wait(&mut self, context: &Context, at_most: Duration, events: &mut Vec<ReaderEvent>) -> Result<(), pcsc::Error> {
        let mut states = Vec::with_capacity(2);
        if let Watched::Reader { state, .. } = &mut self.watched {
            let unaware = ReaderState::new(state.name(), State::UNAWARE);
            states.push(core::mem::replace(state, unaware));
        }
        let has_reader = !states.is_empty();
        states.extend(self.hot_plug.take());
        if states.is_empty() {
            self.cancel.pause(at_most);
            return Ok(());
        }
        let waited = context.get_status_change(at_most, &mut states);
        let mut states = states.into_iter();
        let reader = if has_reader { states.next() } else { None };
        self.hot_plug = states.next().map(synced);
        match waited {
            Ok(()) => {
                self.see(reader.map(synced), events);
                if events.is_empty() {
                    self.cancel.pause(EMPTY_WAKE_PAUSE);
                }
                Ok(())
            }
            Err(pcsc::Error::Timeout) => {
                self.see(reader.map(synced), events);
                Ok(())
            }
            Err(pcsc::Error::UnknownReader | pcsc::Error::InvalidValue) if !has_reader => {
                self.hot_plug = None;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn see(&mut self, seen: Option<ReaderState>, events: &mut Vec<ReaderEvent>) {
        if let (Watched::Reader { state, slot, .. }, Some(seen)) = (&mut self.watched, seen) {
            let present = seen.event_state().contains(State::PRESENT);
            events.extend(slot.see(present, seen.event_count()).iter().copied().map(ReaderEvent::from));
            *state = seen;
        }
    }
}

/// The names of the readers attached; none is no error.
pub(crate) fn attached(context: &Context) -> Result<Vec<ReaderName>, pcsc::Error> {
    match context.list_readers_owned() {
        Ok(names) => Ok(names.into_iter().map(ReaderName::from).collect()),
        Err(pcsc::Error::NoReadersAvailable) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn hot_plug() -> ReaderState {
    ReaderState::new(CString::from(PNP_NOTIFICATION()), State::UNAWARE)
}

fn synced(mut state: ReaderState) -> ReaderState {
    state.sync_current_state();
    state
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}
