//! The links that buyers and holders are sent: a page of this registrar, with the code behind the `#`, where no server
//! and no log sees it.

use kido_shared::codes::Code;
use zeroize::Zeroizing;

use super::ticket::TicketState;

/// The page on which a card is registered.
const REGISTER: &str = "/r#";

/// The holder's page.
const HOLDER: &str = "/t#";

/// The link of a new ticket, which no card holds yet.
#[must_use]
pub fn registration(origin: &str, code: &Code) -> Zeroizing<String> {
    to(origin, REGISTER, code)
}

/// The link of a ticket as it is: one without a card is bound with its code, one with a card is looked at.
#[must_use]
pub fn of(origin: &str, state: TicketState, code: &Code) -> Zeroizing<String> {
    let page = match state {
        TicketState::Reserved | TicketState::Unbound | TicketState::Returned | TicketState::Cancelled => REGISTER,
        TicketState::Bound | TicketState::Suspended => HOLDER,
    };
    to(origin, page, code)
}

/// One buffer of its final size, so that no copy is left behind.
fn to(origin: &str, page: &str, code: &Code) -> Zeroizing<String> {
    let code = code.reveal();
    let mut link = Zeroizing::new(String::with_capacity(origin.len() + page.len() + code.len()));
    for part in [origin, page, code.as_str()] {
        link.push_str(part);
    }
    link
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_ticket_without_a_card_is_registered_and_one_with_a_card_is_looked_at() {
        let code = Code::generate(&mut StdRng::seed_from_u64(1));
        let link = |page: &str| format!("https://tickets.example{page}{}", *code.reveal());
        assert_eq!(*registration("https://tickets.example", &code), link("/r#"));
        for (state, page) in [
            (TicketState::Reserved, "/r#"),
            (TicketState::Unbound, "/r#"),
            (TicketState::Returned, "/r#"),
            (TicketState::Cancelled, "/r#"),
            (TicketState::Bound, "/t#"),
            (TicketState::Suspended, "/t#"),
        ] {
            assert_eq!(*of("https://tickets.example", state, &code), link(page), "{state:?}");
        }
    }
}
