//! A moment in words: everything that the page's script puts on the screen, and nothing else.
//!
//! Pure: a scene, what the dialogue is about, and a language go in. The script knows no scene by name.

mod wording;

use kido_web::words::Speech;
use serde::Serialize;
use zeroize::Zeroizing;

use super::scene::{About, Scene, Step, Told};
use wording::Words;

/// One name and its value, as a list of facts shows them.
#[derive(Debug, Serialize)]
pub(crate) struct Fact {
    name: String,
    value: String,
}

/// What the person is asked, and how they answer.
#[derive(Debug, Serialize)]
pub(crate) struct Form {
    /// What the field is, where there is one.
    field: Option<Field>,
    /// Buttons, the first one foremost; each answers with its value, or with the field's where it has none.
    buttons: Vec<Button>,
}

#[derive(Debug, Serialize)]
struct Field {
    /// `pin` shows nothing of what is typed; `text` does.
    kind: &'static str,
    label: String,
    help: String,
}

#[derive(Debug, Serialize)]
struct Button {
    value: Option<String>,
    text: String,
}

/// The holder's own link: the one secret that the page is given, for the one person it is for.
#[derive(Serialize)]
pub(crate) struct Holder {
    link: Zeroizing<String>,
    keep: String,
}

impl core::fmt::Debug for Holder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Holder(..)")
    }
}

/// One moment in words.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts about the screen that have nothing to do with each other"
)]
pub(crate) struct View {
    /// Counts up; an answer names the moment it answers.
    pub(crate) number: u64,
    scene: &'static str,
    step: Step,
    picture: &'static str,
    mark: &'static str,
    /// `plain`, `welcome`, `elsewhere` or `fault`.
    tone: &'static str,
    pub(crate) heading: String,
    pub(crate) lines: Vec<String>,
    /// What the person has to compare or agree to.
    weighty: Vec<String>,
    notes: Vec<String>,
    /// Groups of facts: the event and its ticket, then more tickets.
    facts: Vec<Vec<Fact>>,
    form: Option<Form>,
    holder: Option<Holder>,
    /// What is said small, for whoever is asked for help.
    detail: Vec<String>,
    rehearsal: bool,
    busy: bool,
    /// Whether the person may stop here.
    stops: bool,
    /// Whether this is the last moment: nothing comes after it.
    over: bool,
}

/// What a view is made of.
#[derive(Debug)]
pub(crate) struct Moment<'m> {
    pub(crate) number: u64,
    pub(crate) scene: &'m Scene,
    pub(crate) about: Option<&'m About>,
    pub(crate) over: bool,
}

impl View {
    /// Puts a moment into words.
    pub(crate) fn of(moment: &Moment<'_>, speech: Speech<'_>) -> Self {
        let Moment { number, scene, about, over } = moment;
        let words = Words { speech, about: *about };
        let picture = scene.picture();
        Self {
            number: *number,
            scene: scene.name(),
            step: scene.step(),
            picture: picture.base.name(),
            mark: picture.mark.name(),
            tone: tone(scene),
            heading: words.heading(scene),
            lines: words.lines(scene),
            weighty: words.weighty(scene),
            notes: words.notes(scene),
            facts: words.facts(scene),
            form: if *over { None } else { words.form(scene) },
            holder: words.holder(scene),
            detail: words.detail(scene),
            rehearsal: about.is_some_and(|about| about.event.rehearsal),
            busy: scene.is_busy(),
            stops: !over && may_stop(scene),
            over: *over,
        }
    }
}

/// Once the PIN is on its way to the card, or the proof to the registrar, stopping would only lose the answer; and a reader
/// that waits for a PIN hears nothing but its own keys.
const fn may_stop(scene: &Scene) -> bool {
    !matches!(scene, Scene::PinAtReader(_) | Scene::Signing | Scene::Sending | Scene::Done(_) | Scene::Closed)
}

const fn tone(scene: &Scene) -> &'static str {
    match scene {
        Scene::Done(_) => "welcome",
        Scene::Trouble(Told { trouble, .. }) | Scene::NoReader(trouble) => {
            if trouble.out_of_order {
                "fault"
            } else {
                "elsewhere"
            }
        }
        Scene::Starting
        | Scene::Link
        | Scene::Which
        | Scene::Host(_)
        | Scene::Asking
        | Scene::PutCard(_)
        | Scene::Reading
        | Scene::Pin(_)
        | Scene::PinAtReader(_)
        | Scene::Signing
        | Scene::Sending
        | Scene::Closed => "plain",
    }
}
