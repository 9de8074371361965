//! Bytes in JSON: base64url without padding (RFC 4648 §5), for `#[serde(with = …)]`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize as _, Deserializer, Serializer};
use zeroize::Zeroizing;

/// The text of some bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of a text; nothing where it is not base64url.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Writes bytes as text.
///
/// # Errors
/// What the serializer refuses.
pub fn serialize<S: Serializer>(bytes: impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Zeroizing::new(encode(bytes.as_ref())))
}

/// Reads bytes from text, of the length that the target type wants.
///
/// # Errors
/// Where the text is not base64url or the length is another.
pub fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<Vec<u8>>>(deserializer: D) -> Result<T, D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    let bytes = decode(&text).ok_or_else(|| serde::de::Error::custom("expected base64url without padding"))?;
    T::try_from(bytes).map_err(|_wrong| serde::de::Error::custom("the bytes have another length than expected"))
}
