//! A QR code as a picture: links and holder codes that a person carries to another screen.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

/// The text does not fit into a QR code: some 2,300 bytes at this level of correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too long for a QR code")]
pub struct TooLong;

/// Smallest width and height in CSS pixels: a phone reads it at arm's length.
const SIDE_PIXELS: u32 = 192;

/// Draws it as an SVG element that is placed into a page as it is, dark on light in every colour scheme: readers of
/// the inverse are rare.
///
/// # Errors
/// [`TooLong`].
pub fn svg(text: &str) -> Result<String, TooLong> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_too_long| TooLong)?;
    let drawn = code
        .render::<svg::Color<'_>>()
        .min_dimensions(SIDE_PIXELS, SIDE_PIXELS)
        .dark_color(svg::Color("#000000"))
        .light_color(svg::Color("#ffffff"))
        .build();
    // The prologue belongs to a file of its own, not into a page.
    Ok(drawn.split_once("?>").map_or_else(|| drawn.clone(), |(_prologue, element)| element.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_becomes_an_element_and_a_novel_is_refused() {
        let drawn = svg("kido:register?code=0123").unwrap();
        assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>"), "{drawn}");
        assert_eq!(svg(&"x".repeat(3000)), Err(TooLong));
    }
}
