//! The helper's own page, for the browser on the same computer and for nobody else.
//!
//! | | |
//! |---|---|
//! | `GET  /RUN/` | the page: a frame without anything of a ticket in it |
//! | `POST /RUN/enter` | `{"secret": "…"}`: the cookie, once |
//! | `GET  /RUN/view?after=N` | the first moment newer than `N`, waited for a while |
//! | `POST /RUN/answer` | `{"moment": N, "answer": "…"}`: 204, or 409 where that moment has passed |
//! | `POST /RUN/stop` | `{}`: ends the helper |
//! | `GET  /RUN/holder.svg` | the holder's link as a QR code, while it is shown |
//! | `GET  /RUN/assets/…` | style and script |
//!
//! `RUN` is new every time, so that the cookie's path is this run's alone. Everything but the frame, its files and the
//! door wants the cookie.

mod door;
mod guard;
pub(crate) mod picture;
mod requests;
mod scene;
mod server;
mod stage;
mod view;
mod visitor;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use scene::Scene;
pub(crate) use server::{Page, PageError, Started};
pub(crate) use stage::Stage;
pub(crate) use visitor::{Visitor, Which};
