//! Enrolment, the registrar's side: offers to new gates, in memory, each good for one gate and ten minutes.
//!
//! The steps and what they prove are in [`kido_shared::enrolment`]. A restart ends every offer; a confirmed gate is a
//! fact of its event and stays.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::enrolment::{
    EnrolmentError, EnrolmentNonce, EnrolmentToken, GatePublicKeys, NonceCommitment, ShortCode, Transcript,
};
use kido_shared::ids::{EnrolmentId, EventId, GateId};
use kido_shared::limits::ENROLMENT_LIFETIME;
use kido_shared::ticket::Zone;
use rand::{CryptoRng, RngCore};

/// Offers that are open at a time: the largest venue set up at once, and a little more.
const OFFERS_MAX: usize = 256;

/// How long a confirmed gate has at least to fetch its subkeys, however late the digits were typed: it asks every second
/// or two, and without them it would be a gate of the event that knows nothing.
const FETCHED_WITHIN: Duration = Duration::from_secs(60);

/// Why an enrolment does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentRefusal {
    /// The offer was never made, has ended, or was taken by another gate. Which of them is not told.
    #[error("there is no such offer; ask the operator for another")]
    NoOffer,
    /// More offers are open than are remembered.
    #[error("too many offers are open; confirm some or wait ten minutes")]
    TooMany,
    /// The steps are not in their order, or somebody else took this one first.
    #[error("this step does not follow from the last one")]
    Order,
    /// The operator typed other digits than this registrar computed: somebody may stand between. The offer has ended.
    #[error("the digits are not those of this enrolment; the offer has ended, make another")]
    WrongDigits,
    /// What was typed is not six digits; the offer stands.
    #[error("the short code is six digits")]
    NotDigits,
    /// The dialogue itself fails; the offer has ended.
    #[error("the enrolment failed")]
    Dialogue(#[source] EnrolmentError),
}

/// Where an offer stands. Each step owns what it may use.
#[derive(Debug)]
enum Stage {
    Offered,
    Introduced {
        gate: GateId,
        keys: GatePublicKeys,
        commitment: NonceCommitment,
        nonce: EnrolmentNonce,
    },
    Revealed(Transcript),
    /// The digits were right, and the gate is being stored: nobody takes the offer back now, and no clock ends it.
    Confirming(Transcript),
    Confirmed {
        transcript: Transcript,
        sealed: Vec<u8>,
    },
}

#[derive(Debug)]
struct Offer {
    event: EventId,
    zone: Zone,
    entrance: Zone,
    token: EnrolmentToken,
    token_hash: CodeHash,
    expires_at: Timestamp,
    stage: Stage,
}

/// An offer that was just made.
#[derive(Debug)]
pub struct Offered {
    /// Names the dialogue.
    pub enrolment: EnrolmentId,
    /// The secret in the link.
    pub token: EnrolmentToken,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// An offer as its operator sees it.
#[derive(Debug)]
pub struct StandingOffer {
    /// The secret in the link.
    pub token: EnrolmentToken,
    /// The part of the venue that the gate will serve.
    pub zone: Zone,
    /// What is written over the entrance.
    pub entrance: Zone,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// How a gate introduces itself.
#[derive(Debug)]
pub struct Introduction {
    /// Its two public keys.
    pub keys: GatePublicKeys,
    /// Hash of its nonce.
    pub commitment: NonceCommitment,
}

/// What an introduced gate is told, the event's own particulars aside.
#[derive(Debug)]
pub struct Introduced {
    /// Names the dialogue.
    pub enrolment: EnrolmentId,
    /// Its new name.
    pub gate: GateId,
    /// Which event.
    pub event: EventId,
    /// The part of the venue that it serves.
    pub zone: Zone,
    /// What is written over the entrance.
    pub entrance: Zone,
    /// The registrar's nonce.
    pub nonce: EnrolmentNonce,
    /// When the offer ends.
    pub expires_at: Timestamp,
}

/// How far an offer is, for its operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// No gate yet, or one that has not revealed its nonce.
    Waiting,
    /// The gate shows its digits.
    ShowsCode(GateId),
    /// Confirmed.
    Confirmed(GateId),
}

/// A gate whose digits were the right ones; to be stored, then settled with [`Enrolments::settle`].
#[derive(Debug)]
pub struct Compared {
    /// What both sides agree on.
    pub transcript: Transcript,
    /// The offer's secret, for sealing.
    pub token: EnrolmentToken,
    /// The part of the venue that it serves.
    pub zone: Zone,
    /// What is written over the entrance.
    pub entrance: Zone,
}

/// All open offers.
#[derive(Debug, Default)]
pub struct Enrolments(Mutex<BTreeMap<EnrolmentId, Offer>>);

impl Enrolments {
    fn open_at(&self, now: Timestamp) -> MutexGuard<'_, BTreeMap<EnrolmentId, Offer>> {
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        offers.retain(|_enrolment, offer| now < offer.expires_at || matches!(offer.stage, Stage::Confirming(_)));
        offers
    }

    /// Makes an offer.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::TooMany`].
    pub fn offer(
        &self,
        event: EventId,
        (zone, entrance): (Zone, Zone),
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Offered, EnrolmentRefusal> {
        let mut offers = self.open_at(now);
        if offers.len() >= OFFERS_MAX {
            return Err(EnrolmentRefusal::TooMany);
        }
        let (enrolment, token) = (EnrolmentId::generate(random), EnrolmentToken::generate(random));
        let expires_at = now.after(ENROLMENT_LIFETIME);
        let (token_hash, stage) = (token.hash(), Stage::Offered);
        offers.insert(enrolment, Offer { event, zone, entrance, token: token.clone(), token_hash, expires_at, stage });
        Ok(Offered { enrolment, token, expires_at })
    }

    /// Takes a gate's introduction: the first one that knows the secret has the offer.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::NoOffer`].
    pub fn introduce(
        &self,
        token: CodeHash,
        introduction: Introduction,
        now: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Introduced, EnrolmentRefusal> {
        let mut offers = self.open_at(now);
        let named = |(_id, offer): &(&EnrolmentId, &mut Offer)| offer.token_hash == token;
        let (enrolment, offer) = offers.iter_mut().find(named).ok_or(EnrolmentRefusal::NoOffer)?;
        let Stage::Offered = offer.stage else { return Err(EnrolmentRefusal::NoOffer) };
        let (gate, nonce) = (GateId::generate(random), EnrolmentNonce::generate(random));
        let Introduction { keys, commitment } = introduction;
        offer.stage = Stage::Introduced { gate, keys, commitment, nonce };
        Ok(Introduced {
            enrolment: *enrolment,
            gate,
            event: offer.event,
            zone: offer.zone.clone(),
            entrance: offer.entrance.clone(),
            nonce,
            expires_at: offer.expires_at,
        })
    }

    /// Opens the gate's commitment; from here on both sides show the digits. Another nonce ends the offer.
    ///
    /// # Errors
    /// [`EnrolmentRefusal`].
    pub fn reveal(
        &self,
        enrolment: EnrolmentId,
        revealed: EnrolmentNonce,
        root: [u8; 32],
        now: Timestamp,
    ) -> Result<(), EnrolmentRefusal> {
        let mut offers = self.open_at(now);
        let offer = offers.get_mut(&enrolment).ok_or(EnrolmentRefusal::NoOffer)?;
        let (gate, keys, commitment, registrar_nonce) = match &offer.stage {
            Stage::Introduced { gate, keys, commitment, nonce } => (*gate, *keys, *commitment, *nonce),
            Stage::Revealed(known) if known.gate_nonce == revealed => return Ok(()),
            Stage::Offered | Stage::Revealed(_) | Stage::Confirming(_) | Stage::Confirmed { .. } => {
                return Err(EnrolmentRefusal::Order);
            }
        };
        match commitment.open(revealed) {
            Ok(gate_nonce) => {
                let transcript = Transcript { enrolment, gate, root, keys, registrar_nonce, gate_nonce };
                offer.stage = Stage::Revealed(transcript);
                Ok(())
            }
            Err(error) => {
                offers.remove(&enrolment);
                Err(EnrolmentRefusal::Dialogue(error))
            }
        }
    }

    /// The secret of an offer that no gate has taken yet, and when it ends: for its operator's page alone.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::NoOffer`].
    pub fn offered(
        &self,
        event: EventId,
        enrolment: EnrolmentId,
        now: Timestamp,
    ) -> Result<StandingOffer, EnrolmentRefusal> {
        let offers = self.open_at(now);
        let offer = offers.get(&enrolment).filter(|offer| offer.event == event).ok_or(EnrolmentRefusal::NoOffer)?;
        Ok(StandingOffer {
            token: offer.token.clone(),
            zone: offer.zone.clone(),
            entrance: offer.entrance.clone(),
            expires_at: offer.expires_at,
        })
    }

    /// Takes an offer back: whatever gate has it gets nothing by it any more.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::NoOffer`]; [`EnrolmentRefusal::Order`] where its gate is being confirmed, or was: that one is to
    /// be revoked.
    pub fn withdraw(&self, event: EventId, enrolment: EnrolmentId, now: Timestamp) -> Result<(), EnrolmentRefusal> {
        let mut offers = self.open_at(now);
        let offer = offers.get(&enrolment).filter(|offer| offer.event == event).ok_or(EnrolmentRefusal::NoOffer)?;
        if matches!(offer.stage, Stage::Confirming(_) | Stage::Confirmed { .. }) {
            return Err(EnrolmentRefusal::Order);
        }
        offers.remove(&enrolment);
        Ok(())
    }

    /// How far an offer of this event is.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::NoOffer`].
    pub fn progress(
        &self,
        event: EventId,
        enrolment: EnrolmentId,
        now: Timestamp,
    ) -> Result<Progress, EnrolmentRefusal> {
        let offers = self.open_at(now);
        let offer = offers.get(&enrolment).filter(|offer| offer.event == event).ok_or(EnrolmentRefusal::NoOffer)?;
        Ok(match &offer.stage {
            Stage::Offered | Stage::Introduced { .. } => Progress::Waiting,
            Stage::Revealed(transcript) | Stage::Confirming(transcript) => Progress::ShowsCode(transcript.gate),
            Stage::Confirmed { transcript, .. } => Progress::Confirmed(transcript.gate),
        })
    }

    /// Compares the digits that the operator read from the gate's screen. Wrong ones end the offer: one guess each.
    ///
    /// Right ones take the step for this caller, who settles it whatever becomes of it. A gate that is confirmed already
    /// stays so: the same digits are answered again, others change nothing.
    ///
    /// # Errors
    /// [`EnrolmentRefusal`]; [`EnrolmentRefusal::Order`] also while somebody else confirms it.
    pub fn compare(
        &self,
        event: EventId,
        enrolment: EnrolmentId,
        typed: &str,
        now: Timestamp,
    ) -> Result<Compared, EnrolmentRefusal> {
        let typed = ShortCode::parse(typed).ok_or(EnrolmentRefusal::NotDigits)?;
        let mut offers = self.open_at(now);
        let offer = offers.get_mut(&enrolment).filter(|offer| offer.event == event);
        let offer = offer.ok_or(EnrolmentRefusal::NoOffer)?;
        let transcript = match &offer.stage {
            Stage::Revealed(transcript) => transcript.clone(),
            Stage::Confirmed { transcript, .. } if transcript.short_code() == typed => transcript.clone(),
            Stage::Offered | Stage::Introduced { .. } | Stage::Confirming(_) | Stage::Confirmed { .. } => {
                return Err(EnrolmentRefusal::Order);
            }
        };
        if transcript.short_code() != typed {
            offers.remove(&enrolment);
            tracing::warn!(%enrolment, "wrong digits at an enrolment: the offer has ended");
            return Err(EnrolmentRefusal::WrongDigits);
        }
        if matches!(offer.stage, Stage::Revealed(_)) {
            offer.stage = Stage::Confirming(transcript.clone());
        }
        let (token, zone, entrance) = (offer.token.clone(), offer.zone.clone(), offer.entrance.clone());
        Ok(Compared { transcript, token, zone, entrance })
    }

    /// Lays the sealed subkeys out for the gate, which is a fact of its event by now; without them it was not stored, and
    /// the digits may be typed again.
    pub fn settle(&self, enrolment: EnrolmentId, sealed: Option<Vec<u8>>, now: Timestamp) {
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(offer) = offers.get_mut(&enrolment) else { return };
        if let Stage::Confirming(transcript) = &offer.stage {
            let transcript = transcript.clone();
            offer.expires_at = offer.expires_at.max(now.after(FETCHED_WITHIN));
            offer.stage = match sealed {
                Some(sealed) => Stage::Confirmed { transcript, sealed },
                None => Stage::Revealed(transcript),
            };
        }
    }

    /// Forgets the offer that made a gate, once that gate is revoked.
    pub fn forget(&self, gate: GateId, now: Timestamp) {
        let mut offers = self.open_at(now);
        offers.retain(|_enrolment, offer| match &offer.stage {
            Stage::Offered => true,
            Stage::Introduced { gate: known, .. } => *known != gate,
            Stage::Revealed(transcript) | Stage::Confirming(transcript) | Stage::Confirmed { transcript, .. } => {
                transcript.gate != gate
            }
        });
    }

    /// Whose signature a gate's question about its enrolment must bear.
    ///
    /// # Errors
    /// [`EnrolmentRefusal`].
    pub fn asking_gate(&self, enrolment: EnrolmentId, now: Timestamp) -> Result<(GateId, [u8; 32]), EnrolmentRefusal> {
        let offers = self.open_at(now);
        match &offers.get(&enrolment).ok_or(EnrolmentRefusal::NoOffer)?.stage {
            Stage::Revealed(transcript) | Stage::Confirming(transcript) | Stage::Confirmed { transcript, .. } => {
                Ok((transcript.gate, transcript.keys.verifying))
            }
            Stage::Offered | Stage::Introduced { .. } => Err(EnrolmentRefusal::Order),
        }
    }

    /// The event and the sealed subkeys, once confirmed.
    ///
    /// # Errors
    /// [`EnrolmentRefusal::NoOffer`].
    pub fn result(
        &self,
        enrolment: EnrolmentId,
        now: Timestamp,
    ) -> Result<Option<(EventId, Vec<u8>)>, EnrolmentRefusal> {
        let offers = self.open_at(now);
        let offer = offers.get(&enrolment).ok_or(EnrolmentRefusal::NoOffer)?;
        Ok(match &offer.stage {
            Stage::Confirmed { sealed, .. } => Some((offer.event, sealed.clone())),
            Stage::Offered | Stage::Introduced { .. } | Stage::Revealed(_) | Stage::Confirming(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_shared::enrolment::GateKeys;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
    const EVENT: EventId = EventId::from_bytes([1; 16]);
    const ROOT: [u8; 32] = [9; 32];

    struct Dialogue {
        enrolments: Enrolments,
        offered: Offered,
        gate_nonce: EnrolmentNonce,
        keys: GatePublicKeys,
        random: StdRng,
    }

    fn offered() -> Dialogue {
        let mut random = StdRng::seed_from_u64(1);
        let enrolments = Enrolments::default();
        let zone = Zone::new("A").unwrap();
        let offered = enrolments.offer(EVENT, (zone.clone(), zone), NOW, &mut random).unwrap();
        let keys = GateKeys::generate(&mut random).public().unwrap();
        Dialogue { enrolments, offered, gate_nonce: EnrolmentNonce::generate(&mut random), keys, random }
    }

    impl Dialogue {
        fn introduce(&mut self) -> Result<Introduced, EnrolmentRefusal> {
            let introduction = Introduction { keys: self.keys, commitment: self.gate_nonce.commitment() };
            self.enrolments.introduce(self.offered.token.hash(), introduction, NOW, &mut self.random)
        }

        fn transcript(&self, introduced: &Introduced) -> Transcript {
            Transcript {
                enrolment: introduced.enrolment,
                gate: introduced.gate,
                root: ROOT,
                keys: self.keys,
                registrar_nonce: introduced.nonce,
                gate_nonce: self.gate_nonce,
            }
        }
    }

    #[test]
    fn the_right_digits_lead_to_the_sealed_subkeys() {
        let mut dialogue = offered();
        let introduced = dialogue.introduce().unwrap();
        let (id, enrolments) = (introduced.enrolment, &dialogue.enrolments);
        assert_eq!(enrolments.progress(EVENT, id, NOW), Ok(Progress::Waiting));
        enrolments.reveal(id, dialogue.gate_nonce, ROOT, NOW).unwrap();
        enrolments.reveal(id, dialogue.gate_nonce, ROOT, NOW).unwrap();
        assert_eq!(enrolments.progress(EVENT, id, NOW), Ok(Progress::ShowsCode(introduced.gate)));
        let digits = dialogue.transcript(&introduced).short_code().to_string();
        let compared = enrolments.compare(EVENT, id, &digits, NOW).unwrap();
        assert_eq!(enrolments.result(id, NOW), Ok(None));
        drop(compared);
        enrolments.settle(id, Some(vec![1, 2]), NOW);
        assert_eq!(enrolments.result(id, NOW), Ok(Some((EVENT, vec![1, 2]))));
        assert_eq!(enrolments.progress(EVENT, id, NOW), Ok(Progress::Confirmed(introduced.gate)));
    }

    #[test]
    fn wrong_digits_end_the_offer() {
        let mut dialogue = offered();
        let introduced = dialogue.introduce().unwrap();
        let (id, enrolments) = (introduced.enrolment, &dialogue.enrolments);
        enrolments.reveal(id, dialogue.gate_nonce, ROOT, NOW).unwrap();
        let right = dialogue.transcript(&introduced).short_code().to_string();
        let wrong = if right == "000 000" { "000 001" } else { "000 000" };
        assert_eq!(enrolments.compare(EVENT, id, "12", NOW).unwrap_err(), EnrolmentRefusal::NotDigits);
        assert_eq!(enrolments.compare(EVENT, id, wrong, NOW).unwrap_err(), EnrolmentRefusal::WrongDigits);
        assert_eq!(enrolments.compare(EVENT, id, &right, NOW).unwrap_err(), EnrolmentRefusal::NoOffer);
    }

    #[test]
    fn while_a_gate_is_confirmed_nobody_refuses_it_and_no_clock_ends_it() {
        let mut dialogue = offered();
        let introduced = dialogue.introduce().unwrap();
        let (id, enrolments) = (introduced.enrolment, &dialogue.enrolments);
        enrolments.reveal(id, dialogue.gate_nonce, ROOT, NOW).unwrap();
        let digits = dialogue.transcript(&introduced).short_code().to_string();
        let wrong = if digits == "000 000" { "000 001" } else { "000 000" };
        enrolments.compare(EVENT, id, &digits, NOW).unwrap();
        let late = NOW.after(ENROLMENT_LIFETIME);
        assert_eq!(enrolments.withdraw(EVENT, id, late), Err(EnrolmentRefusal::Order));
        assert_eq!(enrolments.compare(EVENT, id, &digits, late).unwrap_err(), EnrolmentRefusal::Order);
        enrolments.settle(id, None, late);
        enrolments.compare(EVENT, id, &digits, late).unwrap();
        enrolments.settle(id, Some(vec![3]), late);
        assert_eq!(enrolments.compare(EVENT, id, wrong, late).unwrap_err(), EnrolmentRefusal::Order);
        enrolments.compare(EVENT, id, &digits, late).unwrap();
        let fetched = enrolments.result(id, late.after(FETCHED_WITHIN / 2));
        assert_eq!(fetched, Ok(Some((EVENT, vec![3]))), "confirmed in the last second, and still fetched");
        assert_eq!(enrolments.result(id, late.after(FETCHED_WITHIN)), Err(EnrolmentRefusal::NoOffer));
    }

    #[test]
    fn an_offer_is_for_one_gate_and_ten_minutes() {
        let mut dialogue = offered();
        let id = dialogue.introduce().unwrap().enrolment;
        assert_eq!(dialogue.introduce().unwrap_err(), EnrolmentRefusal::NoOffer);
        assert!(dialogue.enrolments.progress(EVENT, id, NOW).is_ok());
        let other = EventId::from_bytes([2; 16]);
        assert_eq!(dialogue.enrolments.progress(other, id, NOW), Err(EnrolmentRefusal::NoOffer));
        let later = NOW.after(ENROLMENT_LIFETIME);
        assert_eq!(dialogue.enrolments.progress(EVENT, id, later), Err(EnrolmentRefusal::NoOffer));
    }

    #[test]
    fn another_nonce_than_the_promised_one_ends_the_offer() {
        let mut dialogue = offered();
        let id = dialogue.introduce().unwrap().enrolment;
        let other = EnrolmentNonce::generate(&mut dialogue.random);
        let refused = dialogue.enrolments.reveal(id, other, ROOT, NOW).unwrap_err();
        assert_eq!(refused, EnrolmentRefusal::Dialogue(EnrolmentError::Commitment));
        assert_eq!(dialogue.enrolments.progress(EVENT, id, NOW), Err(EnrolmentRefusal::NoOffer));
    }

    #[test]
    fn offers_are_bounded_until_some_have_ended() {
        let Dialogue { enrolments, mut random, .. } = offered();
        let zone = Zone::new("A").unwrap();
        for _ in 1..OFFERS_MAX {
            enrolments.offer(EVENT, (zone.clone(), zone.clone()), NOW, &mut random).unwrap();
        }
        let refused = enrolments.offer(EVENT, (zone.clone(), zone.clone()), NOW, &mut random);
        assert_eq!(refused.unwrap_err(), EnrolmentRefusal::TooMany);
        enrolments.offer(EVENT, (zone.clone(), zone), NOW.after(ENROLMENT_LIFETIME), &mut random).unwrap();
    }
}
