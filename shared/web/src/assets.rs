//! Files that a page loads, compiled in and named by their content.
//!
//! The name carries a hash, so a browser may keep a file for ever and still never mixes two versions of a page.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

/// The style of every page: tokens, type, and the few parts that all pages are made of.
pub const KIDO_CSS: Source = Source { stem: "kido", kind: Kind::Css, content: include_str!("../assets/kido.css") };

/// The mark of Kido, for the browser's tab.
pub const FAVICON: Source = Source { stem: "kido", kind: Kind::Svg, content: include_str!("../assets/favicon.svg") };

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A style sheet.
    Css,
    /// A script; a module, so it runs after the page has been read.
    Js,
    /// A picture.
    Svg,
}

impl Kind {
    const fn extension(self) -> &'static str {
        match self {
            Self::Css => "css",
            Self::Js => "js",
            Self::Svg => "svg",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Css => "text/css; charset=utf-8",
            Self::Js => "text/javascript; charset=utf-8",
            Self::Svg => "image/svg+xml",
        }
    }
}

/// A file as it was compiled in.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Its name without the hash and the extension.
    pub stem: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub content: &'static str,
}

struct Asset {
    source: Source,
    name: String,
}

/// The files of one program, under the names that its pages use.
pub struct Assets(Vec<Asset>);

impl core::fmt::Debug for Assets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|asset| &asset.name)).finish()
    }
}

impl Assets {
    /// Names the files of a program; the shared style and the mark are always among them.
    #[must_use]
    pub fn of(own: &[Source]) -> Self {
        let named = |source: &Source| Asset { source: *source, name: name_of(source) };
        Self([KIDO_CSS, FAVICON].iter().chain(own).map(named).collect())
    }

    /// The path of a file below the folder of assets, `kido.1f3a….css` for `("kido", Kind::Css)`.
    ///
    /// A file that is not there has an empty path: the test of every page asks for all that it links.
    #[must_use]
    pub fn path(&self, stem: &str, kind: Kind) -> &str {
        let wanted = self.0.iter().find(|asset| asset.source.stem == stem && asset.source.kind == kind);
        wanted.map_or("", |asset| &asset.name)
    }

    /// Answers a request for a file.
    #[must_use]
    pub fn answer(&self, name: &str) -> Response {
        let Some(asset) = self.0.iter().find(|asset| asset.name == name) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let kind =
            [(CONTENT_TYPE, asset.source.kind.media_type()), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
        (kind, asset.source.content).into_response()
    }
}

fn name_of(source: &Source) -> String {
    let hash = Sha256::digest(source.content.as_bytes());
    let hash: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{}.{hash}.{}", source.stem, source.kind.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_the_name_that_its_page_links_and_by_no_other() {
        let assets = Assets::of(&[Source { stem: "page", kind: Kind::Js, content: "1" }]);
        for (stem, kind) in [("kido", Kind::Css), ("kido", Kind::Svg), ("page", Kind::Js)] {
            let name = assets.path(stem, kind).to_owned();
            assert_eq!(assets.answer(&name).status(), StatusCode::OK, "{name}");
        }
        assert_eq!(assets.path("page", Kind::Css), "");
        assert_eq!(assets.answer("kido.css").status(), StatusCode::NOT_FOUND);
        assert_eq!(assets.answer("").status(), StatusCode::NOT_FOUND);
    }
}
