//! Following: forward only, all or nothing, up to a verified head.

use proptest::prelude::*;

use super::*;

/// Both passes over a whole history; gives the numbers of the records that came out, range by range.
fn follow(from: Follower, head: &VerifiedHead, history: &[SealedRecord]) -> Result<(Follower, Vec<u64>), FeedError> {
    let cipher = cipher(head.reaches().epoch);
    let range = |number: u64| history.chunks(1_024).nth(usize::try_from(number).unwrap()).unwrap_or(&[]);
    let mut check = from.begin(head)?;
    while let Some(need) = check.need() {
        check.extend(need.cut(range(need.range))?)?;
    }
    let mut span = check.finish()?;
    let mut numbers = Vec::new();
    while let Some(need) = span.need() {
        let opened = span.open(need.cut(range(need.range))?, &cipher)?;
        numbers.extend(opened.iter().map(|(at, _)| at.get()));
        for (at, record) in opened {
            assert_eq!(record, ticket_record(at.get()), "each record at its own place");
        }
    }
    Ok((Follower::resume(EVENT, *span.position()), numbers))
}

#[test]
fn a_fresh_gate_follows_several_ranges_to_the_head() {
    let history = history(Epoch::FIRST, 2_500);
    let head = head_over(&history, Epoch::FIRST);
    let (follower, numbers) = follow(Follower::start(EVENT, Epoch::FIRST), &head, &history).unwrap();
    assert_eq!(*follower.position(), head.reaches());
    assert_eq!(numbers, (0..2_500).collect::<Vec<_>>());
}

#[test]
fn a_gate_goes_on_from_the_middle_of_a_range_that_has_grown() {
    let history = history(Epoch::FIRST, 2_100);
    let early = head_over(&history[..1_030], Epoch::FIRST);
    let (follower, _) = follow(Follower::start(EVENT, Epoch::FIRST), &early, &history).unwrap();
    let later = head_over(&history[..2_060], Epoch::FIRST);
    let (follower, numbers) = follow(follower, &later, &history).unwrap();
    assert_eq!(numbers, (1_030..2_060).collect::<Vec<_>>(), "nothing twice, nothing beyond the head");
    assert_eq!(*follower.position(), later.reaches());
    let need = follower.accept(&later).unwrap();
    assert_eq!(need.from, need.to);
}

#[test]
fn a_shortened_history_is_refused() {
    let history = history(Epoch::FIRST, 10);
    let (follower, _) =
        follow(Follower::start(EVENT, Epoch::FIRST), &head_over(&history, Epoch::FIRST), &history).unwrap();
    let shorter = head_over(&history[..9], Epoch::FIRST);
    assert_eq!(follower.accept(&shorter), Err(FeedError::Shortened { head: 9, followed: 10 }));
}

#[test]
fn a_forked_history_is_refused_at_the_same_length_and_beyond() {
    let one = history(Epoch::FIRST, 12);
    let mut other = one.clone();
    other[5] = cipher(Epoch::FIRST).seal(FeedSequence::new(5), &ticket_record(99)).unwrap();
    let start = Follower::start(EVENT, Epoch::FIRST);
    let (follower, _) = follow(start, &head_over(&one[..10], Epoch::FIRST), &one).unwrap();
    assert_eq!(follower.accept(&head_over(&other[..10], Epoch::FIRST)), Err(FeedError::Forked { length: 10 }));
    let longer = head_over(&other, Epoch::FIRST);
    assert!(follower.accept(&longer).is_ok(), "a longer one shows when its records arrive");
    assert_eq!(follow(follower, &longer, &other).map(|_| ()), Err(FeedError::Forked { length: 12 }));
}

#[test]
fn another_epoch_needs_the_roots_cut() {
    let (old, new) = (history(Epoch::FIRST, 10), history(Epoch::new(2), 4));
    let start = Follower::start(EVENT, Epoch::FIRST);
    let (follower, _) = follow(start, &head_over(&old, Epoch::FIRST), &old).unwrap();
    let head = head_over(&new, Epoch::new(2));
    let refused = FeedError::OtherEpoch { head: Epoch::new(2), followed: Epoch::FIRST };
    assert_eq!(follower.accept(&head), Err(refused));
    let cut = |epoch| {
        let signed = EpochCut { event: EVENT, epoch, at: NOW }.sign(&root()).unwrap();
        EpochCut::verify(signed.as_bytes(), &root().verifying_key(), EVENT).unwrap()
    };
    let anew = follower.cut(&cut(Epoch::new(2))).unwrap();
    let (anew, numbers) = follow(anew, &head, &new).unwrap();
    assert_eq!(numbers, [0, 1, 2, 3]);
    assert_eq!(anew.cut(&cut(Epoch::new(2))), Err(FeedError::CutNotForward { to: Epoch::new(2) }), "a replayed cut");
    assert!(anew.accept(&head_over(&old, Epoch::FIRST)).is_err(), "there is no way back");
}

#[test]
fn a_cut_of_another_root_or_event_or_one_that_was_altered_leads_nowhere() {
    let cut = EpochCut { event: EVENT, epoch: Epoch::new(2), at: NOW };
    let signed = cut.sign(&root()).unwrap();
    assert_eq!(*EpochCut::verify(signed.as_bytes(), &root().verifying_key(), EVENT).unwrap().cut(), cut);
    let refused = |bytes: &[u8], event| EpochCut::verify(bytes, &root().verifying_key(), event).map(|_| ());
    assert_eq!(refused(signed.as_bytes(), OTHER_EVENT), Err(FeedError::OtherEvent));
    let feed_keys = cut.sign(&feed_key()).unwrap();
    assert!(
        matches!(refused(feed_keys.as_bytes(), EVENT), Err(FeedError::Signature { .. })),
        "a feed key cuts nothing"
    );
    for place in 0..signed.as_bytes().len() {
        let mut altered = signed.as_bytes().to_vec();
        altered[place] ^= 1;
        assert!(refused(&altered, EVENT).is_err(), "byte {place}");
    }
    let other = EpochCut { event: OTHER_EVENT, ..cut }.sign(&root()).unwrap();
    let other = EpochCut::verify(other.as_bytes(), &root().verifying_key(), OTHER_EVENT).unwrap();
    assert_eq!(Follower::start(EVENT, Epoch::FIRST).cut(&other), Err(FeedError::OtherEvent));
    let first = EpochCut { epoch: Epoch::FIRST, ..cut };
    assert_eq!(first.sign(&root()), Err(FeedError::CutNotForward { to: Epoch::FIRST }));
}

#[test]
fn two_cuts_of_one_backup_never_share_an_epoch() {
    let once = EpochCut::after(EVENT, Epoch::FIRST, NOW);
    let again = EpochCut::after(EVENT, Epoch::FIRST, minutes(1));
    assert!(Epoch::FIRST < once.epoch && once.epoch < again.epoch);
    let clock_went_back = EpochCut::after(EVENT, again.epoch, NOW);
    assert!(clock_went_back.epoch > again.epoch);
    let no_clock = EpochCut::after(EVENT, Epoch::FIRST, Timestamp::from_unix_seconds(-5));
    assert!(no_clock.epoch > Epoch::FIRST);
}

#[test]
fn another_events_head_and_cipher_are_refused() {
    let history = history(Epoch::FIRST, 2);
    let head = head_over(&history, Epoch::FIRST);
    assert_eq!(Follower::start(OTHER_EVENT, Epoch::FIRST).accept(&head), Err(FeedError::OtherEvent));
    let start = Follower::start(EVENT, Epoch::FIRST);
    let other = RecordCipher::new(&RecordKey::from_bytes([5; 32]), OTHER_EVENT, Epoch::FIRST);
    assert_eq!(start.apply(&head, &history, &other), Err(FeedError::OtherEvent));
    let later = cipher(Epoch::new(1));
    let refused = FeedError::OtherEpoch { head: Epoch::FIRST, followed: Epoch::new(1) };
    assert_eq!(start.apply(&head, &history, &later), Err(refused));
}

#[test]
fn nothing_is_opened_before_the_chain_has_met_the_head() {
    let history = history(Epoch::FIRST, 1_100);
    let mut check = Follower::start(EVENT, Epoch::FIRST).begin(&head_over(&history, Epoch::FIRST)).unwrap();
    check.extend(&history[..1_024]).unwrap();
    assert_eq!(check.finish().map(|_| ()), Err(FeedError::Missing { missing: 76 }));
}

#[test]
fn records_are_taken_in_whole_ranges_only() {
    let history = history(Epoch::FIRST, 1_100);
    let mut check = Follower::start(EVENT, Epoch::FIRST).begin(&head_over(&history, Epoch::FIRST)).unwrap();
    let wrong = |got| Err(FeedError::RangeLength { wanted: 1_024, got });
    assert_eq!(check.extend(&history[..1_023]), wrong(1_023));
    assert_eq!(check.extend(&[]), wrong(0));
    assert_eq!(check.extend(&history), wrong(1_100));
    check.extend(&history[..1_024]).unwrap();
    check.extend(&history[1_024..]).unwrap();
    assert_eq!(check.extend(&history[..1]), Err(FeedError::RangeLength { wanted: 0, got: 1 }), "beyond the head");
}

#[test]
fn a_spool_damaged_between_the_passes_opens_no_record_of_that_range() {
    let history = history(Epoch::FIRST, 1_100);
    let mut check = Follower::start(EVENT, Epoch::FIRST).begin(&head_over(&history, Epoch::FIRST)).unwrap();
    check.extend(&history[..1_024]).unwrap();
    check.extend(&history[1_024..]).unwrap();
    let mut span = check.finish().unwrap();
    let mut damaged = history[..1_024].to_vec();
    damaged.swap(3, 4);
    let cipher = cipher(Epoch::FIRST);
    let before = *span.position();
    assert_eq!(span.open(&damaged, &cipher), Err(FeedError::Forked { length: 1_024 }));
    assert_eq!(*span.position(), before);
    assert_eq!(span.open(&history[..1_024], &cipher).unwrap().len(), 1_024, "the spool read again");
}

#[test]
fn one_bad_record_opens_none_of_its_range() {
    let mut history = history(Epoch::FIRST, 5);
    history[4] = SealedRecord::from_bytes(vec![9; 60]).unwrap();
    let head = head_over(&history, Epoch::FIRST);
    let applied = Follower::start(EVENT, Epoch::FIRST).apply(&head, &history, &cipher(Epoch::FIRST));
    assert_eq!(applied, Err(FeedError::Sealed { at: FeedSequence::new(4) }));
}

#[test]
fn a_connected_gate_applies_what_it_lacks_in_one_step() {
    let history = history(Epoch::FIRST, 7);
    let cipher = cipher(Epoch::FIRST);
    let start = Follower::start(EVENT, Epoch::FIRST);
    let (follower, _) = start.apply(&head_over(&history[..4], Epoch::FIRST), &history[..4], &cipher).unwrap();
    let head = head_over(&history, Epoch::FIRST);
    let (at_head, records) = follower.apply(&head, &history[4..], &cipher).unwrap();
    assert_eq!(records.iter().map(|(at, _)| at.get()).collect::<Vec<_>>(), [4, 5, 6]);
    assert_eq!(at_head.apply(&head, &[], &cipher).unwrap(), (at_head, Vec::new()), "a head that says nothing new");
    assert_eq!(follower.apply(&head, &[], &cipher), Err(FeedError::Missing { missing: 3 }));
}

#[test]
fn a_place_reads_back_from_a_store() {
    let place = FollowedTo::start(EVENT, Epoch::new(3)).extend_all(&history(Epoch::new(3), 2));
    let bytes = minicbor::to_vec(place).unwrap();
    assert_eq!(minicbor::decode::<FollowedTo>(&bytes).unwrap(), place);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_change_of_a_history_is_refused(from in 0_usize..30, place in 0_usize..30, byte: usize, bit in 0_u8..8) {
        let good = history(Epoch::FIRST, 30);
        let cipher = cipher(Epoch::FIRST);
        let start = Follower::start(EVENT, Epoch::FIRST);
        let (follower, _) = start.apply(&head_over(&good[..from], Epoch::FIRST), &good[..from], &cipher).unwrap();
        let mut bytes = good[place].as_bytes().to_vec();
        let byte = byte % bytes.len();
        bytes[byte] ^= 1 << bit;
        let mut bad = good.clone();
        bad[place] = SealedRecord::from_bytes(bytes).unwrap();
        let head = head_over(&good, Epoch::FIRST);
        let applied = follower.apply(&head, &bad[from..], &cipher);
        // What lies before the place is not looked at again, and need not be: it was verified then.
        prop_assert_eq!(applied.is_ok(), place < from);
    }

    #[test]
    fn a_follower_never_goes_back(lengths in proptest::collection::vec(0_usize..40, 1..12)) {
        let history = history(Epoch::FIRST, 40);
        let mut follower = Follower::start(EVENT, Epoch::FIRST);
        for length in lengths {
            let before = usize::try_from(follower.position().length).unwrap();
            let head = head_over(&history[..length], Epoch::FIRST);
            let missing = history.get(before..length).unwrap_or(&[]);
            match follower.apply(&head, missing, &cipher(Epoch::FIRST)) {
                Ok((next, opened)) => {
                    prop_assert_eq!(opened.len(), length - before);
                    follower = next;
                }
                Err(refused) => {
                    prop_assert!(length < before);
                    let (head, followed) = (u64::try_from(length).unwrap(), u64::try_from(before).unwrap());
                    prop_assert_eq!(refused, FeedError::Shortened { head, followed });
                }
            }
        }
    }

    #[test]
    fn a_follower_goes_forward_in_epochs_whatever_cuts_come(epochs in proptest::collection::vec(1_u64..9, 1..12)) {
        let mut follower = Follower::start(EVENT, Epoch::FIRST);
        for number in epochs {
            let (epoch, before) = (Epoch::new(number), follower.position().epoch);
            let signed = EpochCut { event: EVENT, epoch, at: NOW }.sign(&root()).unwrap();
            let cut = EpochCut::verify(signed.as_bytes(), &root().verifying_key(), EVENT).unwrap();
            let (records, without) = (history(epoch, 3), follower.accept(&head_over(&history(epoch, 3), epoch)));
            prop_assert_eq!(without.is_ok(), epoch == before);
            match follower.cut(&cut) {
                Ok(anew) => {
                    prop_assert!(epoch > before);
                    prop_assert_eq!(anew.position(), &FollowedTo::start(EVENT, epoch), "nothing of before is counted");
                    follower = anew.apply(&head_over(&records, epoch), &records, &cipher(epoch)).unwrap().0;
                }
                Err(refused) => {
                    prop_assert!(epoch <= before);
                    prop_assert_eq!(refused, FeedError::CutNotForward { to: epoch });
                }
            }
        }
    }
}
