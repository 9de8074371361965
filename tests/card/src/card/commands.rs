//! The four commands of the application, and what its faults make of them.

use super::apdu::{Command, StatusWord};
use super::fault::Fault;
use super::files::{self, Application, File, KeyName, PinName, Text};
use super::pin::Try;
use super::{Power, SELECT, VirtualCard};
use crate::issuer::CardKey;

const READ_BINARY: u8 = 0xB0;
const VERIFY: u8 = 0x20;
const PERFORM_SECURITY_OPERATION: u8 = 0x2A;
/// P2 that means *the current EF*.
const CURRENT: u8 = 0x80;
/// P1 bit that turns READ BINARY's P1 into a short EF identifier (ISO 7816-4 §7.2.2).
const SHORT_ID: u8 = 0x80;
/// Most bytes under PKCS#1 v1.5 padding with a 2,048-bit modulus (RFC 8017 §9.2).
const SIGNED_MAX: usize = 245;
/// Longer than a certificate may be (4,096), shorter than offsets can reach.
const OVERSIZED: usize = 0x7F00;
/// Bytes too many that [`Fault::LongAnswer`] gives.
const SURPLUS: usize = 16;

type Answer = Result<Vec<u8>, StatusWord>;

impl VirtualCard {
    /// Data and status word of one command.
    pub(super) fn respond(&mut self, parsed: Result<Command<'_>, StatusWord>) -> Vec<u8> {
        let outcome = self.spoiled().map_or_else(|| parsed.and_then(|command| self.run(command)), Err);
        let (mut bytes, status) = match outcome {
            Ok(data) => (data, StatusWord::DONE),
            Err(status) => (Vec::new(), status),
        };
        bytes.extend(status.0.to_be_bytes());
        bytes
    }

    /// Faults that answer whatever the command is.
    fn spoiled(&mut self) -> Option<StatusWord> {
        let Power::On(session) = &mut self.power else {
            return Some(StatusWord::NO_DIAGNOSIS);
        };
        session.commands = session.commands.saturating_add(1);
        let first = session.commands == 1;
        self.faults.spoils(first).map(StatusWord)
    }

    fn run(&mut self, command: Command<'_>) -> Answer {
        match (command.cla, command.ins) {
            (0x00, SELECT) => self.select(command),
            (0x00, READ_BINARY) => self.read_binary(command),
            (0x00, VERIFY) => self.verify(command),
            (0x80, PERFORM_SECURITY_OPERATION) => self.compute_signature(command),
            (0x00 | 0x80, _) => Err(StatusWord::UNKNOWN_INSTRUCTION),
            _ => Err(StatusWord::UNKNOWN_CLASS),
        }
    }

    /// SELECT by AID or by EF identifier, both without an answer.
    fn select(&mut self, command: Command<'_>) -> Answer {
        let Power::On(session) = &mut self.power else {
            return Err(StatusWord::NO_DIAGNOSIS);
        };
        match (command.p1, command.p2, command.data) {
            (0x04, 0x0C, aid) => {
                let known = Application::by_aid(aid).filter(|_| !self.faults.has(Fault::AnotherCard));
                let application = known.ok_or(StatusWord::FILE_NOT_FOUND)?;
                if application != Application::Jpki {
                    session.verified.remove(&PinName::User);
                    session.verified.remove(&PinName::Signature);
                }
                if application != Application::ProfileInput {
                    session.verified.remove(&PinName::Profile);
                }
                session.application = Some(application);
                session.file = None;
                Ok(Vec::new())
            }
            (0x02, 0x0C, [high, low]) => {
                let id = u16::from_be_bytes([*high, *low]);
                let application = session.application.ok_or(StatusWord::FILE_NOT_FOUND)?;
                session.file = Some(File::find(application, id).ok_or(StatusWord::FILE_NOT_FOUND)?);
                Ok(Vec::new())
            }
            (0x02, 0x0C, _) => Err(StatusWord::WRONG_LENGTH),
            _ => Err(StatusWord::WRONG_P1_P2),
        }
    }

    fn read_binary(&mut self, command: Command<'_>) -> Answer {
        if !command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH);
        }
        let wanted = usize::from(command.le.ok_or(StatusWord::WRONG_LENGTH)?);
        let short = command.p1 & SHORT_ID != 0;
        let offset = if short {
            self.refuse_short_form()?;
            self.find_short(command.p1)?;
            usize::from(command.p2)
        } else {
            usize::from(u16::from_be_bytes([command.p1, command.p2]))
        };
        let Power::On(session) = &self.power else {
            return Err(StatusWord::NO_DIAGNOSIS);
        };
        let text = match session.file.ok_or(StatusWord::NO_CURRENT_FILE)? {
            File::Text(text) => text,
            File::Key(_) | File::Pin(_) => return Err(StatusWord::WRONG_FILE_KIND),
        };
        if self.pin_before(text).is_some_and(|pin| !session.verified.contains(&pin)) {
            return Err(StatusWord::NOT_SATISFIED);
        }
        let content = self.content(text)?;
        let rest = content.get(offset..).filter(|rest| !rest.is_empty()).ok_or(StatusWord::BEYOND_END)?;
        let mut out: Vec<u8> = rest.iter().copied().take(wanted).collect();
        if self.faults.has(Fault::LongAnswer) {
            out.resize(out.len() + SURPLUS, 0xA5);
        }
        Ok(out)
    }

    /// Makes the file of a short identifier the current one.
    fn find_short(&mut self, p1: u8) -> Result<(), StatusWord> {
        let Power::On(session) = &mut self.power else {
            return Err(StatusWord::NO_DIAGNOSIS);
        };
        let id = p1 & 0x1F;
        if p1 & 0x60 != 0 || id == 0 {
            return Err(StatusWord::WRONG_P1_P2);
        }
        let application = session.application.ok_or(StatusWord::FILE_NOT_FOUND)?;
        session.file = Some(File::find(application, u16::from(id)).ok_or(StatusWord::FILE_NOT_FOUND)?);
        Ok(())
    }

    fn pin_before(&self, text: Text) -> Option<PinName> {
        text.pin().or_else(|| self.faults.has(Fault::Phone).then_some(PinName::User))
    }

    /// The file as the faults leave it.
    fn content(&self, text: Text) -> Answer {
        let content = || self.contents.read(text).map_err(|_issuer| StatusWord::NO_DIAGNOSIS);
        if text != Text::UserCertificate {
            return content();
        }
        if self.faults.has(Fault::SignatureCertificate) {
            files::signature_certificate().map_err(|_issuer| StatusWord::NO_DIAGNOSIS)
        } else if self.faults.has(Fault::GarbageCertificate) {
            content().map(|certificate| garbage(certificate.len()))
        } else if self.faults.has(Fault::OversizedCertificate) {
            content().map(oversized)
        } else {
            content()
        }
    }

    /// VERIFY: without data the status, with data a try.
    fn verify(&mut self, command: Command<'_>) -> Answer {
        let name = self.pin_named(command.p1, command.p2)?;
        let Power::On(session) = &mut self.power else {
            return Err(StatusWord::NO_DIAGNOSIS);
        };
        let pin = self.pins.get_mut(&name).ok_or(StatusWord::FILE_NOT_FOUND)?;
        if name == PinName::User && self.faults.has(Fault::NoPin) {
            return Err(StatusWord::NO_SUCH_REFERENCE);
        }
        if command.data.is_empty() {
            let before = self.faults.verified_before(self.cycles_since_put_in);
            let says_done = before || self.faults.has(Fault::StatusIsDoneOnceVerified);
            let done = says_done && session.verified.contains(&name);
            return if done { Ok(Vec::new()) } else { Err(pin.status()) };
        }
        match pin.verify(command.data) {
            Try::Good => {
                session.verified.insert(name);
                Ok(Vec::new())
            }
            Try::Wrong(status) => {
                session.verified.remove(&name);
                Err(status)
            }
            Try::Blocked => Err(StatusWord::PIN_UNUSABLE),
        }
    }

    fn pin_named(&self, p1: u8, p2: u8) -> Result<PinName, StatusWord> {
        let Power::On(session) = &self.power else {
            return Err(StatusWord::NO_DIAGNOSIS);
        };
        match (p1, p2) {
            (0x00, CURRENT) => match session.file {
                Some(File::Pin(name)) => Ok(name),
                Some(File::Key(_) | File::Text(_)) => Err(StatusWord::WRONG_FILE_KIND),
                None => Err(StatusWord::NO_CURRENT_FILE),
            },
            (0x00, reference) if reference & 0xE0 == 0x80 => {
                self.refuse_short_form()?;
                match session.application.and_then(|application| File::find(application, u16::from(reference & 0x1F))) {
                    Some(File::Pin(name)) => Ok(name),
                    Some(File::Key(_) | File::Text(_)) | None => Err(StatusWord::WRONG_P1_P2),
                }
            }
            _ => Err(StatusWord::WRONG_P1_P2),
        }
    }

    /// COMPUTE DIGITAL SIGNATURE over whatever bytes are sent.
    fn compute_signature(&mut self, command: Command<'_>) -> Answer {
        let name = self.key_named(command.p1, command.p2)?;
        let Power::On(session) = &self.power else {
            return Err(StatusWord::NO_DIAGNOSIS);
        };
        if !session.verified.contains(&name.pin()) {
            return Err(StatusWord::NOT_SATISFIED);
        }
        if command.data.is_empty() || command.data.len() > SIGNED_MAX || command.le != Some(256) {
            return Err(StatusWord::WRONG_LENGTH);
        }
        let key = if name == KeyName::User && self.faults.has(Fault::OtherKey) {
            CardKey::named("fault/other-key")
        } else {
            self.contents.key(name)
        };
        let mut signature =
            key.and_then(|key| key.sign_as_a_card(command.data)).map_err(|_issuer| StatusWord::NO_DIAGNOSIS)?;
        self.signatures += 1;
        if self.faults.has(Fault::ShortSignature) {
            signature.pop();
        }
        if self.faults.has(Fault::LongAnswer) {
            signature.resize(signature.len() + SURPLUS, 0xA5);
        }
        Ok(signature)
    }

    fn key_named(&self, p1: u8, p2: u8) -> Result<KeyName, StatusWord> {
        let Power::On(session) = &self.power else {
            return Err(StatusWord::NO_DIAGNOSIS);
        };
        match (p1, p2) {
            (0x00, CURRENT) => match session.file {
                Some(File::Key(name)) => Ok(name),
                Some(File::Pin(_) | File::Text(_)) => Err(StatusWord::WRONG_FILE_KIND),
                None => Err(StatusWord::NO_CURRENT_FILE),
            },
            (0x00, reference) if reference & 0xE0 == 0x80 => {
                self.refuse_short_form()?;
                match session.application.and_then(|application| File::find(application, u16::from(reference & 0x1F))) {
                    Some(File::Key(name)) => Ok(name),
                    Some(File::Pin(_) | File::Text(_)) | None => Err(StatusWord::WRONG_P1_P2),
                }
            }
            _ => Err(StatusWord::WRONG_P1_P2),
        }
    }

    fn refuse_short_form(&self) -> Result<(), StatusWord> {
        match self.faults.short_form_refusal() {
            Some(status) => Err(StatusWord(status)),
            None => Ok(()),
        }
    }
}

/// Bytes that are no DER anywhere: a multiplicative walk over all values.
fn garbage(length: usize) -> Vec<u8> {
    std::iter::successors(Some(0x5Au8), |byte| Some(byte.wrapping_mul(0x2D).wrapping_add(0x4F))).take(length).collect()
}

/// The certificate under an outer length that no certificate has, and as many bytes as it says.
fn oversized(mut certificate: Vec<u8>) -> Vec<u8> {
    certificate.resize(OVERSIZED, 0);
    let length = u16::try_from(OVERSIZED - 4).unwrap_or(u16::MAX).to_be_bytes();
    if let Some(header) = certificate.first_chunk_mut::<4>() {
        let [high, low] = length;
        *header = [0x30, 0x82, high, low];
    }
    certificate
}
