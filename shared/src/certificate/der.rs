//! Where things lie in a certificate: strict DER (X.690 §10) by positions.
//!
//! `x509-parser` says what the fields mean, but not at which offset they lie, and it forgives a few encodings that DER
//! does not. This walk gives the offsets that the key window's rule is about, and refuses every second spelling.

use core::ops::Range;

/// Deepest nesting that is followed: certificates of the JPKI have eleven levels.
const DEPTH_MAX: usize = 16;

/// ASN.1 tags, as their identifier octets.
pub(super) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    pub(crate) const VERSION: u8 = 0xA0;
    pub(crate) const ISSUER_UNIQUE_ID: u8 = 0x81;
    pub(crate) const SUBJECT_UNIQUE_ID: u8 = 0x82;
    pub(crate) const EXTENSIONS: u8 = 0xA3;
}

/// Bit of an identifier octet that marks a constructed encoding.
const CONSTRUCTED: u8 = 0x20;

/// One element and its place in the file.
#[derive(Clone)]
struct Element {
    tag: u8,
    begins: usize,
    contents: usize,
    ends: usize,
}

impl Element {
    fn read(file: &[u8], begins: usize, limit: usize) -> Option<Self> {
        let rest = file.get(begins..limit)?;
        let (tag, rest) = rest.split_first()?;
        // No field of a certificate has a tag number above 30.
        if tag & 0x1F == 0x1F {
            return None;
        }
        let (first, rest) = rest.split_first()?;
        let (length, head) = match (*first, rest) {
            (length @ 0..=0x7F, _) => (usize::from(length), 2),
            (0x81, [length @ 0x80..=0xFF, ..]) => (usize::from(*length), 3),
            (0x82, [high @ 1..=0xFF, low, ..]) => (usize::from(u16::from_be_bytes([*high, *low])), 4),
            _ => return None,
        };
        let contents = begins + head;
        let ends = contents + length;
        (ends <= limit).then_some(Self { tag: *tag, begins, contents, ends })
    }

    fn tagged(self, tag: u8) -> Option<Self> {
        (self.tag == tag).then_some(self)
    }

    const fn whole(&self) -> Range<usize> {
        self.begins..self.ends
    }

    const fn inner(&self) -> Range<usize> {
        self.contents..self.ends
    }

    fn children(&self, file: &[u8]) -> Option<Vec<Self>> {
        let mut children = Vec::new();
        let mut at = self.contents;
        while at < self.ends {
            let child = Self::read(file, at, self.ends)?;
            at = child.ends;
            children.push(child);
        }
        Some(children)
    }

    /// Whether this and all within is in the one encoding that DER has for it.
    fn is_strict(&self, file: &[u8], depth: usize) -> bool {
        if self.tag & CONSTRUCTED != 0 {
            let known = self.tag >= 0x40 || matches!(self.tag, tag::SEQUENCE | tag::SET);
            return known
                && depth < DEPTH_MAX
                && self
                    .children(file)
                    .is_some_and(|children| children.iter().all(|child| child.is_strict(file, depth + 1)));
        }
        let Some(contents) = file.get(self.inner()) else {
            return false;
        };
        match self.tag {
            tag::BOOLEAN => matches!(contents, [0x00 | 0xFF]),
            tag::INTEGER => is_shortest_integer(contents),
            tag::BIT_STRING => is_exact_bit_string(contents),
            tag::NULL => contents.is_empty(),
            tag::OBJECT_IDENTIFIER => contents.last().is_some_and(|last| *last < 0x80),
            // SEQUENCE and SET are always constructed.
            0x10 | 0x11 => false,
            _ => true,
        }
    }
}

/// X.690 §8.3.2: the first nine bits are neither all zero nor all one.
fn is_shortest_integer(contents: &[u8]) -> bool {
    match contents {
        [] | [0x00, 0x00..=0x7F, ..] | [0xFF, 0x80..=0xFF, ..] => false,
        [..] => true,
    }
}

/// X.690 §11.2.1: at most seven unused bits, all of them zero.
fn is_exact_bit_string(contents: &[u8]) -> bool {
    match contents {
        [0] => true,
        [unused @ 0..=7, .., last] => last & ((1u8 << unused) - 1) == 0,
        _ => false,
    }
}

/// One extension's place in the file.
pub(super) struct ExtensionSpan {
    /// The contents of its object identifier.
    pub(super) oid: Range<usize>,
    /// The extension from its first byte.
    pub(super) whole: Range<usize>,
}

/// Where the parts of one version 3 certificate lie.
pub(super) struct Skeleton {
    /// One past the certificate's last byte.
    pub(super) ends: usize,
    /// What the issuer has signed.
    pub(super) tbs: Range<usize>,
    /// The serial with its tag and length.
    pub(super) serial: Range<usize>,
    /// The signature algorithm inside the signed part.
    pub(super) inner_algorithm: Range<usize>,
    /// The issuer's name.
    pub(super) issuer: Range<usize>,
    /// The subject's public key.
    pub(super) public_key: Range<usize>,
    /// Where the extensions' wrapping begins.
    pub(super) extensions_begin: usize,
    /// The extensions in order.
    pub(super) extensions: Vec<ExtensionSpan>,
    /// The signature algorithm outside the signed part.
    pub(super) outer_algorithm: Range<usize>,
    /// The signature's bytes.
    pub(super) signature: Range<usize>,
}

impl Skeleton {
    /// Finds the parts; nothing where the file does not begin with a version 3 certificate in strict DER.
    pub(super) fn read(file: &[u8]) -> Option<Self> {
        let certificate = Element::read(file, 0, file.len())?.tagged(tag::SEQUENCE)?;
        if !certificate.is_strict(file, 0) {
            return None;
        }
        let [tbs, outer_algorithm, signature] = <[Element; 3]>::try_from(certificate.children(file)?).ok()?;
        let signature = signature.tagged(tag::BIT_STRING)?;
        // A signature is whole bytes: no unused bits.
        if file.get(signature.contents) != Some(&0) {
            return None;
        }
        let mut fields = tbs.clone().tagged(tag::SEQUENCE)?.children(file)?.into_iter().peekable();
        let version = fields.next()?.tagged(tag::VERSION)?;
        if file.get(version.inner()) != Some(&[tag::INTEGER, 1, 2]) {
            return None;
        }
        let serial = fields.next()?.tagged(tag::INTEGER)?;
        let inner_algorithm = fields.next()?.tagged(tag::SEQUENCE)?;
        let issuer = fields.next()?.tagged(tag::SEQUENCE)?;
        let _validity = fields.next()?.tagged(tag::SEQUENCE)?;
        let _subject = fields.next()?.tagged(tag::SEQUENCE)?;
        let public_key = fields.next()?.tagged(tag::SEQUENCE)?;
        for unique_id in [tag::ISSUER_UNIQUE_ID, tag::SUBJECT_UNIQUE_ID] {
            fields.next_if(|field| field.tag == unique_id);
        }
        let wrapping = fields.next()?.tagged(tag::EXTENSIONS)?;
        if fields.next().is_some() {
            return None;
        }
        Some(Self {
            ends: certificate.ends,
            tbs: tbs.whole(),
            serial: serial.whole(),
            inner_algorithm: inner_algorithm.whole(),
            issuer: issuer.whole(),
            public_key: public_key.whole(),
            extensions_begin: wrapping.begins,
            extensions: extension_spans(file, &wrapping)?,
            outer_algorithm: outer_algorithm.tagged(tag::SEQUENCE)?.whole(),
            signature: signature.contents + 1..signature.ends,
        })
    }
}

fn extension_spans(file: &[u8], wrapping: &Element) -> Option<Vec<ExtensionSpan>> {
    let [list] = <[Element; 1]>::try_from(wrapping.children(file)?).ok()?;
    let span = |extension: Element| {
        let whole = extension.whole();
        let oid = extension.tagged(tag::SEQUENCE)?.children(file)?.into_iter().next()?;
        Some(ExtensionSpan { oid: oid.tagged(tag::OBJECT_IDENTIFIER)?.inner(), whole })
    };
    list.tagged(tag::SEQUENCE)?.children(file)?.into_iter().map(span).collect()
}
