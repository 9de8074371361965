//! What an import holds, for whom and for how long.

use super::*;
use crate::office::By;

#[tokio::test]
async fn an_import_names_every_fault_then_gives_the_codes_as_the_command_line_does() {
    let served = Served::new();
    let event = served.event().await;
    let sales = Browser::signed_in(&served, Role::Sales).await;
    let base = format!("/console/events/{event}/import");
    let bad = CSV.replace("TICKET-1", "taro").replace("Row 2", "A very very long seat label of somebody");
    let faults = text(&sales.script(&served, &format!("{base}/read"), &bad).await);
    assert!(faults.contains("Line 2, ticket_ref:") && faults.contains("Line 3, seat_label:"), "{faults}");
    assert!(!faults.contains("taro") && !faults.contains("somebody"), "what stands there is not repeated");
    assert_eq!(sales.get(&served, &format!("{base}/codes.csv")).await.status, StatusCode::NOT_FOUND);

    let import = held(&text(&sales.script(&served, &format!("{base}/read"), CSV).await));
    let next = format!("{base}/next?import={import}");
    let early = sales.get(&served, &format!("{base}/codes.csv")).await;
    let over = text(&sales.script(&served, &next, "").await);
    assert!(over.contains("2 tickets were imported"), "{over}");
    let codes = sales.get(&served, &format!("{base}/codes.csv")).await;
    assert_eq!(codes.bytes, early.bytes, "saved before, the same after");
    assert!(codes.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let file = text(&codes);
    let mut lines = file.lines();
    assert_eq!(lines.next(), Some(crate::operator_files::codes_file::HEADER));
    for (line, reference) in lines.zip(["TICKET-1", "TICKET-2"]) {
        let (named, link) = line.split_once(',').unwrap();
        let code = link.strip_prefix("https://registrar.example/r#").unwrap();
        let hash = kido_shared::codes::Code::parse(code).unwrap().hash();
        let name = crate::store::TicketName::Reference(crate::domain::reference::TicketRef::parse(named).unwrap());
        let by_code = served.app.store.ticket_of_code(hash).unwrap().1.ticket;
        assert_eq!((named, by_code), (reference, served.app.store.ticket(event, &name).unwrap().ticket));
    }
    let print = sales.read(&served, &format!("{base}/print")).await;
    assert!(print.contains("TICKET-2") && print.contains("/r#"));
    let taken = deeds(&served).into_iter().filter(|(deed, _)| *deed == Deed::CodesTaken).count();
    assert_eq!(taken, 3, "twice as a file, once on paper");

    sales.post(&served, &format!("{base}/forget"), &[("import", &import)]).await;
    let import = held(&text(&sales.script(&served, &format!("{base}/read"), CSV).await));
    let again = text(&sales.script(&served, &format!("{base}/next?import={import}"), "").await);
    assert!(again.contains("Line 2:") && again.contains("Line 3:"), "{again}");
    assert_eq!(text(&sales.get(&served, &format!("{base}/codes.csv")).await).lines().count(), 1, "no dead link");
    sales.post(&served, &format!("{base}/forget"), &[("import", &import)]).await;
    assert_eq!(sales.get(&served, &format!("{base}/codes.csv")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_with_faults_loses_no_choice() {
    let served = Served::new();
    let event = served.event().await;
    let sales = Browser::signed_in(&served, Role::Sales).await;
    let read = format!("/console/events/{event}/import/read");
    let reserved = text(&sales.script(&served, &format!("{read}?reserved=true"), "nothing").await);
    assert!(reserved.contains("type=\"checkbox\" checked"), "{reserved}");
    assert!(!text(&sales.script(&served, &read, "nothing").await).contains("checked"));
}

#[tokio::test]
async fn a_file_is_not_read_over_an_import_that_is_held() {
    let served = Served::new();
    let (one, other) = (served.event().await, served.event().await);
    let [here, there] = [one, other].map(|event| format!("/console/events/{event}/import"));
    let sales = Browser::signed_in(&served, Role::Sales).await;
    let first = held(&text(&sales.script(&served, &format!("{here}/read"), CSV).await));
    for base in [&here, &there] {
        let refused = sales.script(&served, &format!("{base}/read"), CSV).await;
        assert_eq!((refused.status, held(&text(&refused))), (StatusCode::CONFLICT, first.clone()));
    }
    let elsewhere = sales.read(&served, &there).await;
    assert!(elsewhere.contains("are still held") && elsewhere.contains(&format!("href=\"{here}\"")), "{elsewhere}");
    let second_screen = Browser::signed_in(&served, Role::Sales).await;
    let seen = second_screen.read(&served, &here).await;
    assert!(seen.contains("Another screen") && !seen.contains("import/codes.csv"), "{seen}");
    assert_eq!(second_screen.get(&served, &format!("{here}/codes.csv")).await.status, StatusCode::NOT_FOUND);
    second_screen.post(&served, &format!("{here}/forget"), &[("import", "999")]).await;
    assert_eq!(held(&sales.read(&served, &here).await), first, "another one was meant");
    second_screen.post(&served, &format!("{here}/forget"), &[("import", &first)]).await;
    let second = held(&text(&sales.script(&served, &format!("{there}/read"), CSV).await));
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_page_of_a_forgotten_import_moves_no_other() {
    let served = Served::new();
    let event = served.event().await;
    let base = format!("/console/events/{event}/import");
    let sales = Browser::signed_in(&served, Role::Sales).await;
    let old = held(&text(&sales.script(&served, &format!("{base}/read"), CSV).await));
    sales.post(&served, &format!("{base}/forget"), &[("import", &old)]).await;
    let new = held(&text(&sales.script(&served, &format!("{base}/read"), CSV).await));
    for step in [format!("{base}/next?import={old}"), format!("{base}/next")] {
        let shown = sales.script(&served, &step, "").await;
        assert_eq!((shown.status, held(&text(&shown))), (StatusCode::CONFLICT, new.clone()));
    }
    assert_eq!(served.app.store.event(event).unwrap().counts.unbound, 0, "nothing was imported");
    let codes = |import: &str| format!("{base}/codes.csv?import={import}");
    assert_eq!(sales.get(&served, &codes(&old)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(sales.get(&served, &codes(&new)).await.status, StatusCode::OK);
    sales.script(&served, &format!("{base}/next?import={new}"), "").await;
    assert_eq!(served.app.store.event(event).unwrap().counts.unbound, 2);
    assert_eq!(deeds(&served).iter().filter(|(deed, _no)| *deed == Deed::CodesTaken).count(), 1, "who got them");
}

#[tokio::test]
async fn a_file_is_not_read_before_there_is_room_for_it() {
    let served = Served::new();
    let event = served.event().await;
    let path = format!("/console/events/{event}/import/read");
    let sales = Browser::signed_in(&served, Role::Sales).await;
    let (name, _bearer) = served.app.tokens.sign_in(&token(Role::Sales), served.app.now()).unwrap();
    let place = served.app.clerks.readings.begin(name).unwrap();
    let busy = sales.script(&served, &path, "not a table at all").await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(busy.headers.contains_key(header::RETRY_AFTER));
    assert!(text(&busy).contains("Other files are being read just now"), "{}", text(&busy));
    drop(place);
    assert_eq!(sales.script(&served, &path, CSV).await.status, StatusCode::OK);
    assert!(served.app.clerks.readings.begin(name).is_some(), "the place is free again");
}

#[tokio::test]
async fn the_codes_of_an_ended_token_are_swept() {
    let served = Served::new();
    let event = served.event().await;
    let base = format!("/console/events/{event}/import");
    let sales = Browser::signed_in(&served, Role::Sales).await;
    sales.script(&served, &format!("{base}/read"), CSV).await;
    let (name, _bearer) = served.app.tokens.sign_in(&token(Role::Sales), served.app.now()).unwrap();
    served.app.clerks.sweep(served.app.now(), &served.app.tokens);
    assert!(served.app.clerks.sessions().import_of(name).is_some());
    served.app.tokens.remove("sales").unwrap();
    served.app.clerks.sweep(served.app.now(), &served.app.tokens);
    assert!(served.app.clerks.sessions().import_of(name).is_none());
}

#[tokio::test]
async fn a_deleted_event_takes_its_import_along() {
    let served = Served::new();
    let (gone, other) = (served.event().await, served.event().await);
    served.registrar.clock.set(crate::testing::draft().retention_at);
    let sales = Browser::signed_in(&served, Role::Sales).await;
    held(&text(&sales.script(&served, &format!("/console/events/{gone}/import/read"), CSV).await));
    let there = format!("/console/events/{other}/import");
    assert!(sales.read(&served, &there).await.contains("are still held"));
    let (_token, bearer) = served.app.tokens.sign_in(&token(Role::Operator), served.app.now()).unwrap();
    served.app.forget_event(&By { bearer, door: Door::Api }, gone).await.unwrap();
    let page = sales.read(&served, &there).await;
    assert!(!page.contains("are still held"), "{page}");
    let read = sales.script(&served, &format!("{there}/read"), CSV).await;
    assert_eq!(read.status, StatusCode::OK, "{}", text(&read));
}
