//! Control calls through PC/SC. **Not tried on hardware.**

use kido_shared::card::PinEntry;
use pcsc::{Card, Context, Disposition, Protocols, Scope, ShareMode};

use crate::channel::TransmitError;
use crate::choice::ReaderName;
use crate::fault;
use crate::pinpad::{Control, ControlCode, GET_FEATURE_REQUEST, Pinpad};

/// A reader that can be asked through a handle of PC/SC, with or without a card.
pub(crate) struct PcscControl<'c>(pub(crate) &'c Card);

impl PcscControl<'_> {
    fn call(&self, code: pcsc::ffi::DWORD, request: &[u8], answer: &mut [u8]) -> Result<usize, TransmitError> {
        self.0.control(code, request, answer).map(<[u8]>::len).map_err(fault::on_transmit)
    }
}

impl Control for PcscControl<'_> {
    fn list_features(&mut self, answer: &mut [u8]) -> Result<usize, TransmitError> {
        self.call(pcsc::ctl_code(GET_FEATURE_REQUEST.into()), &[], answer)
    }

    fn control(&mut self, code: ControlCode, request: &[u8], answer: &mut [u8]) -> Result<usize, TransmitError> {
        self.call(code.get().into(), request, answer)
    }
}

/// Whether a PIN can be typed on this reader, asked without its card.
///
/// A reader that cannot be asked (it is gone, or somebody holds it alone) counts as one without keys.
pub(crate) fn pin_entry(reader: &ReaderName) -> PinEntry {
    match ask(reader) {
        Ok(Some(_pinpad)) => PinEntry::AtReader,
        Ok(None) => PinEntry::Here,
        Err(error) => {
            tracing::debug!(%reader, ?error, "the reader cannot be asked for its keys");
            PinEntry::Here
        }
    }
}

fn ask(reader: &ReaderName) -> Result<Option<Pinpad>, pcsc::Error> {
    let context = Context::establish(Scope::User)?;
    let direct = context.connect(reader.as_c_str(), ShareMode::Direct, Protocols::UNDEFINED)?;
    let found = Pinpad::find(&mut PcscControl(&direct));
    // Dropping the handle would reset a card that somebody has just laid down.
    if let Err((_handle, error)) = direct.disconnect(Disposition::LeaveCard) {
        tracing::debug!(%reader, ?error, "the reader left while it was asked for its keys");
    }
    Ok(found)
}
