//! The pictures of the page: what it is about, and in one corner what about it.
//!
//! Drawn for Kido, 160 by 112, in the colour of the text around them. Beside each stands a sentence, so screen readers
//! pass over them.

/// What a picture is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Base {
    Card,
    OtherCard,
    Phone,
    Reader,
    ReaderCard,
    Readers,
    PutCard,
    TakeCard,
    Pin,
    Computer,
    Registrar,
    Certificate,
    Ticket,
    Link,
    Welcome,
}

/// What about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    None,
    Question,
    Exclamation,
    Plug,
    Stopped,
    Back,
    Turn,
    Wait,
    Later,
    Lock,
    One,
    Four,
    Desk,
    Full,
    Shield,
    People,
    Done,
    Keys,
}

/// One picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Picture {
    pub(crate) base: Base,
    pub(crate) mark: Mark,
}

impl Picture {
    /// With nothing in its corner.
    pub(crate) const fn plain(base: Base) -> Self {
        Self { base, mark: Mark::None }
    }
}

impl Base {
    /// All of them.
    pub(crate) const ALL: [Self; 15] = [
        Self::Card,
        Self::OtherCard,
        Self::Phone,
        Self::Reader,
        Self::ReaderCard,
        Self::Readers,
        Self::PutCard,
        Self::TakeCard,
        Self::Pin,
        Self::Computer,
        Self::Registrar,
        Self::Certificate,
        Self::Ticket,
        Self::Link,
        Self::Welcome,
    ];

    /// The name that the page's script finds it by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::OtherCard => "other-card",
            Self::Phone => "phone",
            Self::Reader => "reader",
            Self::ReaderCard => "reader-card",
            Self::Readers => "readers",
            Self::PutCard => "put-card",
            Self::TakeCard => "take-card",
            Self::Pin => "pin",
            Self::Computer => "computer",
            Self::Registrar => "registrar",
            Self::Certificate => "certificate",
            Self::Ticket => "ticket",
            Self::Link => "link",
            Self::Welcome => "welcome",
        }
    }

    /// The drawing, without the frame around it.
    pub(crate) const fn drawing(self) -> &'static str {
        match self {
            Self::Card => include_str!("pictures/card.svg"),
            Self::OtherCard => include_str!("pictures/other-card.svg"),
            Self::Phone => include_str!("pictures/phone.svg"),
            Self::Reader => include_str!("pictures/reader.svg"),
            Self::ReaderCard => include_str!("pictures/reader-card.svg"),
            Self::Readers => include_str!("pictures/readers.svg"),
            Self::PutCard => include_str!("pictures/put-card.svg"),
            Self::TakeCard => include_str!("pictures/take-card.svg"),
            Self::Pin => include_str!("pictures/pin.svg"),
            Self::Computer => include_str!("pictures/computer.svg"),
            Self::Registrar => include_str!("pictures/registrar.svg"),
            Self::Certificate => include_str!("pictures/certificate.svg"),
            Self::Ticket => include_str!("pictures/ticket.svg"),
            Self::Link => include_str!("pictures/link.svg"),
            Self::Welcome => include_str!("pictures/welcome.svg"),
        }
    }
}

impl Mark {
    /// All that are drawn.
    pub(crate) const ALL: [Self; 17] = [
        Self::Question,
        Self::Exclamation,
        Self::Plug,
        Self::Stopped,
        Self::Back,
        Self::Turn,
        Self::Wait,
        Self::Later,
        Self::Lock,
        Self::One,
        Self::Four,
        Self::Desk,
        Self::Full,
        Self::Shield,
        Self::People,
        Self::Done,
        Self::Keys,
    ];

    /// The name that the page's script finds it by; empty where nothing is drawn.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Question => "question",
            Self::Exclamation => "exclamation",
            Self::Plug => "plug",
            Self::Stopped => "stopped",
            Self::Back => "back",
            Self::Turn => "turn",
            Self::Wait => "wait",
            Self::Later => "later",
            Self::Lock => "lock",
            Self::One => "one",
            Self::Four => "four",
            Self::Desk => "desk",
            Self::Full => "full",
            Self::Shield => "shield",
            Self::People => "people",
            Self::Done => "done",
            Self::Keys => "keys",
        }
    }

    /// The drawing, around the middle of its disc.
    pub(crate) const fn drawing(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Question => r#"<path d="M-6-5q0-7 6-7t6 6q0 4-4 6t-2 4M0 10h.01"/>"#,
            Self::Exclamation => r#"<path d="M0-12V3M0 11h.01"/>"#,
            Self::Plug => r#"<path d="M-5-12v6M5-12v6M-9-6H9v3q0 7-9 7t-9-7zM0 4v8"/>"#,
            Self::Stopped => r#"<path d="M-9-9 9 9M9-9-9 9"/>"#,
            Self::Back => r#"<path d="M0-12V8M-8 1l8 8 8-8"/>"#,
            Self::Turn => r#"<path d="M-10-2A10 10 0 0 1 8-7M9-13v7H2M10 2A10 10 0 0 1-8 7M-9 13V6h7"/>"#,
            Self::Wait => r#"<path d="M-8-12H8M-8 12H8M-6-12v4l6 8 6-8v-4M-6 12V8l6-8 6 8v4"/>"#,
            Self::Later => r#"<circle r="11"/><path d="M0-6V0l5 4"/>"#,
            Self::Lock => r#"<rect x="-9" y="-3" width="18" height="14" rx="3"/><path d="M-5-3v-4a5 5 0 0 1 10 0v4"/>"#,
            Self::One => r#"<path d="M-5-7 1-12v23M-5 11H7"/>"#,
            Self::Four => r#"<path d="M4 12v-24L-8 5H9"/>"#,
            Self::Desk => r#"<circle cy="-6" r="5"/><path d="M-9 11q0-8 9-8t9 8z"/>"#,
            Self::Full => r#"<path d="M-10-8h20M-10 0h20M-10 8h20"/>"#,
            Self::Shield => r#"<path d="M0-12 10-8v8q0 8-10 12Q-10 8-10 0v-8z"/>"#,
            Self::People => {
                r#"<circle cx="-5" cy="-5" r="4"/><circle cx="7" cy="-4" r="3"/><path d="M-13 10q0-8 8-8t8 8M6 3q7 0 7 7"/>"#
            }
            Self::Keys => {
                r#"<rect x="-13" y="-8" width="26" height="17" rx="3"/><path d="M-7-2h.01M0-2h.01M7-2h.01M-5 4H5"/>"#
            }
            Self::Done => r#"<path d="M-9 0l6 7L9-8"/>"#,
        }
    }
}
