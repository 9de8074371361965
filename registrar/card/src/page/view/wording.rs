//! The sentences, facts and buttons of every scene.

use kido_shared::wire::v1::registration::{EventSummary, TicketSummary};
use kido_web::words::Speech;

use super::{Button, Fact, Field, Form, Holder};
use crate::news::ticket_state;
use crate::page::scene::{About, Outcome, Scene};
use crate::problem::remedy::Remedy;
use crate::words::{Harmless, in_japan, say};

/// One language, and what the dialogue is about.
pub(super) struct Words<'w> {
    pub(super) speech: Speech<'w>,
    pub(super) about: Option<&'w About>,
}

impl Words<'_> {
    fn say(&self, key: &str) -> String {
        self.speech.say(key)
    }

    pub(super) fn heading(&self, scene: &Scene) -> String {
        match scene {
            Scene::Starting => self.say("page-starting"),
            Scene::Link => self.say("page-link"),
            Scene::Which => self.say("page-which"),
            Scene::Host(_) => self.say("page-host"),
            Scene::Asking => self.say("page-asking"),
            Scene::NoReader(trouble) => self.say(trouble.heading),
            Scene::PutCard(_) => self.say("page-put-card"),
            Scene::Reading => self.say("page-reading"),
            Scene::Pin(_) => self.say("page-pin"),
            Scene::PinAtReader(_) => self.say("page-pin-at-reader"),
            Scene::Signing => self.say("page-signing"),
            Scene::Sending => self.say("page-sending"),
            Scene::Trouble(told) => match told.tries {
                Some(tries) => self.speech.say_count(told.trouble.heading, "tries", tries.into()),
                None => self.say(told.trouble.heading),
            },
            Scene::Done(outcome) => self.say(match outcome.outcome {
                "bound" => "page-bound",
                "resumed" => "page-resumed",
                _shown => "page-shown",
            }),
            Scene::Closed => self.say("page-closed"),
        }
    }

    pub(super) fn lines(&self, scene: &Scene) -> Vec<String> {
        match scene {
            Scene::Starting | Scene::Asking | Scene::Reading => Vec::new(),
            Scene::Link => vec![self.say("page-link-next")],
            Scene::Which => vec![self.say("page-which-next")],
            Scene::Host(_) => vec![self.say("page-host-next")],
            Scene::NoReader(trouble) => vec![self.say(trouble.next)],
            Scene::PutCard(reader) => vec![
                self.say("page-put-card-next"),
                self.speech.say_of("page-put-card-reader", "reader", Harmless::of(reader).as_str()),
            ],
            Scene::Pin(_) => {
                let will = if self.about.is_some_and(|about| about.binds) { "page-pin-bind" } else { "page-pin-prove" };
                vec![self.say(will)]
            }
            Scene::PinAtReader(before) => {
                let will = if self.about.is_some_and(|about| about.binds) { "page-pin-bind" } else { "page-pin-prove" };
                let tries = self.speech.say_count("page-pin-at-reader-next", "tries", before.tries.get().into());
                vec![self.say(will), tries]
            }
            Scene::Signing => vec![self.say("page-signing-next")],
            Scene::Sending => vec![self.say("page-sending-next")],
            Scene::Trouble(told) => vec![self.say(told.trouble.next)],
            Scene::Done(outcome) => vec![self.say(match outcome.outcome {
                "bound" => "page-bound-next",
                "resumed" => "page-resumed-next",
                _shown => "page-shown-next",
            })],
            Scene::Closed => vec![self.say("page-closed-next")],
        }
    }

    pub(super) fn weighty(&self, scene: &Scene) -> Vec<String> {
        let harmless = |text: &str| Harmless::of(text).as_str().to_owned();
        match (scene, self.about) {
            (Scene::Host(origin), _) => vec![harmless(origin.host())],
            (Scene::Pin(_) | Scene::PinAtReader(_), Some(about)) => {
                let ticket = about.ticket.as_ref().map(|ticket| {
                    let places =
                        [("seat", ticket.seat_label.as_str().into()), ("entrance", ticket.zone.as_str().into())];
                    self.speech.say_with("page-place", &places)
                });
                let event = harmless(&about.event.name);
                [event].into_iter().chain(ticket).chain([harmless(about.origin.host())]).collect()
            }
            (_, _) => Vec::new(),
        }
    }

    /// What must not be overlooked.
    pub(super) fn notes(&self, scene: &Scene) -> Vec<String> {
        let Scene::Done(outcome) = scene else { return Vec::new() };
        let mut notes = Vec::new();
        if outcome.certificate_ends_before_event {
            notes.push(self.say("certificate-ends"));
        }
        if outcome.tickets.iter().any(|ticket| !ticket.paid) {
            notes.push(self.say("not-paid-yet"));
        }
        notes
    }

    pub(super) fn facts(&self, scene: &Scene) -> Vec<Vec<Fact>> {
        match (scene, self.about) {
            (Scene::Done(outcome), _) => self.outcome(outcome),
            (_, Some(about)) => {
                let mut facts = self.event(&about.event);
                facts.extend(about.ticket.iter().flat_map(|ticket| self.ticket(ticket)));
                facts.push(self.fact("page-fact-address", about.origin.as_str()));
                vec![facts]
            }
            (_, None) => Vec::new(),
        }
    }

    fn outcome(&self, outcome: &Outcome) -> Vec<Vec<Fact>> {
        let mut event = self.event(&outcome.event);
        if let [only] = outcome.tickets.as_slice() {
            event.extend(self.with_state(only));
            return vec![event];
        }
        let tickets = outcome.tickets.iter().map(|ticket| self.with_state(ticket));
        core::iter::once(event).chain(tickets).collect()
    }

    fn event(&self, event: &EventSummary) -> Vec<Fact> {
        let starts = in_japan(event.starts_at);
        vec![self.fact("page-fact-event", &event.name), self.fact("page-fact-starts", &starts)]
    }

    fn ticket(&self, ticket: &TicketSummary) -> Vec<Fact> {
        vec![
            self.fact("page-fact-seat", ticket.seat_label.as_str()),
            self.fact("page-fact-entrance", ticket.zone.as_str()),
        ]
    }

    fn with_state(&self, ticket: &TicketSummary) -> Vec<Fact> {
        let mut facts = self.ticket(ticket);
        let state = self.speech.say_of("page-state", "state", ticket_state(ticket));
        facts.push(self.fact("page-fact-state", &state));
        let times = [("from", in_japan(ticket.valid_from)), ("until", in_japan(ticket.valid_until))];
        let fills = times.map(|(name, time)| (name, time.into()));
        facts.push(self.fact("page-fact-window", &self.speech.say_with("page-window", &fills)));
        facts
    }

    /// Values come from a registrar: they break no line and turn no reading direction.
    fn fact(&self, key: &str, value: &str) -> Fact {
        Fact { name: self.say(key), value: Harmless::of(value).as_str().to_owned() }
    }

    pub(super) fn form(&self, scene: &Scene) -> Option<Form> {
        let field = |kind, label: &str, help: &str| Some(Field { kind, label: self.say(label), help: self.say(help) });
        let send = |text: &str| Button { value: None, text: self.say(text) };
        let button = |value: &str, text: &str| Button { value: Some(value.to_owned()), text: self.say(text) };
        Some(match scene {
            Scene::Link => {
                Form { field: field("text", "page-link-field", "page-link-help"), buttons: vec![send("page-go-on")] }
            }
            Scene::Host(_) => Form {
                field: field("text", "page-host-field", "page-host-help"),
                buttons: vec![send("page-host-send")],
            },
            Scene::Which => Form {
                field: None,
                buttons: vec![button("show", "page-which-show"), button("resume", "page-which-resume")],
            },
            Scene::Pin(before) => {
                let binds = self.about.is_some_and(|about| about.binds);
                let text = if binds { "page-pin-send-bind" } else { "page-pin-send" };
                let label = self.speech.say_count("page-pin-field", "tries", before.tries.get().into());
                let field = Field { kind: "pin", label, help: self.say("page-pin-help") };
                Form { field: Some(field), buttons: vec![send(text)] }
            }
            Scene::Trouble(told) => Form { field: None, buttons: self.ways_on(&told.remedy)? },
            Scene::Done(outcome) => {
                let text = if outcome.holder_link.is_some() { "page-close" } else { "page-finish" };
                Form { field: None, buttons: vec![button("close", text)] }
            }
            Scene::Starting
            | Scene::Asking
            | Scene::NoReader(_)
            | Scene::PutCard(_)
            | Scene::Reading
            | Scene::PinAtReader(_)
            | Scene::Signing
            | Scene::Sending
            | Scene::Closed => return None,
        })
    }

    fn ways_on(&self, remedy: &Remedy) -> Option<Vec<Button>> {
        let again = |text: &str| Some(vec![Button { value: Some("again".to_owned()), text: self.say(text) }]);
        match remedy {
            Remedy::Card | Remedy::Dialogue => again("page-again"),
            Remedy::OtherCard | Remedy::DialogueWithOtherCard => again("page-again-other-card"),
            Remedy::Link => again("page-again-link"),
            Remedy::Reader(readers) => {
                let named = |name: &String| Button { value: Some(name.clone()), text: name.clone() };
                Some(readers.iter().map(named).collect())
            }
            Remedy::Nothing => None,
        }
    }

    pub(super) fn holder(&self, scene: &Scene) -> Option<Holder> {
        let Scene::Done(outcome) = scene else { return None };
        let link = outcome.holder_link.clone()?;
        Some(Holder { link, keep: self.say("page-holder-keep") })
    }

    pub(super) fn detail(&self, scene: &Scene) -> Vec<String> {
        match scene {
            Scene::Pin(before) | Scene::PinAtReader(before) => {
                let fills = [("label", before.label.into()), ("fingerprint", before.fingerprint.as_str().into())];
                vec![self.speech.say_with("will-sign", &fills), self.say("not-read")]
            }
            Scene::Trouble(told) => vec![say(self.speech, &told.detail)],
            Scene::Done(outcome) if outcome.revocation_unknown => vec![self.say("revocation-not-checked")],
            Scene::PutCard(_) => vec![self.say("not-read")],
            Scene::Starting
            | Scene::Link
            | Scene::Which
            | Scene::Host(_)
            | Scene::Asking
            | Scene::NoReader(_)
            | Scene::Reading
            | Scene::Signing
            | Scene::Sending
            | Scene::Done(_)
            | Scene::Closed => Vec::new(),
        }
    }
}
