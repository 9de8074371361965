//! CBOR forms of types that travel as one byte string, each read back through its own check (RFC 8949 §3.1).

/// Writes a type as the byte string of its `as_bytes`, and reads it with the given function.
///
/// The function takes the byte string and gives the value or a `minicbor::decode::Error`, so that nothing that came from
/// outside exists unchecked.
macro_rules! cbor_bytes {
    ($name:ty, $read:expr) => {
        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                encoder: &mut minicbor::Encoder<W>,
                _context: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                encoder.bytes(self.as_bytes())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(decoder: &mut minicbor::Decoder<'b>, _context: &mut C) -> Result<Self, minicbor::decode::Error> {
                let read: fn(&[u8]) -> Result<Self, minicbor::decode::Error> = $read;
                read(decoder.bytes()?)
            }
        }
    };
}
pub(crate) use cbor_bytes;

/// A byte string of one length only; `wrong` says which.
pub(crate) fn exactly<const N: usize>(bytes: &[u8], wrong: &'static str) -> Result<[u8; N], minicbor::decode::Error> {
    bytes.try_into().map_err(|_other_length| minicbor::decode::Error::message(wrong))
}
