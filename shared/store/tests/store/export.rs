//! Out and in again.

use kido_store::{StoreError, StoreIdentity, import};

use crate::pairs::{IDENTITY, entries, facts, open, put};

fn exported() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    for fact in ["a=1", "b=2", "-a", "c=3"] {
        put(&store, fact);
    }
    let mut export = Vec::new();
    assert_eq!(store.export(&mut export).unwrap(), store.head());
    export
}

#[test]
fn an_import_holds_the_same_facts_and_the_same_head() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let (store, _) = open(&from);
    for n in 0..600 {
        put(&store, &format!("k{n}=v{n}"));
    }
    let mut export = Vec::new();
    store.export(&mut export).unwrap();
    assert_eq!(import(&to, IDENTITY, &mut export.as_slice()).unwrap(), store.head());
    let (imported, opened) = open(&to);
    assert_eq!(opened.head, store.head());
    assert_eq!((facts(&imported), entries(&imported)), (facts(&store), entries(&store)));
}

#[test]
fn an_export_cut_anywhere_is_refused() {
    let export = exported();
    for length in 0..export.len() {
        let folder = tempfile::tempdir().unwrap();
        assert!(import(folder.path(), IDENTITY, &mut &export[..length]).is_err(), "{length} bytes");
        assert!(!folder.path().join("facts.log").exists());
    }
}

#[test]
fn an_export_with_any_flipped_bit_or_a_longer_one_is_refused() {
    let export = exported();
    let folder = tempfile::tempdir().unwrap();
    for at in 0..export.len() {
        let mut flipped = export.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(import(folder.path(), IDENTITY, &mut flipped.as_slice()).is_err(), "byte {at}");
    }
    let longer = [export.as_slice(), b"x"].concat();
    assert!(import(folder.path(), IDENTITY, &mut longer.as_slice()).is_err());
    assert!(
        import(folder.path(), IDENTITY, &mut export.as_slice()).is_ok(),
        "what failed before left nothing in the way"
    );
}

#[test]
fn an_import_needs_a_fresh_folder_and_the_right_store() {
    let export = exported();
    let folder = tempfile::tempdir().unwrap();
    let other = import(folder.path(), StoreIdentity::new([1; 16]), &mut export.as_slice());
    assert!(matches!(other, Err(StoreError::OtherIdentity)));
    import(folder.path(), IDENTITY, &mut export.as_slice()).unwrap();
    let again = import(folder.path(), IDENTITY, &mut export.as_slice());
    assert!(matches!(again, Err(StoreError::NotFresh { .. })));
    let (_store, _) = open(folder.path());
    assert!(matches!(import(folder.path(), IDENTITY, &mut export.as_slice()), Err(StoreError::InUse { .. })));
}
