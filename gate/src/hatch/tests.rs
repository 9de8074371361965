use std::os::unix::fs::FileTypeExt as _;

use kido_shared::carried::UnverifiedJournalFile;
use kido_shared::ids::EventId;
use tokio::task::JoinHandle;

use super::*;
use crate::carried::tests::{admit, file, parts};
use crate::replica::tests::{Feed, NOW};

/// A gate with its hatch open; shut when dropped.
struct Running {
    folder: DataFolder,
    parts: Parts,
    serving: JoinHandle<()>,
    _home: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn running(feed: &Feed) -> Running {
    let home = tempfile::tempdir().unwrap();
    // Longer than the name of a socket may be.
    let folder = DataFolder::at(&home.path().join("a-folder-with-a-long-name".repeat(6)));
    folder.create().unwrap();
    let parts = parts(&folder, feed);
    let serving = tokio::spawn(Hatch::open(&folder).unwrap().serve(parts.clone()));
    Running { folder, parts, serving, _home: home }
}

fn asking(running: &Running) -> Asking {
    Asking::at(&running.folder).unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gate_takes_a_feed_file_and_the_same_again() {
    let feed = Feed::with_tickets(700);
    let gate = running(&feed);
    let file = file(&feed, NOW);
    let taken = asking(&gate).import(file.as_slice()).await.unwrap();
    assert_eq!((taken.new, taken.here), (feed.reached.length, feed.reached.length));
    assert_eq!(gate.parts.replica.position(), feed.reached);
    assert_eq!(asking(&gate).import(file.as_slice()).await.unwrap().new, 0);
    assert_eq!(gate.parts.clock.heard(), None, "a file tells no time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gate_refuses_with_its_reason_and_goes_on() {
    let feed = Feed::with_tickets(700);
    let gate = running(&feed);
    let right = file(&feed, NOW);
    let foreign = file(&Feed::new(EventId::from_bytes([0xE2; 16])), NOW);
    let mut altered = right.clone();
    *altered.last_mut().unwrap() ^= 1;
    // One that is refused at its first byte, and is much longer than a socket's buffer.
    let long = vec![b'x'; 4 * 1024 * 1024];
    let wrong: [(&[u8], &str); 4] = [
        (&right[..right.len() - 1], "not complete"),
        (&altered, "the chain differs from the signed one"),
        (&foreign, "the file is of event"),
        (&long, "this is no feed file"),
    ];
    for (file, why) in wrong {
        let refused = asking(&gate).import(file).await.unwrap_err();
        assert!(matches!(&refused, HatchError::Refused(reason) if reason.to_string().contains(why)), "{refused:?}");
        assert_eq!(gate.parts.replica.position().length, 0, "{why}");
    }
    asking(&gate).import(right.as_slice()).await.unwrap();
    assert_eq!(gate.parts.replica.position(), feed.reached);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gate_hands_its_journal_out() {
    let gate = running(&Feed::with_tickets(5));
    let (nothing, file) = asking(&gate).journal(JournalWanted::Facts).await.unwrap();
    assert_eq!((nothing.bytes, file.len()), (0, 0));
    for number in 0..3 {
        admit(&gate.parts.journal, number).await;
    }
    let (written, file) = asking(&gate).journal(JournalWanted::Facts).await.unwrap();
    assert_eq!((written.admissions, written.bytes), (3, file.len()));
    let key = gate.parts.identity.keys().signing().verifying_key();
    assert_eq!(UnverifiedJournalFile::read(&file).unwrap().verify(&key).unwrap().admissions.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gate_says_how_it_stands() {
    let feed = Feed::with_tickets(5);
    let gate = running(&feed);
    let empty = asking(&gate).standing().await.unwrap();
    assert_eq!((empty.records, empty.admits_up_to_s, empty.arbiter), (0, None, AskedAt::Unknown));
    asking(&gate).import(file(&feed, NOW).as_slice()).await.unwrap();
    let followed = asking(&gate).standing().await.unwrap();
    assert_eq!((followed.records, followed.delivered), (feed.reached.length, Some(true)));
    assert!(followed.admits_up_to_s.is_some() && !followed.revoked);
    admit(&gate.parts.journal, 0).await;
    assert_eq!(asking(&gate).standing().await.unwrap().delivered, Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_something_else_or_leaves_at_once_ends_nothing() {
    let gate = running(&Feed::with_tickets(5));
    for said in ["import 2\n", "\n", "", "a line that is much longer than any request is\n"] {
        let stream = through(gate.folder.path(), |short| std::os::unix::net::UnixStream::connect(short)).unwrap();
        io::Write::write_all(&mut &stream, said.as_bytes()).unwrap();
        drop(stream);
    }
    assert_eq!(asking(&gate).journal(JournalWanted::Facts).await.unwrap().0.bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hatch_is_its_users_alone_and_gone_with_the_gate() {
    let gate = running(&Feed::with_tickets(5));
    let path = gate.folder.path().join(NAME);
    let socket = fs::metadata(&path).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    gate.serving.abort();
    while !gate.serving.is_finished() {
        tokio::task::yield_now().await;
    }
    assert!(!path.exists());
    assert!(Asking::at(&gate.folder).unwrap().is_none(), "nobody is there");
    // What a killed gate leaves is in nobody's way.
    drop(std::os::unix::net::UnixListener::bind(gate.folder.path().parent().unwrap().join("left")).unwrap());
    fs::rename(gate.folder.path().parent().unwrap().join("left"), &path).unwrap();
    assert!(Asking::at(&gate.folder).unwrap().is_none());
    let again = tokio::spawn(Hatch::open(&gate.folder).unwrap().serve(gate.parts.clone()));
    assert_eq!(asking(&gate).journal(JournalWanted::Facts).await.unwrap().0.bytes, 0);
    again.abort();
}
