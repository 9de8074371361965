use kido_shared::enrolment::OwnKeys;
use kido_shared::limits::ENROLMENT_LIFETIME;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::operator::{FETCHED_WITHIN, OFFERS_MAX};
use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
const EVENT: EventId = EventId::from_bytes([1; 16]);
const ROOT: [u8; 32] = [9; 32];

struct Dialogue {
    enrolments: Enrolments,
    offered: Offered,
    applicant_nonce: EnrolmentNonce,
    keys: OwnPublicKeys,
    random: StdRng,
}

fn place() -> OfferFor {
    let zone = Zone::new("A").unwrap();
    OfferFor::Gate { zone: zone.clone(), entrance: zone }
}

fn confirmed(sealed: &[u8]) -> Confirmed {
    Confirmed { event: EVENT, applicant: Applicant::Gate, sealed: sealed.to_vec() }
}

fn offered() -> Dialogue {
    let mut random = StdRng::seed_from_u64(1);
    let enrolments = Enrolments::default();
    let zone = Zone::new("A").unwrap();
    let offered =
        enrolments.offer(EVENT, OfferFor::Gate { zone: zone.clone(), entrance: zone }, NOW, &mut random).unwrap();
    let keys = OwnKeys::generate(&mut random).public().unwrap();
    Dialogue { enrolments, offered, applicant_nonce: EnrolmentNonce::generate(&mut random), keys, random }
}

impl Dialogue {
    fn introduce(&mut self) -> Result<Introduced, EnrolmentRefusal> {
        let introduction =
            Introduction { applicant: Applicant::Gate, keys: self.keys, commitment: self.applicant_nonce.commitment() };
        self.enrolments.introduce(self.offered.token.hash(), introduction, NOW, &mut self.random)
    }

    fn transcript(&self, introduced: &Introduced) -> Transcript {
        Transcript {
            enrolment: introduced.enrolment,
            applicant: Applicant::Gate,
            name: introduced.name,
            root: ROOT,
            keys: self.keys,
            registrar_nonce: introduced.nonce,
            applicant_nonce: self.applicant_nonce,
        }
    }
}

#[test]
fn the_right_digits_lead_to_the_sealed_subkeys() {
    let mut dialogue = offered();
    let introduced = dialogue.introduce().unwrap();
    let (id, enrolments) = (introduced.enrolment, &dialogue.enrolments);
    assert_eq!(enrolments.progress(EVENT, id, NOW), Ok(Progress::Waiting));
    enrolments.reveal(id, dialogue.applicant_nonce, ROOT, NOW).unwrap();
    enrolments.reveal(id, dialogue.applicant_nonce, ROOT, NOW).unwrap();
    assert_eq!(enrolments.progress(EVENT, id, NOW), Ok(Progress::ShowsCode(introduced.name)));
    let digits = dialogue.transcript(&introduced).short_code().to_string();
    let compared = enrolments.compare((EVENT, Applicant::Gate), id, &digits, NOW).unwrap();
    assert_eq!(enrolments.result(id, NOW), Ok(None));
    drop(compared);
    enrolments.settle(id, Some(vec![1, 2]), NOW);
    assert_eq!(enrolments.result(id, NOW), Ok(Some(confirmed(&[1, 2]))));
    assert_eq!(enrolments.progress(EVENT, id, NOW), Ok(Progress::Confirmed(introduced.name)));
}

#[test]
fn wrong_digits_end_the_offer() {
    let mut dialogue = offered();
    let introduced = dialogue.introduce().unwrap();
    let (id, enrolments) = (introduced.enrolment, &dialogue.enrolments);
    enrolments.reveal(id, dialogue.applicant_nonce, ROOT, NOW).unwrap();
    let right = dialogue.transcript(&introduced).short_code().to_string();
    let wrong = if right == "000 000" { "000 001" } else { "000 000" };
    assert_eq!(enrolments.compare((EVENT, Applicant::Gate), id, "12", NOW).unwrap_err(), EnrolmentRefusal::NotDigits);
    assert_eq!(
        enrolments.compare((EVENT, Applicant::Gate), id, wrong, NOW).unwrap_err(),
        EnrolmentRefusal::WrongDigits
    );
    assert_eq!(enrolments.compare((EVENT, Applicant::Gate), id, &right, NOW).unwrap_err(), EnrolmentRefusal::NoOffer);
}

#[test]
fn while_a_gate_is_confirmed_nobody_refuses_it_and_no_clock_ends_it() {
    let mut dialogue = offered();
    let introduced = dialogue.introduce().unwrap();
    let (id, enrolments) = (introduced.enrolment, &dialogue.enrolments);
    enrolments.reveal(id, dialogue.applicant_nonce, ROOT, NOW).unwrap();
    let digits = dialogue.transcript(&introduced).short_code().to_string();
    let wrong = if digits == "000 000" { "000 001" } else { "000 000" };
    enrolments.compare((EVENT, Applicant::Gate), id, &digits, NOW).unwrap();
    let late = NOW.after(ENROLMENT_LIFETIME);
    assert_eq!(enrolments.withdraw(EVENT, id, late), Err(EnrolmentRefusal::Order));
    assert_eq!(enrolments.compare((EVENT, Applicant::Gate), id, &digits, late).unwrap_err(), EnrolmentRefusal::Order);
    enrolments.settle(id, None, late);
    enrolments.compare((EVENT, Applicant::Gate), id, &digits, late).unwrap();
    enrolments.settle(id, Some(vec![3]), late);
    assert_eq!(enrolments.compare((EVENT, Applicant::Gate), id, wrong, late).unwrap_err(), EnrolmentRefusal::Order);
    enrolments.compare((EVENT, Applicant::Gate), id, &digits, late).unwrap();
    let fetched = enrolments.result(id, late.after(FETCHED_WITHIN / 2));
    assert_eq!(fetched, Ok(Some(confirmed(&[3]))), "confirmed in the last second, and still fetched");
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
    for _ in 1..OFFERS_MAX {
        enrolments.offer(EVENT, place(), NOW, &mut random).unwrap();
    }
    let refused = enrolments.offer(EVENT, place(), NOW, &mut random);
    assert_eq!(refused.unwrap_err(), EnrolmentRefusal::TooMany);
    enrolments.offer(EVENT, place(), NOW.after(ENROLMENT_LIFETIME), &mut random).unwrap();
}

#[test]
fn the_secret_of_an_offer_is_told_only_while_it_waits() {
    let mut dialogue = offered();
    let id = dialogue.offered.enrolment;
    let standing = |enrolments: &Enrolments| enrolments.standing_offer(EVENT, id, NOW).unwrap();
    let secret = |offer: StandingOffer| offer.token.map(|token| token.hash() == dialogue.offered.token.hash());
    assert_eq!(secret(standing(&dialogue.enrolments)), Some(true));
    let other = EventId::from_bytes([2; 16]);
    let refused = dialogue.enrolments.standing_offer(other, id, NOW).unwrap_err();
    assert_eq!(refused, EnrolmentRefusal::NoOffer);
    let introduced = dialogue.introduce().unwrap();
    let enrolments = &dialogue.enrolments;
    enrolments.reveal(id, dialogue.applicant_nonce, ROOT, NOW).unwrap();
    let shows = standing(enrolments);
    assert_eq!(shows.progress, Progress::ShowsCode(introduced.name));
    assert!(shows.token.is_none());
    let digits = dialogue.transcript(&introduced).short_code().to_string();
    drop(enrolments.compare((EVENT, Applicant::Gate), id, &digits, NOW).unwrap());
    enrolments.settle(id, Some(vec![1, 2]), NOW);
    let confirmed = standing(enrolments);
    assert_eq!(confirmed.progress, Progress::Confirmed(introduced.name));
    assert!(confirmed.token.is_none());
}
