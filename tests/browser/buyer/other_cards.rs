//! Cards that cannot be registered, and computers that are not ready for one.

use kido_tests::browser::PAGE;
use kido_virtual_card::card::Fault;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::{PIN, WRONG_PIN};

use super::{Buyer, HOME};
use crate::chapter::Chapter;
use crate::visit::GONE;

/// Cards that cannot be registered, with the moment that the helper's page then shows.
const REFUSED: [(Character, &str); 8] = [
    (Character::Locked, "pin-locked"),
    (Character::OneTry, "last-try"),
    (Character::NoPin, "no-pin"),
    (Character::Phone, "phone"),
    (Character::Garbage, "card-unreadable"),
    (Character::Expired, "certificate"),
    (Character::SignatureIn000a, "personal-certificate"),
    (Character::Copy, "proof-refused"),
];

impl Buyer<'_> {
    pub(super) async fn tries_other_computers(&mut self, chapter: &mut Chapter) {
        let helpers = [
            ("no-service", self.venue.helper(HOME).without_service()),
            ("several-readers", self.venue.helper(HOME).among_all_readers()),
        ];
        for (moment, helper) in helpers {
            chapter
                .step(&format!("the helper says what to do: {moment}"), async {
                    let link = self.link("REG-OTHER")?.to_owned();
                    self.venue.control()?.remove(HOME)?;
                    let page = helper.open(Some(&link)).await?;
                    self.visitor.browser.new_tab(PAGE[0]).await?;
                    self.visitor.browser.go(&page.address).await?;
                    self.moment(moment).await?;
                    let looked = self.visitor.looks(&format!("helper-{moment}")).await;
                    page.process.terminate().await?;
                    self.visitor.browser.close_tab().await?;
                    looked
                })
                .await;
        }
        chapter
            .step("the helper says what to do: a card that is no My Number Card", async {
                let link = self.link("REG-OTHER")?.to_owned();
                let (page, _first) = self.opens_helper(Some(&link)).await?;
                self.moment("put-card").await?;
                self.venue.control()?.insert(HOME, Character::Stranger, vec![Fault::AnotherCard])?;
                self.moment("not-my-number-card").await?;
                let looked = self.visitor.looks("helper-not-my-number-card").await;
                self.venue.control()?.remove(HOME)?;
                page.process.terminate().await?;
                self.visitor.browser.close_tab().await?;
                looked
            })
            .await;
    }

    pub(super) async fn tries_other_cards(&mut self, chapter: &mut Chapter) {
        for (card, moment) in REFUSED {
            chapter
                .step(&format!("the helper says what to do: {moment}"), async {
                    let link = self.link("REG-OTHER")?.to_owned();
                    self.venue.control()?.remove(HOME)?;
                    let (page, _first) = self.opens_helper(Some(&link)).await?;
                    self.moment("put-card").await?;
                    self.venue.control()?.insert(HOME, card, Vec::new())?;
                    // What only the registrar can judge is judged after the PIN.
                    if matches!(card, Character::Copy | Character::Expired) {
                        self.types_pin(PIN, "helper-pin-copy").await?;
                    }
                    self.moment(moment).await?;
                    let looked = self.visitor.looks(&format!("helper-{moment}")).await;
                    self.venue.control()?.remove(HOME)?;
                    page.process.terminate().await?;
                    self.visitor.browser.close_tab().await?;
                    looked
                })
                .await;
        }
        chapter
            .step("no four digits, a wrong PIN, and a card that is taken away", async {
                let link = self.link("REG-OTHER")?.to_owned();
                let (page, _first) = self.opens_helper(Some(&link)).await?;
                self.moment("put-card").await?;
                self.venue.control()?.insert(HOME, Character::Stranger, vec![Fault::TriesLeft(3)])?;
                self.types_pin("12", "helper-pin-stranger").await?;
                self.visitor.browser.sees("#field[aria-invalid='true']").await?;
                self.visitor.looks("helper-three-digits").await?;
                self.visitor.browser.fill("#field", WRONG_PIN).await?;
                self.sends().await?;
                self.moment("wrong-pin").await?;
                self.visitor.looks("helper-wrong-pin").await?;
                self.sends().await?;
                self.moment("pin").await?;
                self.venue.control()?.remove(HOME)?;
                self.visitor.browser.fill("#field", PIN).await?;
                self.sends().await?;
                self.moment("card-left").await?;
                self.visitor.looks("helper-card-left").await?;
                page.process.terminate().await?;
                self.visitor.browser.close_tab().await?;
                Ok(())
            })
            .await;
        chapter
            .step("a link that is none, and a helper that has gone", async {
                let (page, _first) = self.opens_helper(None).await?;
                self.moment("link").await?;
                self.visitor.looks("helper-link").await?;
                self.visitor.browser.fill("#field", "https://kido.example/nothing").await?;
                self.sends().await?;
                self.moment("bad-link").await?;
                self.visitor.looks("helper-bad-link").await?;
                page.process.kill().await?;
                self.moment("lost").await?;
                self.visitor.looks_expecting("helper-lost", &GONE).await?;
                self.visitor.browser.close_tab().await?;
                Ok(())
            })
            .await;
    }
}
