//! A store in memory keeps what one on a disk keeps, and no more: it is what simulations rest on.

use kido_store::{HeldFolder, IndexLoss, IndexOpened, Opened, RebuildReason, Store};

use crate::pairs::{IDENTITY, Pairs, entries, facts, open, put, try_put};

const FACTS: [&str; 6] = ["a=1", "b=2", "-a", "c=3", "b=4", "d=5"];

fn open_held(folder: &HeldFolder) -> (Store, Opened) {
    Store::open_held(folder, IDENTITY, Pairs).unwrap()
}

fn put_all(store: &Store, new_facts: &[&str]) {
    for fact in new_facts {
        put(store, fact);
    }
}

fn held_with(new_facts: &[&str]) -> HeldFolder {
    let folder = HeldFolder::new();
    let (store, opened) = open_held(&folder);
    assert!(opened.created);
    put_all(&store, new_facts);
    folder
}

#[test]
fn a_store_in_memory_holds_what_one_in_a_folder_holds() {
    let on_disk = tempfile::tempdir().unwrap();
    let (disk, _) = open(on_disk.path());
    put_all(&disk, &FACTS);
    let folder = held_with(&FACTS);
    let (held, opened) = open_held(&folder);
    assert_eq!((held.head(), facts(&held), entries(&held)), (disk.head(), facts(&disk), entries(&disk)));
    assert_eq!((opened.index, opened.torn_bytes, opened.created), (IndexOpened::Verified, 0, false));
    let copy = folder.copy().unwrap();
    put(&held, "e=6");
    assert_eq!(entries(&open_held(&copy).0), entries(&disk), "a backup does not grow");
}

#[test]
fn a_power_cut_at_any_byte_of_a_write_leaves_all_of_it_or_nothing_and_tells_nobody() {
    let whole = entries(&open_held(&held_with(&["a=1", "b=2"])).0);
    let before = entries(&open_held(&held_with(&["a=1"])).0);
    for bytes in 0..80 {
        let folder = held_with(&["a=1"]);
        let (store, _) = open_held(&folder);
        folder.cut_power_at_next_write(bytes);
        try_put(&store, "b=2").unwrap_err();
        assert!(!folder.awaits_cut());
        try_put(&store, "c=3").unwrap_err();
        drop(store);
        let (store, opened) = open_held(&folder);
        let found = entries(&store);
        assert!(found == before || found == whole, "{bytes}: {found:?}");
        assert_eq!(found == whole, opened.index == IndexOpened::CaughtUp { facts: 1 }, "{bytes}: {opened:?}");
        put(&store, "c=3");
    }
}

#[test]
fn an_index_in_memory_that_lost_anything_is_brought_to_where_the_log_is() {
    let folder = held_with(&FACTS[..3]);
    let older = folder.copy().unwrap();
    let (store, _) = open_held(&folder);
    put_all(&store, &FACTS[3..]);
    let all = entries(&store);
    drop(store);
    folder.take_index_of(&older);
    assert_eq!(open_held(&folder).1.index, IndexOpened::CaughtUp { facts: 3 });
    folder.lose_index(IndexLoss::Everything);
    assert_eq!(open_held(&folder).1.index, IndexOpened::Rebuilt(RebuildReason::Empty));
    for place in 0..8 {
        folder.lose_index(IndexLoss::OneEntry(place));
        let (store, opened) = open_held(&folder);
        assert!(matches!(opened.index, IndexOpened::Rebuilt(_)), "{place}: {opened:?}");
        assert_eq!(entries(&store), all, "{place}");
    }
}
