//! Certificates of any shape, with a signature that nobody made: for rules that look at form and place alone.

/// Object identifiers by their DER contents.
pub(crate) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
pub(crate) const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
pub(crate) const LOCALITY: &[u8] = &[0x55, 0x04, 0x07];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0A];
const UNIT: &[u8] = &[0x55, 0x04, 0x0B];
const SHA256_WITH_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B];
const ECDSA_WITH_SHA384: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03];

/// The policy of cards; the last byte but one tells cards (3), test cards (0) and digital signatures (1) apart.
pub(crate) const POLICY: [u8; 11] = [0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 0x08, 0x05, 0x01, 0x03, 0x1E];

/// One element with its shortest length.
pub(crate) fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut bytes = vec![tag];
    match length {
        0..=0x7F => bytes.push(u8::try_from(length).unwrap()),
        0x80..=0xFF => bytes.extend([0x81, u8::try_from(length).unwrap()]),
        _ => {
            bytes.push(0x82);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    bytes.extend(contents);
    bytes
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

fn attribute(oid: &[u8], text: &str) -> Vec<u8> {
    element(0x31, &sequence(&[element(0x06, oid), element(0x0C, text.as_bytes())]))
}

pub(crate) fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { vec![0x01, 0x01, 0xFF] } else { vec![] };
    sequence(&[element(0x06, oid), critical, element(0x04, value)])
}

pub(crate) fn policies(policies: &[&[u8]]) -> Vec<u8> {
    sequence(&policies.iter().map(|policy| sequence(&[element(0x06, policy), cps()])).collect::<Vec<_>>())
}

fn cps() -> Vec<u8> {
    let uri = element(0x16, b"http://www.jpki.go.jp/cps.html");
    let qualifier = [0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x01];
    sequence(&[sequence(&[element(0x06, &qualifier), uri])])
}

/// What a certificate is built from; [`Blueprint::card`] is one as people's cards hold it.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) serial: Vec<u8>,
    pub(crate) ecdsa: bool,
    pub(crate) outer_ecdsa: bool,
    pub(crate) organisation: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) validity: [&'static str; 2],
    pub(crate) subject: Vec<(&'static [u8], String)>,
    pub(crate) spki: Vec<u8>,
    pub(crate) unique_id: Vec<u8>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl Blueprint {
    /// An RSA-2048 card of production: four serial bytes, a CN of 23 characters.
    pub(crate) fn card() -> Self {
        Self {
            serial: vec![0x06, 0xD1, 0x80, 0x06],
            ecdsa: false,
            outer_ecdsa: false,
            organisation: "JPKI",
            unit: "JPKI for user authentication",
            validity: ["251027013542Z", "300217145959Z"],
            subject: vec![(COUNTRY, "JP".into()), (COMMON_NAME, "0123456789ABCDEF0123456".into())],
            spki: include_bytes!("../../../fixtures/proof/rsa-2048.spki.der").to_vec(),
            unique_id: vec![],
            extensions: vec![
                extension(&[0x55, 0x1D, 0x0F], true, &[0x03, 0x02, 0x07, 0x80]),
                extension(&[0x55, 0x1D, 0x25], false, &sequence(&[element(0x06, &[43, 6, 1, 5, 5, 7, 3, 2])])),
                extension(&[0x55, 0x1D, 0x20], true, &policies(&[&POLICY])),
                extension(&[0x55, 0x1D, 0x12], false, &sequence(&[element(0x86, &[b'i'; 170])])),
                extension(&[0x55, 0x1D, 0x1F], false, &sequence(&[sequence(&[])])),
                extension(&[0x55, 0x1D, 0x0E], false, &element(0x04, &[0xAB; 20])),
            ],
        }
    }

    /// The next card: the same with a P-384 key.
    pub(crate) fn next_card() -> Self {
        let spki = include_bytes!("../../../fixtures/proof/p384.spki.der").to_vec();
        Self { ecdsa: true, outer_ecdsa: true, spki, ..Self::card() }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let algorithm = |ecdsa| match ecdsa {
            true => sequence(&[element(0x06, ECDSA_WITH_SHA384)]),
            false => sequence(&[element(0x06, SHA256_WITH_RSA), vec![0x05, 0x00]]),
        };
        let issuer = sequence(&[
            attribute(COUNTRY, "JP"),
            attribute(ORGANISATION, self.organisation),
            attribute(UNIT, self.unit),
            attribute(UNIT, "Japan Agency for Local Authority Information Systems"),
        ]);
        let validity = sequence(&self.validity.map(|time| element(0x17, time.as_bytes())));
        let subject = self.subject.iter().map(|(oid, text)| attribute(oid, text)).collect::<Vec<_>>();
        let tbs = sequence(&[
            vec![0xA0, 0x03, 0x02, 0x01, 0x02],
            element(0x02, &self.serial),
            algorithm(self.ecdsa),
            issuer,
            validity,
            sequence(&subject),
            self.spki.clone(),
            self.unique_id.clone(),
            element(0xA3, &sequence(&self.extensions)),
        ]);
        let signature = [&[0][..], &[0x5A; 256]].concat();
        sequence(&[tbs, algorithm(self.outer_ecdsa), element(0x03, &signature)])
    }
}
