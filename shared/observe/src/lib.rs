//! What servers tell their operators in numbers.
//!
//! ```text
//! a service's metrics.rs ── declares, counts ──▶ Registry ── OpenMetrics text ──▶ Endpoint ──▶ Prometheus
//!                             ▲
//!                         LabelSet: words of the program, two-digit codes, routes, enrolled gates and events
//! ```
//!
//! **Invariant.** No label can hold a text from outside: a [`LabelSet`] is written through [`LabelWriter`], which takes
//! words of the program itself, and ids of gates and events, and nothing else. Whoever scrapes learns how much happened,
//! never to whom.

mod answered;
mod disk;
mod endpoint;
mod label;
mod metric;
mod registry;
mod request;

pub use answered::{Answered, Stepped};
pub use endpoint::{Endpoint, EndpointError, Scrape};
pub use label::{LabelSet, LabelWriter, Route, Word};
pub use metric::{Count, CountBy, Level, LevelBy, Times, TimesBy};
pub use registry::Registry;
pub use request::{Told, name_trace, sent_trace};
