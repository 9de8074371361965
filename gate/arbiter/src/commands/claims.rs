//! `kido-arbiter claims`: what each gate holds, for an operator who is about to set it free.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use kido_arbiter::book::read_log;
use kido_arbiter::held_claims::{HeldByGate, HeldClaims};
use kido_arbiter::identity::{DataFolder, Identity};
use kido_arbiter::records::etcd::{Cluster, JoinedEtcd};
use kido_arbiter::records::{EtcdRecords, StoredRecords};
use kido_shared::claim::FreedClaims;
use kido_shared::ids::GateId;

use super::say;

pub(super) async fn claims(folder: &DataFolder, json: bool) -> anyhow::Result<ExitCode> {
    let identity = Identity::load(folder)?;
    let event = identity.enrolment().event;
    let (book, followed) = (folder.book(), identity.followed());
    let told = tokio::task::spawn_blocking(move || read_log(&book, &followed)).await?.context("the book")?;
    let mut counting = HeldClaims::new(told);
    match JoinedEtcd::load(&folder.etcd())? {
        Some(joined) => {
            let records = EtcdRecords::new(Arc::new(Cluster::new(&joined.settings)?), event, joined.mark);
            records.each(|record| counting.look(&record)).await?;
        }
        None if folder.has_own_records() => {
            let path = folder.path().to_path_buf();
            let newest = tokio::task::spawn_blocking(move || StoredRecords::newest(&path, event)).await?;
            newest?.iter().for_each(|record| counting.look(record));
        }
        None => {}
    }
    let gates = counting.finish();
    say(&if json { serde_json::to_string(&gates)? } else { describe(&gates) })?;
    Ok(ExitCode::SUCCESS)
}

fn describe(gates: &BTreeMap<GateId, HeldByGate>) -> String {
    let mut lines = vec!["Claims that no admission has followed, as far as this box has heard:".to_owned()];
    lines.extend(gates.iter().map(|(gate, of)| {
        let HeldByGate { revoked, unopened, opened, freed } = of;
        let standing = match (revoked, freed) {
            (false, _) => "in force",
            (true, None) => "REVOKED",
            (true, Some(FreedClaims::Unopened)) => "REVOKED, FREE: those that it had not opened for",
            (true, Some(FreedClaims::All)) => "REVOKED, FREE: all",
        };
        format!("{gate}  {unopened} not said to have opened, {opened} opened  {standing}")
    }));
    lines.push("of a gate that is lost: kido-registrar gate free-claims EVENT GATE".to_owned());
    lines.join("\n")
}
