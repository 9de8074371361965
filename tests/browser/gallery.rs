//! Every screen that a lane can show, looked at one after the other, in both languages and at a rehearsal.
//!
//! The lane's chapter brings about what cards, holders and faults of the real gate bring about. Some screens need an
//! hour that is not now, a dead barrier or a full disk; here the gate's own page draws each of them, from the gate's own
//! display, so that none is first seen at a venue.

use std::net::SocketAddr;

use kido_gate::config::Language;
use kido_gate::display::{Display, LaneSign, display};
use kido_gate::kiosk::{Kiosk, Page};
use kido_gate::screen::{Door, Notice, NoticeKind, Screen, Welcome};
use kido_gate::words::Words;
use kido_shared::card::PinTries;
use kido_shared::challenge::Passage;
use kido_shared::clock::Timestamp;
use kido_shared::ids::GateId;
use kido_shared::refusal::{Refusal, StaffCode};
use kido_shared::ticket::{SeatLabel, Zone};
use kido_tests::browser::GATE;

use crate::chapter::Chapter;
use crate::visit::Visitor;

/// An evening in Japan.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_798_790_400);

/// Five hours later.
const LATER: Timestamp = Timestamp::from_unix_seconds(1_798_808_400);

fn zone(text: &str) -> anyhow::Result<Zone> {
    Ok(Zone::new(text)?)
}

/// A notice's name in the gallery and the code under it; a new notice does not compile before it has both.
const fn hung(kind: &NoticeKind) -> (&'static str, u8) {
    match kind {
        NoticeKind::Desk => ("desk", 10),
        NoticeKind::OtherEntrance(_) => ("other-entrance", 12),
        NoticeKind::TooEarly(_) => ("too-early", 13),
        NoticeKind::TooLate => ("too-late", 14),
        NoticeKind::Suspended => ("suspended", 15),
        NoticeKind::Cancelled => ("cancelled", 16),
        NoticeKind::NotPaid => ("not-paid", 17),
        NoticeKind::AlreadyIn { by: Door::Entrance(_), .. } => ("already-in", 18),
        NoticeKind::AlreadyIn { by: Door::Gate(_), .. } => ("already-in-somewhere", 18),
        NoticeKind::Spent => ("spent", 19),
        NoticeKind::NotMyNumberCard => ("not-my-number-card", 21),
        NoticeKind::Unreadable => ("unreadable", 22),
        NoticeKind::CardLeft => ("card-left", 23),
        NoticeKind::Phone => ("phone", 24),
        NoticeKind::NoPin => ("no-pin", 25),
        NoticeKind::PinLocked => ("pin-locked", 26),
        NoticeKind::TooFewTries => ("too-few-tries", 27),
        NoticeKind::WrongPin(_) => ("wrong-pin", 28),
        NoticeKind::ProofFailed => ("proof-failed", 29),
        NoticeKind::OneMoment => ("one-moment", 31),
        NoticeKind::StoredNotOpened => ("stored-not-opened", 37),
        NoticeKind::LaneClosed => ("lane-closed", 39),
    }
}

fn notices() -> anyhow::Result<Vec<NoticeKind>> {
    Ok(vec![
        NoticeKind::Desk,
        NoticeKind::OtherEntrance(zone("南ゲート")?),
        NoticeKind::TooEarly(LATER),
        NoticeKind::TooLate,
        NoticeKind::Suspended,
        NoticeKind::Cancelled,
        NoticeKind::NotPaid,
        NoticeKind::AlreadyIn { at: NOW, by: Door::Entrance(zone("B")?) },
        NoticeKind::AlreadyIn { at: NOW, by: Door::Gate(GateId::from_bytes([1; 16])) },
        NoticeKind::Spent,
        NoticeKind::NotMyNumberCard,
        NoticeKind::Unreadable,
        NoticeKind::CardLeft,
        NoticeKind::Phone,
        NoticeKind::NoPin,
        NoticeKind::PinLocked,
        NoticeKind::TooFewTries,
        NoticeKind::WrongPin(PinTries::new(2)),
        NoticeKind::ProofFailed,
        NoticeKind::OneMoment,
        NoticeKind::StoredNotOpened,
        NoticeKind::LaneClosed,
    ])
}

/// A screen's name in the gallery and the code on it, where it has one; a new screen does not compile before it has them.
fn label(screen: &Screen) -> (String, Option<u8>) {
    match screen {
        Screen::Idle
        | Screen::Reading
        | Screen::AskPin(_)
        | Screen::AskPinAtReader(_)
        | Screen::Proving
        | Screen::AskParty { .. }
        | Screen::Goodbye { .. }
        | Screen::Welcome(_)
        | Screen::CardForgotten => (screen.name().replace('_', "-"), None),
        Screen::OutOfOrder(code) => (format!("out-of-order-{}", code.get()), Some(code.get())),
        Screen::Refused(notice) => (hung(&notice.kind).0.to_owned(), Some(notice.code.get())),
    }
}

fn screens() -> anyhow::Result<Vec<Screen>> {
    let seats = ["1階 7列 12番", "1階 7列 13番"].map(SeatLabel::new).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut all = vec![
        Screen::Idle,
        Screen::Reading,
        Screen::AskPin(PinTries::new(3)),
        Screen::AskPinAtReader(PinTries::new(3)),
        Screen::Proving,
        Screen::AskParty { most: 4, passage: Passage::In },
        Screen::Goodbye { take_card: true },
        Screen::Welcome(Welcome { zone: zone("1階南")?, seats, take_card: true }),
        Screen::CardForgotten,
    ];
    let broken = [
        Refusal::OfflineNotAllowed,
        Refusal::ReplicaTooOld,
        Refusal::ClockUncertain,
        Refusal::StorageFailed,
        Refusal::ReaderFailed,
        Refusal::BarrierFailed,
    ];
    all.extend(broken.map(|refusal| Screen::OutOfOrder(refusal.code())));
    for (place, kind) in notices()?.into_iter().enumerate() {
        let (_name, code) = hung(&kind);
        let code = StaffCode::parse(code).ok_or_else(|| anyhow::anyhow!("{code} is no code"))?;
        // With and without a card in the tray: the last sentence differs.
        all.push(Screen::Refused(Notice { kind, code, take_card: place.is_multiple_of(2) }));
    }
    Ok(all)
}

/// The gate's page, served in this process.
struct Gallery {
    display: Display,
    address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

impl Gallery {
    async fn open() -> anyhow::Result<Self> {
        let words = Words::compiled_in()?;
        let sign = LaneSign {
            event: "冬の音楽会".to_owned(),
            entrance: "南ゲート".to_owned(),
            lane: "A-1".to_owned(),
            rehearsal: Some(words.rehearsal()),
        };
        let page = Page::compiled_in(Language::Ja)?;
        let (display, viewer, _typed) = display(words, sign, &Screen::Idle, NOW);
        let kiosk = Kiosk::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = kiosk.address();
        let server = tokio::spawn(kiosk.serve(page, viewer, std::future::pending()));
        Ok(Self { display, address, server })
    }
}

impl Drop for Gallery {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Shows one screen and looks at it as whoever stands before it.
async fn is_right(gallery: &Gallery, visitor: &mut Visitor, screen: &Screen) -> anyhow::Result<()> {
    let (name, code) = label(screen);
    gallery.display.show(screen, NOW);
    crate::lane::screen(visitor, screen.name()).await?;
    let drawn = code.map_or_else(String::new, |code| code.to_string());
    let expression = format!("document.getElementById('code').textContent.trim() === '{drawn}'");
    visitor.browser.wait("its code", &expression).await?;
    let (rehearsal, words) = ("#rehearsal", visitor.browser.text("main").await?);
    anyhow::ensure!(visitor.browser.shows(rehearsal).await?, "a rehearsal that does not say so");
    anyhow::ensure!(!words.contains('{'), "words with a gap: {words}");
    visitor.looks(&format!("gallery-{name}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_of_a_lane() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("gallery")? else { return Ok(()) };
    let gallery = Gallery::open().await?;
    for language in ["ja", "en"] {
        let mut visitor = Visitor::comes(chapter.folder(), language, GATE).await?;
        chapter
            .step(&format!("{language}: the lane's page"), async {
                visitor.browser.go(&format!("http://{}/?lang={language}", gallery.address)).await?;
                if visitor.browser.ask("return document.documentElement.lang").await? != language {
                    visitor.browser.press("#switch").await?;
                }
                Ok(())
            })
            .await;
        for screen in &screens()? {
            let (name, code) = label(screen);
            let told = code.map_or_else(String::new, |code| format!(", code {code}"));
            chapter.step(&format!("{language}: {name}{told}"), is_right(&gallery, &mut visitor, screen)).await;
        }
        chapter.step("no screen keeps anybody out", async { visitor.leaves(&[], "").await.map(|_traffic| ()) }).await;
    }
    chapter.end()
}
