//! The link that a buyer was sent, taken apart before anything is sent anywhere.
//!
//! `ORIGIN/r#CODE` binds, `ORIGIN/t#CODE` is the holder's. What follows `#` reaches no server by itself: the code is sent
//! in the body of one request, to a host that was confirmed.

use core::fmt;

use kido_shared::challenge::{Origin, OriginError};
use kido_shared::codes::Code;
use zeroize::Zeroizing;

/// The scheme that a browser hands links over with: `kido:https://tickets.example/r#CODE`.
const SCHEME: &str = "kido:";

/// Longest line that is read as a link: the longest origin, the path and a code in groups take 306 characters.
pub const LINK_CHARACTERS_MAX: usize = 512;

/// Why a text is no link of Kido; never repeats the text, which may hold a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nothing was given.
    #[error("no link was given")]
    Empty,
    /// Longer than any link is.
    #[error("a link has at most {LINK_CHARACTERS_MAX} characters")]
    TooLong,
    /// What stands before the path is no origin that may be talked to.
    #[error("the link's address cannot be used")]
    Origin(#[source] OriginError),
    /// Neither `/r#` nor `/t#` stands between origin and code.
    #[error("the link is none of a ticket")]
    Shape,
    /// What follows `#` is no code.
    #[error("the link's code is incomplete")]
    Code,
    /// It does not begin with the scheme that only a browser hands over.
    #[error("the link does not begin with {SCHEME}")]
    Scheme,
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// `/r`: registers a card for a ticket.
    Registration,
    /// `/t`: the holder's own.
    Holder,
}

impl LinkKind {
    const fn path(self) -> &'static str {
        match self {
            Self::Registration => "/r",
            Self::Holder => "/t",
        }
    }
}

/// A link with everything in it read.
pub struct Link {
    /// Where it leads; nothing is sent there before that was confirmed.
    pub origin: Origin,
    /// What it is for.
    pub kind: LinkKind,
    /// The secret behind `#`.
    pub code: Code,
}

/// The code is a secret, so the link prints without it.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}#(..)", self.origin, self.kind.path())
    }
}

impl Link {
    /// Reads a link as a browser hands it over, with the scheme in front.
    ///
    /// # Errors
    /// [`LinkError`]; [`LinkError::Scheme`] where it is a link without one, which nobody but a person can have typed.
    pub fn handed_over(text: &str) -> Result<Self, LinkError> {
        Self::read(without_scheme(text.trim()).ok_or(LinkError::Scheme)?)
    }

    /// Reads a link as it was pasted, scanned or typed; copied from a button it has the scheme in front.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        Self::read(without_scheme(text).unwrap_or(text))
    }

    /// Reads what follows the scheme, which stands there once at most.
    fn read(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LinkError::Empty);
        }
        if text.len() > LINK_CHARACTERS_MAX {
            return Err(LinkError::TooLong);
        }
        let (place, code) = text.split_once('#').ok_or(LinkError::Shape)?;
        let kinds = [LinkKind::Registration, LinkKind::Holder];
        let (origin, kind) = kinds
            .into_iter()
            .find_map(|kind| place.strip_suffix(kind.path()).map(|origin| (origin, kind)))
            .ok_or(LinkError::Shape)?;
        let origin = Origin::parse(origin).map_err(LinkError::Origin)?;
        let code = Code::parse(code).map_err(|_incomplete| LinkError::Code)?;
        Ok(Self { origin, kind, code })
    }
}

/// What follows the scheme, whose case does not matter (RFC 3986 §3.1); nothing where there is another or none.
fn without_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// The holder's link for a code that the registrar has just given out.
pub(crate) fn holder_link(origin: &Origin, code: &Code) -> Zeroizing<String> {
    let code = code.reveal();
    let capacity = origin.as_str().len() + LinkKind::Holder.path().len() + 1 + code.len();
    let mut link = Zeroizing::new(String::with_capacity(capacity));
    link.push_str(origin.as_str());
    link.push_str(LinkKind::Holder.path());
    link.push('#');
    link.push_str(&code);
    link
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODE: &str = "5D5D5-D5D5D-5D5D5-D5D5D-5D5D5-A";

    fn code() -> Code {
        Code::generate(&mut rand::thread_rng())
    }

    #[test]
    fn a_link_tells_where_and_what_for() {
        let code = code();
        let text = format!("  https://Tickets.Example:443/r#{}\n", code.reveal().as_str());
        let link = Link::parse(&text).unwrap();
        assert_eq!(link.origin.as_str(), "https://tickets.example");
        assert_eq!(link.kind, LinkKind::Registration);
        assert_eq!(link.code.hash(), code.hash());
    }

    #[test]
    fn a_holder_link_reads_back() {
        let (origin, code) = (Origin::parse("http://127.0.0.1:8420").unwrap(), code());
        let link = Link::parse(&holder_link(&origin, &code)).unwrap();
        assert_eq!((link.kind, link.origin), (LinkKind::Holder, origin));
        assert_eq!(link.code.hash(), code.hash());
    }

    #[test]
    fn a_scheme_stands_once_however_the_link_came() {
        let twice = format!("kido:KIDO:https://tickets.example/r#{CODE}");
        assert!(Link::handed_over(&twice).is_err() && Link::parse(&twice).is_err());
    }

    #[test]
    fn a_link_to_another_machine_is_https() {
        let refused = Link::parse(&format!("http://tickets.example/r#{CODE}")).unwrap_err();
        assert_eq!(refused, LinkError::Origin(OriginError::PlainHttp));
    }

    #[test]
    fn a_link_has_one_shape() {
        let with_code = |place: &str| Link::parse(&format!("{place}#{}", code().reveal().as_str())).map(drop);
        for place in ["https://a.example", "https://a.example/", "https://a.example/x", "https://a.example/r?x=1"] {
            assert_eq!(with_code(place), Err(LinkError::Shape), "{place}");
        }
        assert_eq!(with_code("https://user@a.example/r"), Err(LinkError::Origin(OriginError::BeyondPort)));
        assert_eq!(Link::parse("https://a.example/r#short").unwrap_err(), LinkError::Code);
        assert_eq!(Link::parse("   ").unwrap_err(), LinkError::Empty);
    }

    #[test]
    fn a_link_prints_without_its_code() {
        let code = code();
        let link = Link::parse(&format!("https://a.example/t#{}", code.reveal().as_str())).unwrap();
        assert_eq!(format!("{link:?}"), "https://a.example/t#(..)");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_fail(text in ".{0,600}") {
            drop(Link::parse(&text));
            drop(Link::handed_over(&text));
        }

        #[test]
        fn what_a_browser_hands_over_is_the_link_behind_the_scheme(
            host in "[a-z]([a-z0-9-]{0,20}[a-z0-9])?(\\.[a-z]{2,8}){1,3}",
            port in proptest::option::of(1_u16..),
            holder in any::<bool>(),
            seed in any::<[u8; 32]>(),
            upper in any::<bool>(),
        ) {
            let code = Code::generate(&mut <rand::rngs::StdRng as rand::SeedableRng>::from_seed(seed));
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let kind = if holder { LinkKind::Holder } else { LinkKind::Registration };
            let plain = format!("https://{host}{port}{}#{}", kind.path(), code.reveal().as_str());
            let scheme = if upper { "KIDO:" } else { "kido:" };
            let link = Link::handed_over(&format!("{scheme}{plain}")).unwrap();
            let pasted = Link::parse(&plain).unwrap();
            prop_assert_eq!((link.kind, &link.origin), (kind, &pasted.origin));
            prop_assert_eq!((link.code.hash(), pasted.code.hash()), (code.hash(), code.hash()));
            prop_assert_eq!(Link::handed_over(&plain).unwrap_err(), LinkError::Scheme, "typed by hand");
        }

        #[test]
        fn nothing_but_one_link_is_handed_over(
            before in "[ -~]{1,12}",
            after in "[/?&=%a-z0-9]{1,12}",
        ) {
            let good = format!("kido:https://a.example/r#{}", code().reveal().as_str());
            let bad = [
                format!("{}x{good}", before.trim()),
                format!("{good}{after}"),
                good.replace("https://", &format!("https://{before}@")),
                good.replace("kido:", "kido://"),
            ];
            for bad in bad {
                prop_assert!(Link::handed_over(&bad).is_err(), "{}", bad);
            }
        }
    }
}
