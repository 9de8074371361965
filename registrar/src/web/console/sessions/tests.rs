use core::time::Duration;

use kido_shared::wire::v1::operator::{AddToken, Role, TokenLife};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::auth::tokens::BearerToken;
use crate::operator_files::ticket_table;
use crate::store::{ImportOutcome, RowRefusal};
use crate::web::console::session::{IDLE, LIFETIME};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

const SECOND: Duration = Duration::from_secs(1);

fn tokens() -> (tempfile::TempDir, Tokens, [TokenName; 2]) {
    let home = tempfile::tempdir().unwrap();
    let [one, other] = [1, 2].map(|seed| BearerToken::generate(&mut StdRng::seed_from_u64(seed)));
    let tokens = Tokens::create(home.path().join("tokens.json"), &one).unwrap();
    let token =
        AddToken { role: Role::Viewer, label: "wall".to_owned(), token_hash: other.hash(), life: TokenLife::Never };
    tokens.add(token, NOW).unwrap();
    let names = [one, other].map(|token| tokens.sign_in(&token.reveal(), NOW).unwrap().0);
    (home, tokens, names)
}

fn judged(rows: usize) -> Judged {
    let mut file = format!("{}\n", ticket_table::COLUMNS.join(","));
    for row in 0..rows {
        file.push_str(&format!("TICKET-{row},ORDER-1,A,,2027-01-10T17:00:00Z,2027-01-10T22:00:00Z,1,\n"));
    }
    Judged::read(file.as_bytes(), 10, &mut StdRng::seed_from_u64(3)).unwrap()
}

const EVENT: EventId = EventId::from_bytes([1; 16]);

#[test]
fn a_session_ends_by_silence_and_in_any_case() {
    let (mut sessions, mut random) = (Sessions::default(), StdRng::seed_from_u64(2));
    let (_home, _tokens, [token, _]) = tokens();
    let name = sessions.begin(token, NOW, &mut random).hash();
    let mut now = NOW;
    while now.since(NOW) < LIFETIME {
        assert!(sessions.get(&name, now).is_some());
        sessions.touch(&name, now);
        now = now.after(IDLE / 2);
    }
    assert!(sessions.get(&name, now).is_none(), "a day's work is over");
    let silent = sessions.begin(token, NOW, &mut random).hash();
    assert!(sessions.get(&silent, NOW.after(IDLE)).is_none());
}

#[test]
fn a_token_in_a_loop_puts_out_nobody_else_and_not_its_own_import() {
    let (mut sessions, mut random) = (Sessions::default(), StdRng::seed_from_u64(2));
    let (_home, _tokens, [operator, viewer]) = tokens();
    let other = sessions.begin(operator, NOW, &mut random).hash();
    let holds = sessions.begin(viewer, NOW, &mut random).hash();
    sessions.hold(&holds, (EVENT, true, judged(1)), NOW).unwrap();
    let first = sessions.begin(viewer, NOW.after(SECOND), &mut random).hash();
    let second = sessions.begin(viewer, NOW.after(2 * SECOND), &mut random).hash();
    let later = NOW.after(Duration::from_secs(60));
    for _ in 3..=SESSIONS_PER_TOKEN {
        sessions.begin(viewer, later, &mut random);
    }
    assert!(sessions.get(&other, later).is_some() && sessions.get(&holds, later).is_some());
    assert!(sessions.get(&first, later).is_none(), "its own that was silent longest");
    assert!(sessions.get(&second, later).is_some());
    assert_eq!(sessions.sessions.len(), SESSIONS_PER_TOKEN + 1);
}

#[test]
fn one_token_signs_in_so_often_within_a_minute() {
    let (mut sessions, (_home, _tokens, [one, other])) = (Sessions::default(), tokens());
    for _ in 0..SIGN_INS_PER_MINUTE {
        sessions.count_sign_in(one, NOW).unwrap();
    }
    assert_eq!(sessions.count_sign_in(one, NOW), Err(TooOften));
    sessions.count_sign_in(other, NOW).unwrap();
    sessions.count_sign_in(one, NOW.after(Duration::from_secs(60))).unwrap();
}

#[test]
fn a_token_holds_one_import_and_nothing_replaces_it() {
    let (mut sessions, mut random) = (Sessions::default(), StdRng::seed_from_u64(2));
    let (_home, _tokens, [token, other]) = tokens();
    let [one, two] = [0, 1].map(|_| sessions.begin(token, NOW, &mut random).hash());
    let held = sessions.hold(&one, (EVENT, true, judged(1)), NOW).unwrap();
    for name in [one, two] {
        assert_eq!(sessions.hold(&name, (EVENT, true, judged(1)), NOW).unwrap_err(), NotHeld::Another);
    }
    assert!(sessions.forget(other, held.id()).is_none(), "nobody else's");
    assert!(sessions.forget(token, held.id()).is_some(), "from whichever screen");
    let next = sessions.hold(&two, (EVENT, true, judged(1)), NOW).unwrap();
    assert_ne!(next.id(), held.id());
    assert!(sessions.forget(token, held.id()).is_none(), "an old page forgets no newer import");
}

#[test]
fn what_nobody_may_see_any_more_is_swept() {
    let (clerks, mut random) = (Clerks::default(), StdRng::seed_from_u64(2));
    let (_home, tokens, [operator, viewer]) = tokens();
    let mut sessions = clerks.sessions();
    let kept = sessions.begin(operator, NOW, &mut random).hash();
    let ended = sessions.begin(viewer, NOW, &mut random).hash();
    let import = sessions.hold(&kept, (EVENT, true, judged(1)), NOW).unwrap();
    let weak = Arc::downgrade(&sessions.hold(&ended, (EVENT, true, judged(1)), NOW).unwrap());
    drop(sessions);
    tokens.remove("wall").unwrap();
    clerks.sweep(NOW, &tokens);
    assert_eq!(clerks.sessions().sessions.len(), 1, "its token is ended");
    assert!(weak.upgrade().is_none(), "its codes are wiped");
    import.note(0, &[ImportOutcome::Refused(RowRefusal::Different)], NOW);
    let mut now = NOW;
    for (minutes, held) in [(20, true), (40, true), (60, false)] {
        now = NOW.after(Duration::from_secs(60 * minutes));
        clerks.sweep(now, &tokens);
        clerks.sessions().touch(&kept, now);
        assert_eq!(clerks.sessions().get(&kept, now).unwrap().import().is_some(), held, "{minutes}");
    }
    clerks.sweep(now.after(IDLE), &tokens);
    assert!(clerks.sessions().sessions.is_empty());
}

#[test]
fn all_imports_together_have_a_bound() {
    assert!(fits(0, ROWS_MAX) && fits(3 * ROWS_MAX, ROWS_MAX));
    assert!(!fits(3 * ROWS_MAX + 1, ROWS_MAX) && !fits(usize::MAX, 1));
}
