//! The few cards with real keys.

use std::sync::Arc;

use anyhow::Context as _;
use kido_shared::certificate::PlacedKey;
use kido_virtual_card::card::{Contents, VirtualCard};
use kido_virtual_card::issuer::{Authority, CardKey, Hierarchy, Leaf, Profile, SubjectKey};

/// With the issuer's own, at most 64 RSA keys are made.
pub(crate) const CARDS: usize = 60;

/// A card's certificate and key.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Arc<CardKey>,
}

impl Card {
    /// Where the key lies in the certificate.
    pub(crate) fn placed(&self) -> anyhow::Result<PlacedKey> {
        Ok(PlacedKey::of_file(&self.certificate)?)
    }

    /// The card in bytes.
    pub(crate) fn in_bytes(&self) -> VirtualCard {
        VirtualCard::new(Contents::new(self.certificate.clone(), Arc::clone(&self.key), Hierarchy::Test2023))
    }
}

/// Makes the keys on all cores, and a certificate for each.
pub(crate) fn make(count: usize) -> anyhow::Result<Vec<Card>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let numbers: Vec<usize> = (0..count.min(CARDS)).collect();
    std::thread::scope(|scope| {
        let share = numbers.len().div_ceil(cores).max(1);
        let makers: Vec<_> = numbers
            .chunks(share)
            .map(|numbers| {
                scope.spawn(move || numbers.iter().map(|number| card(*number)).collect::<anyhow::Result<Vec<_>>>())
            })
            .collect();
        let mut cards = Vec::with_capacity(count);
        for maker in makers {
            cards.extend(maker.join().ok().context("a key maker panicked")??);
        }
        Ok(cards)
    })
}

/// The root that has signed them.
pub(crate) fn root() -> anyhow::Result<Vec<u8>> {
    Ok(Authority::of(Hierarchy::Test2023)?.certificate()?)
}

fn card(number: usize) -> anyhow::Result<Card> {
    let key = CardKey::named(&format!("figures/{number}"))?;
    let [.., high, low] = number.to_be_bytes();
    let leaf = Leaf {
        profile: Profile::Normal,
        serial: vec![0x2F, 0x16, high, low],
        opaque_name: format!("F1GUR3{number:08}"),
        birthday: (4, 29),
        key: SubjectKey::of(&key)?,
    };
    Ok(Card { certificate: leaf.issue()?, key })
}
