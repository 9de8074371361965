//! `kido-arbiter etcd`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use kido_arbiter::identity::{DataFolder, Identity};
use kido_arbiter::records::StoredRecords;
use kido_arbiter::records::etcd::{Cluster, EtcdSettings, JoinedEtcd, Mark, TlsFiles};
use kido_shared::ids::EventId;
use rand::rngs::OsRng;

use super::say;
use crate::EtcdOptions;

pub(super) async fn etcd(folder: &DataFolder, joining: EtcdOptions) -> anyhow::Result<ExitCode> {
    let identity = Identity::load(folder)?;
    has_decided_nothing(folder, identity.enrolment().event)?;
    let EtcdOptions { endpoints, ca, cert, key, begin } = joining;
    let tls = TlsFiles::new(file(ca)?, file(cert)?, file(key)?)?;
    let settings = EtcdSettings::new(endpoints, tls)?;
    let (cluster, before) = (Cluster::new(&settings)?, JoinedEtcd::load(&folder.etcd())?);
    let begin = begin.then(|| Mark::generate(&mut OsRng));
    let joined = JoinedEtcd::join(settings, &cluster, identity.enrolment().event, (before.as_ref(), begin)).await?;
    joined.store(&folder.etcd())?;
    let members = joined.settings.endpoints().len();
    say(&format!("joined: the event's records are in an etcd of {members} endpoints"))?;
    if members < 3 {
        say("An etcd of fewer than three members stands still, or forgets, with one of them. Name all three.")?;
    }
    if !joined.settings.tls().is_known_by_certificate() {
        say("No certificate of this box is named: then whoever reaches the etcd can write there.")?;
    }
    let data = folder.path().display();
    say(&format!("next: kido-arbiter doctor --data {data}, then kido-arbiter run --data {data}"))?;
    Ok(ExitCode::SUCCESS)
}

/// A box that was started before it was told of its etcd has an empty log at worst: it decided nothing.
fn has_decided_nothing(folder: &DataFolder, event: EventId) -> anyhow::Result<()> {
    if folder.has_own_records() {
        let records = StoredRecords::open(folder.path(), event)?;
        let written = records.written();
        records.close()?;
        anyhow::ensure!(
            written == 0,
            "this box has decided on records of its own; enrol it anew in another data folder"
        );
    }
    Ok(())
}

/// A file's own path: the service runs in another folder than this terminal.
fn file(path: Option<PathBuf>) -> anyhow::Result<Option<String>> {
    let Some(path) = path else { return Ok(None) };
    let whole = std::path::absolute(&path).with_context(|| format!("{} has no absolute path", path.display()))?;
    let text = whole.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(Some(text.to_owned()))
}
