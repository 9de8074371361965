//! The line to the registrar, and to whoever decides claims.

use kido_doctor::line;
use kido_follow::Uplink;
use kido_follow::uplink::JSON_BYTES_MAX;
use kido_shared::clock::Clock;
use kido_shared::error_chain::Chain;
use kido_shared::wire::v1::routes;

use super::{AskedAt, Finding};
use crate::identity::Identity;

/// Asks for the head and for a sign of life.
pub(super) async fn look(identity: &Identity, clock: &dyn Clock, arbiter: AskedAt) -> Vec<Finding> {
    let enrolment = identity.enrolment();
    let uplink = match Uplink::new(enrolment.origin.clone(), crate::PROGRAM) {
        Ok(uplink) => uplink,
        Err(error) => return vec![Finding::broken("uplink", Chain(&error).to_string())],
    };
    let under = (enrolment.root, enrolment.event);
    let mut findings = line::look(&uplink, under, &enrolment.feed_key, clock).await;
    match arbiter {
        AskedAt::Here => findings.push(Finding::well("arbiter", "this gate decides by itself")),
        AskedAt::Registrar => findings.push(ask(&uplink, "inside the registrar").await),
        AskedAt::Venue(addresses) if addresses.is_empty() => {
            findings.push(Finding::broken("arbiter", "in the venue, and none is enrolled: kido-registrar arbiter add"));
        }
        AskedAt::Venue(addresses) => {
            for address in addresses {
                findings.push(match Uplink::new(address.clone(), crate::PROGRAM) {
                    Ok(uplink) => ask(&uplink, address.as_str()).await,
                    Err(error) => Finding::broken("arbiter", Chain(&error).to_string()),
                });
            }
        }
        AskedAt::Unknown => {
            findings
                .push(ask(&uplink, "at the registrar; another home is known only while the gate does not run").await);
        }
    }
    findings
}

async fn ask(arbiter: &Uplink, place: &str) -> Finding {
    match arbiter.get(routes::HEALTH, JSON_BYTES_MAX, line::DEADLINE).await {
        Ok(_alive) => Finding::well("arbiter", format!("answers, {place}")),
        Err(error) => Finding::look("arbiter", format!("silent, {place}: {}", Chain(&error))),
    }
}
