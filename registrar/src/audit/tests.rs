use core::time::Duration;

use kido_shared::clock::Timestamp;
use kido_shared::ids::TicketId;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn line(number: u64) -> AuditLine {
    AuditLine {
        at: NOW.after(Duration::from_secs(number)),
        role: Some("operator".to_owned()),
        label: "operator".to_owned(),
        door: Door::Api,
        deed: Deed::TicketSuspended,
        event: None,
        object: Object::Ticket(TicketId::from_bytes([7; 16])),
        refused: None,
    }
}

#[tokio::test]
async fn the_list_is_there_after_a_restart_the_newest_first_and_page_by_page() {
    let home = tempfile::tempdir().unwrap();
    let all = u64::try_from(LINES_PER_PAGE).unwrap() + 3;
    let audit = Audit::open(home.path()).unwrap();
    for number in 0..all {
        audit.write(line(number)).await.unwrap();
    }
    tokio::task::spawn_blocking(move || audit.close()).await.unwrap();
    let audit = Audit::open(home.path()).unwrap();
    let first = audit.page(None).unwrap();
    assert_eq!(first.lines.first(), Some(&line(all - 1)));
    assert_eq!(first.lines.len(), LINES_PER_PAGE);
    let second = audit.page(first.before).unwrap();
    assert_eq!(second.lines, [line(2), line(1), line(0)]);
    assert_eq!(second.before, None);
}

#[tokio::test]
async fn strangers_cannot_fill_the_disk_and_crowd_out_nobody() {
    let home = tempfile::tempdir().unwrap();
    let audit = Audit::open(home.path()).unwrap();
    let stranger = AuditLine { role: None, refused: Some("unknown_token".to_owned()), at: NOW, ..line(0) };
    for _ in 0..STRANGERS_PER_MINUTE + 5 {
        audit.write(stranger.clone()).await.unwrap();
    }
    audit.write(AuditLine { refused: Some("role".to_owned()), at: NOW, ..line(0) }).await.unwrap();
    audit.write(line(0)).await.unwrap();
    assert_eq!(audit.page(None).unwrap().lines.len(), usize::from(STRANGERS_PER_MINUTE) + 2);
    audit.write(AuditLine { at: NOW.after(Duration::from_secs(60)), ..stranger }).await.unwrap();
    let lines = audit.page(None).unwrap().lines;
    assert_eq!(lines.len(), usize::from(STRANGERS_PER_MINUTE) + 4, "a minute later");
    let counted: Vec<_> = lines.iter().filter(|line| line.deed == Deed::Unlisted).map(|line| &line.object).collect();
    assert_eq!(counted, [&Object::Count(5)], "what was not listed is counted");
}

#[tokio::test]
async fn one_token_in_a_loop_hides_nobody_elses_attempts() {
    let home = tempfile::tempdir().unwrap();
    let audit = Audit::open(home.path()).unwrap();
    let loud = AuditLine { label: "viewer".to_owned(), refused: Some("role".to_owned()), at: NOW, ..line(0) };
    for _ in 0..=REFUSED_PER_MINUTE {
        audit.write(loud.clone()).await.unwrap();
    }
    audit.write(AuditLine { label: "desk".to_owned(), ..loud }).await.unwrap();
    assert_eq!(audit.page(None).unwrap().lines.first().map(|line| line.label.clone()), Some("desk".to_owned()));
}

#[test]
fn a_changed_policy_is_told_choice_by_choice_and_its_name_is_not() {
    let (old, mut new) = (crate::testing::draft(), crate::testing::draft());
    assert_eq!(ChangedChoice::between(&old, &new), []);
    new.name = "another".to_owned();
    new.offline = kido_shared::policy::OfflineChoice::Admit;
    let changed = ChangedChoice::between(&old, &new);
    let told: Vec<_> =
        changed.iter().map(|one| (one.choice.as_str(), one.from.as_deref(), one.to.as_deref())).collect();
    assert_eq!(told, [("name", None, None), ("offline", Some("refuse"), Some("admit"))]);
}
