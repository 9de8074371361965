//! More pages than a registrar remembers: whoever comes next is told, and the link stays good.

use std::sync::Arc;

use anyhow::Context as _;
use kido_tests::harness::{TicketRow, Venue};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE, ORIGIN};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::REFUSAL;
use crate::chapter::Chapter;
use crate::visit::{GONE, Visitor};

/// Most pages that a registrar remembers, and most of one ticket (`registrar/src/web/buyer/sessions.rs`).
const PAGES_MAX: usize = 16_384;
const PAGES_PER_TICKET: usize = 4;

/// Pages that are opened at a time.
const AT_A_TIME: usize = 32;

/// Fills every place, and has each visitor come afterwards.
pub(super) async fn fills_the_registrar(chapter: &mut Chapter, venue: &Venue, event: &str, visitors: &mut [Visitor]) {
    let mut links = Vec::new();
    chapter
        .step("a crowd opens as many pages as are remembered", async {
            let rows: Vec<_> = (0..=PAGES_MAX / PAGES_PER_TICKET)
                .map(|number| TicketRow::open_now_at(&format!("TROUBLE-CROWD-{number:05}"), "2階 7列 12番"))
                .collect();
            links = venue.registrar.import(event, &rows, false).await?.into_values().collect();
            let last = links.pop().context("no link")?;
            opens_all(&venue.registrar.origin(), &links).await?;
            links = vec![last];
            Ok(())
        })
        .await;
    for visitor in visitors {
        chapter
            .step("whoever comes next is asked to come back in some minutes", async {
                let link = links.first().context("no link")?;
                visitor.browser.forget_cookies().await?;
                visitor.browser.go(&format!("{}/r?lang={}", venue.registrar.origin(), visitor.language())).await?;
                visitor.browser.go(link).await?;
                visitor.browser.sees("#page[data-stamp='excuse-too-many-pages'] h1").await?;
                // Its last page has seen the registrar go, for the other visitor.
                let noise = [GONE.as_slice(), &REFUSAL].concat();
                visitor.looks_expecting("r-too-many-pages", &noise).await
            })
            .await;
    }
}

/// Opens each link as often as one ticket may be open.
async fn opens_all(origin: &str, links: &[String]) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut opening = JoinSet::new();
    for link in links {
        let (_place, code) = link.split_once('#').context("no code")?;
        let body = serde_json::json!({ "code": code }).to_string();
        for _page in 0..PAGES_PER_TICKET {
            let place = Arc::clone(&places).acquire_owned().await?;
            let request = http.post(format!("{origin}/r/open")).header(ORIGIN, origin);
            let request = request.header(CONTENT_TYPE, "application/json").header(ACCEPT, "text/html");
            let sent = request.body(body.clone()).send();
            opening.spawn(async move {
                let _place = place;
                Ok::<_, reqwest::Error>(sent.await?.status())
            });
        }
        while let Some(opened) = opening.try_join_next() {
            let status = opened??;
            is_opened_or_full(status)?;
        }
    }
    while let Some(opened) = opening.join_next().await {
        let status = opened??;
        is_opened_or_full(status)?;
    }
    Ok(())
}

/// The visitors' own pages are among those that are remembered, so the last of the crowd find no place either.
fn is_opened_or_full(status: StatusCode) -> anyhow::Result<()> {
    anyhow::ensure!(status.is_success() || status == StatusCode::SERVICE_UNAVAILABLE, "a page of the crowd: {status}");
    Ok(())
}
