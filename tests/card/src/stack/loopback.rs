//! Brings `lo` up in a fresh network namespace, by the route socket (rtnetlink(7)) and without any tool.

use std::io;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, sendto, socket_with};

/// `RTM_NEWLINK`.
const NEW_LINK: u16 = 16;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const REQUEST_WITH_ACK: u16 = 0x1 | 0x4;
/// `NLMSG_ERROR`, also the acknowledgement: then its error is 0.
const ACKNOWLEDGEMENT: u16 = 2;
/// `IFF_UP`.
const UP: u32 = 1;
/// The loopback device is the first of every network namespace.
const LOOPBACK_INDEX: u32 = 1;
/// `nlmsghdr` (16 bytes) and `ifinfomsg` (16 bytes).
const MESSAGE_BYTES: u32 = 32;

/// Sets `lo` up.
pub(super) fn up() -> io::Result<()> {
    // Protocol 0 of this family is NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let kernel = netlink::SocketAddrNetlink::new(0, 0);
    sendto(&socket, &request(), SendFlags::empty(), &kernel)?;
    let mut answer = [0u8; 256];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    outcome(answer.get(..length).unwrap_or_default())
}

fn request() -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(MESSAGE_BYTES.to_ne_bytes());
    out.extend(NEW_LINK.to_ne_bytes());
    out.extend(REQUEST_WITH_ACK.to_ne_bytes());
    out.extend(1u32.to_ne_bytes()); // sequence
    out.extend(0u32.to_ne_bytes()); // port: the kernel fills it in
    out.extend([0, 0]); // family, padding
    out.extend(0u16.to_ne_bytes()); // device type
    out.extend(LOOPBACK_INDEX.to_ne_bytes());
    out.extend(UP.to_ne_bytes()); // flags
    out.extend(UP.to_ne_bytes()); // which of them change
    out
}

/// The kernel's acknowledgement: header, then the negative error number.
fn outcome(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let error = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match (kind, error) {
        (Some(ACKNOWLEDGEMENT), Some(0)) => Ok(()),
        (Some(ACKNOWLEDGEMENT), Some(error)) => Err(io::Error::from_raw_os_error(error.saturating_neg())),
        _ => Err(io::Error::other("no acknowledgement on the route socket")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_long_as_it_says() {
        assert_eq!(request().len(), usize::try_from(MESSAGE_BYTES).unwrap());
    }

    #[test]
    fn only_an_acknowledgement_is_success() {
        let answer = |kind: u16, error: i32| {
            let mut out = vec![0; 20];
            out[4..6].copy_from_slice(&kind.to_ne_bytes());
            out[16..20].copy_from_slice(&error.to_ne_bytes());
            out
        };
        assert!(outcome(&answer(2, 0)).is_ok());
        assert_eq!(outcome(&answer(2, -1)).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(outcome(&answer(3, 0)).is_err());
        assert!(outcome(&[]).is_err());
    }
}
