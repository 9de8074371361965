//! Every scene there is: its own picture, its own words, a next step, in both languages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kido_shared::card::PinTries;
use kido_shared::challenge::Origin;
use kido_web::language::Language;

use crate::page::picture::{Base, Mark};
use crate::page::scene::{About, Outcome, Scene, Told};
use crate::page::view::{Moment, View};
use crate::person::BeforePin;
use crate::problem::remedy::Remedy;
use crate::problem::trouble::{self, Trouble};
use crate::tests::around::{NOW, event, ticket};
use crate::words::{Line, Words};

fn origin() -> Origin {
    Origin::parse("https://tickets.example").unwrap()
}

fn outcome(outcome: &'static str, link: bool) -> Outcome {
    Outcome {
        outcome,
        event: event(),
        tickets: vec![ticket()],
        holder_link: link.then(|| zeroize::Zeroizing::new("https://tickets.example/t#CODE".to_owned())),
        certificate_ends_before_event: true,
        revocation_unknown: true,
    }
}

fn told(trouble: Trouble, remedy: Remedy) -> Scene {
    Scene::Trouble(Told { trouble, tries: Some(2), detail: Line::plain("problem-start"), remedy })
}

/// Every scene but the troubles.
fn plain() -> Vec<Scene> {
    vec![
        Scene::Starting,
        Scene::Link,
        Scene::Which,
        Scene::Host(origin()),
        Scene::Asking,
        Scene::PutCard("ACS ACR39U 00 00".to_owned()),
        Scene::Reading,
        Scene::Pin(BeforePin { tries: PinTries::new(3), label: "kido/v1/bind", fingerprint: "0011 2233".to_owned() }),
        Scene::PinAtReader(BeforePin {
            tries: PinTries::new(3),
            label: "kido/v1/bind",
            fingerprint: "0011 2233".to_owned(),
        }),
        Scene::Signing,
        Scene::Sending,
        Scene::Done(outcome("bound", true)),
        Scene::Done(outcome("resumed", true)),
        Scene::Done(outcome("shown", false)),
        Scene::Closed,
    ]
}

fn view(scene: &Scene, language: Language) -> View {
    let words = Words::compiled_in(language).unwrap().dictionary();
    let about = About { origin: origin(), binds: true, event: event(), ticket: Some(ticket()) };
    View::of(&Moment { number: 1, scene, about: Some(&about), over: false }, words.speak(language))
}

fn all() -> Vec<Scene> {
    let troubles = trouble::ALL.iter().map(|trouble| told(*trouble, Remedy::Card));
    plain().into_iter().chain(troubles).collect()
}

#[test]
fn every_scene_has_a_sentence_and_a_next_step_of_its_own_in_both_languages() {
    for language in Language::ALL {
        let mut headings = BTreeMap::new();
        for scene in all() {
            let view = view(&scene, language);
            let json = serde_json::to_value(&view).unwrap();
            assert!(!json.to_string().contains("page-"), "a word is missing: {json}");
            assert_eq!(headings.insert(view.heading.clone(), scene.name()), None, "{}", view.heading);
            let goes_on_by_itself = scene.is_busy();
            assert!(goes_on_by_itself || !view.lines.is_empty(), "{}: what now?", scene.name());
        }
    }
}

#[test]
fn every_trouble_has_a_picture_of_its_own() {
    let mut pictures = BTreeMap::new();
    for trouble in trouble::ALL {
        assert_eq!(pictures.insert(trouble.picture, trouble.name), None, "{}", trouble.name);
    }
    for scene in plain() {
        let picture = scene.picture();
        let taken = pictures.get(&picture).copied();
        // What is done looks the same whatever it was, and a page that was stopped is as closed as one that is done.
        assert!(taken.is_none() || matches!(scene, Scene::Closed), "{}: {taken:?}", scene.name());
    }
}

#[test]
fn every_picture_is_drawn_and_every_drawing_used() {
    let used: BTreeSet<_> = all().iter().map(Scene::picture).collect();
    for base in Base::ALL {
        assert!(used.iter().any(|picture| picture.base == base), "{base:?}");
        assert!(base.drawing().contains('<') && !base.drawing().contains("style"), "{base:?}");
    }
    for mark in Mark::ALL {
        assert!(used.iter().any(|picture| picture.mark == mark), "{mark:?}");
    }
    assert_eq!(Base::ALL.iter().map(|base| base.name()).collect::<BTreeSet<_>>().len(), Base::ALL.len());
    assert_eq!(Mark::ALL.iter().map(|mark| mark.name()).collect::<BTreeSet<_>>().len(), Mark::ALL.len());
}

#[test]
fn only_the_last_scene_of_a_registration_holds_the_link() {
    for scene in all() {
        let json = serde_json::to_string(&view(&scene, Language::En)).unwrap();
        let links = matches!(&scene, Scene::Done(outcome) if outcome.holder_link.is_some());
        assert_eq!(json.contains("t#CODE"), links, "{}", scene.name());
    }
}

#[test]
fn a_certificate_that_ends_too_soon_is_not_overlooked() {
    let json = serde_json::to_value(view(&Scene::Done(outcome("bound", true)), Language::En)).unwrap();
    assert!(json["notes"][0].as_str().unwrap().contains("ends before the event"), "{json}");
    assert!(json["facts"].to_string().contains("12-34"));
}

#[test]
fn several_readers_are_chosen_by_their_names_and_any_way_on_has_a_button() {
    let buttons = |remedy| {
        let json = serde_json::to_value(view(&told(trouble::ALL[0], remedy), Language::En)).unwrap();
        json["form"]["buttons"].clone()
    };
    let readers = buttons(Remedy::Reader(vec!["A 00".to_owned(), "B 00".to_owned()]));
    assert_eq!((readers[0]["value"].as_str(), readers[1]["value"].as_str()), (Some("A 00"), Some("B 00")));
    for remedy in [Remedy::Card, Remedy::OtherCard, Remedy::Dialogue, Remedy::DialogueWithOtherCard, Remedy::Link] {
        assert_eq!(buttons(remedy)[0]["value"], "again");
    }
    assert!(buttons(Remedy::Nothing).is_null());
}

#[test]
fn a_name_from_a_registrar_breaks_no_line() {
    let mut outcome = outcome("bound", false);
    outcome.event.name = "A\u{202E}B\nC".to_owned();
    outcome.event.starts_at = NOW.after(Duration::from_secs(60));
    let json = serde_json::to_string(&view(&Scene::Done(outcome), Language::En)).unwrap();
    assert!(json.contains("A B C"), "{json}");
}
