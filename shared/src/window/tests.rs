use super::*;

#[test]
fn a_window_is_256_bytes_and_prints_nothing() {
    assert_eq!(KeyWindow::try_from(&[0; 255][..]).unwrap_err(), KeyWindowError);
    assert_eq!(KeyWindow::try_from(&[0; 257][..]).unwrap_err(), KeyWindowError);
    let window = KeyWindow::new([0x41; KEY_WINDOW_BYTES]);
    assert_eq!(format!("{window:?} {window:#?}"), "KeyWindow(..) KeyWindow(..)");
}

#[test]
fn a_tag_is_an_hmac_that_others_can_compute() {
    // Computed with Python's `hmac`: key 32 × 01, message 00 to FF.
    let window = KeyWindow::new(core::array::from_fn(|place| u8::try_from(place).unwrap()));
    let tag = window.tag(&TagKey::from_bytes([1; 32]));
    let hex: String = tag.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "172d07fa202b4ac74be3df9f24f2853579c78623ce314363b858e5f5153dee08");
}

#[test]
fn two_events_share_no_tag() {
    let window = KeyWindow::new([7; KEY_WINDOW_BYTES]);
    assert_ne!(window.tag(&TagKey::from_bytes([1; 32])), window.tag(&TagKey::from_bytes([2; 32])));
}
