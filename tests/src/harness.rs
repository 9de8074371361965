//! A venue in a folder: PC/SC stack, registrar and gates as processes, driven by their own interfaces.

mod arbiter;
mod certificates;
mod claiming;
mod disk;
mod error;
mod etcd;
mod follower;
mod gate;
mod helper;
mod host;
mod kiosk;
mod nginx;
mod process;
mod programs;
mod registrar;
mod scrape;
mod venue;

pub use arbiter::Arbiter;
pub use claiming::{Claimed, ClaimingLane};
pub use error::HarnessError;
pub use etcd::Etcd;
pub use follower::{Follower, Known, MemoryCopy, enrol_follower};
pub use gate::{Arriving, FOLLOWS_WITHIN, Gate, Tap};
pub use helper::{CardHelper, HelperPage, HelperRun};
pub use host::Host;
pub use kiosk::{Kiosk, Shown};
pub use nginx::Nginx;
pub use process::{Finished, Process, finish, wait_for};
pub use programs::Programs;
pub use registrar::{Backup, EventOptions, OfflineChoice, Registrar, TicketRow};
pub use venue::{Venue, free_port};
