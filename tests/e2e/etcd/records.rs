//! The records themselves, in a real etcd: the contract that every home of records passes, and what only this one can meet.

use std::sync::Arc;
use std::time::Duration;

use kido_arbiter::records::etcd::{Cluster, ClusterError, EtcdSettings, Mark, MarkError, TlsFiles};
use kido_arbiter::records::{ClaimRecords, EtcdRecords, RecordName, RecordsError, Swapped, contract};
use kido_shared::challenge::Origin;
use kido_shared::claim::TicketClaims;
use kido_shared::ids::EventId;
use kido_tests::harness::Etcd;
use rand::rngs::OsRng;

use super::installed;
use crate::chapter::Chapter;

const EVENT: EventId = EventId::from_bytes([0xE7; 16]);

/// How long a new leader may take, on a machine that is busy with other tests.
const NEW_LEADER_WITHIN: Duration = Duration::from_secs(20);

fn name(number: u8) -> RecordName {
    RecordName::from_bytes([number; 32])
}

async fn begun(cluster: &Arc<Cluster>, event: EventId) -> anyhow::Result<EtcdRecords> {
    let mark = Mark::generate(&mut OsRng).begin(cluster, event).await?;
    Ok(EtcdRecords::new(Arc::clone(cluster), event, mark))
}

#[tokio::test(flavor = "multi_thread")]
async fn records_in_an_etcd_keep_the_contract_and_fail_closed() -> anyhow::Result<()> {
    if !installed("etcd records")? {
        return Ok(());
    }
    let mut chapter = Chapter::begin("etcd records", tempfile::Builder::new().prefix("kido-e2e-").tempdir()?);
    let mut etcd = Etcd::start(3, chapter.folder()).await?;
    let cluster = Arc::new(etcd.client(0)?);
    let records = begun(&cluster, EVENT).await?;
    chapter
        .step("what every home of records promises", async {
            contract::keeps(&records).await?;
            Ok(contract::one_of_many_wins(Arc::new(records.clone())).await?)
        })
        .await;
    counted(&mut chapter, &cluster).await;
    history(&mut chapter, &cluster, &records).await;
    apart(&mut chapter).await;
    quota(&mut chapter, &etcd, &records).await;
    silence(&mut chapter, &mut etcd, &records).await;
    chapter.end()
}

/// What an operator counts before claims are set free.
async fn counted(chapter: &mut Chapter, cluster: &Arc<Cluster>) {
    // More than two pages.
    const RECORDS: u8 = 50;
    chapter
        .step("all records of an event are read, page by page, once each and no other event's", async {
            let [event, other] = [0xEA, 0xEB].map(|byte| EventId::from_bytes([byte; 16]));
            let (records, others) = (begun(cluster, event).await?, begun(cluster, other).await?);
            let mut none = 0_u8;
            records.each(|_record| none += 1).await?;
            for number in 0..RECORDS {
                let written = TicketClaims::new().revised();
                anyhow::ensure!(records.compare_and_set(name(number), None, written).await? == Swapped::Stored);
            }
            anyhow::ensure!(others.compare_and_set(name(1), None, TicketClaims::new()).await? == Swapped::Stored);
            let mut read = 0_u8;
            records.each(|record| read += u8::from(record.revision() == 1)).await?;
            anyhow::ensure!((none, read) == (0, RECORDS), "{none} {read}");
            let foreign = EtcdRecords::new(Arc::clone(cluster), event, Mark::generate(&mut OsRng));
            let told = foreign.each(|_record| {}).await;
            anyhow::ensure!(matches!(told, Err(RecordsError::OtherHistory)), "{told:?}");
            Ok(())
        })
        .await;
}

/// Nothing is granted on records that are not the ones that were decided on.
async fn history(chapter: &mut Chapter, cluster: &Arc<Cluster>, records: &EtcdRecords) {
    chapter
        .step("a second box finds the mark of the first, and begins nothing anew", async {
            let (found, again) = (Mark::find(cluster, EVENT).await?, Mark::generate(&mut OsRng));
            anyhow::ensure!(found.is_some() && Some(again.begin(cluster, EVENT).await?) == found);
            Ok(())
        })
        .await;
    chapter
        .step("an etcd with another history of the event grants nothing, and tells nothing", async {
            let foreign = EtcdRecords::new(Arc::clone(cluster), EVENT, Mark::generate(&mut OsRng));
            let written = foreign.compare_and_set(name(20), None, TicketClaims::new()).await;
            anyhow::ensure!(matches!(written, Err(RecordsError::OtherHistory)), "{written:?}");
            let read = foreign.get(name(9)).await;
            anyhow::ensure!(matches!(read, Err(RecordsError::OtherHistory)), "{read:?}");
            anyhow::ensure!(records.get(name(20)).await?.is_none(), "it was written all the same");
            Ok(())
        })
        .await;
    chapter
        .step("an etcd that was emptied grants nothing", async {
            let event = EventId::from_bytes([0xE8; 16]);
            let emptied = begun(cluster, event).await?;
            anyhow::ensure!(emptied.compare_and_set(name(1), None, TicketClaims::new()).await? == Swapped::Stored);
            emptied.wipe().await?;
            let written = emptied.compare_and_set(name(1), None, TicketClaims::new()).await;
            anyhow::ensure!(matches!(written, Err(RecordsError::OtherHistory)), "{written:?}");
            anyhow::ensure!(records.get(name(9)).await?.is_some(), "another event's records are gone, too");
            Ok(())
        })
        .await;
    chapter
        .step("a write whose answer was lost is recognised as made when it is repeated", async {
            let lost = records.compare_and_set(name(21), None, TicketClaims::new()).await?;
            let repeated = records.compare_and_set(name(21), None, TicketClaims::new()).await?;
            anyhow::ensure!((lost, repeated) == (Swapped::Stored, Swapped::Stored));
            Ok(())
        })
        .await;
}

/// Members that are etcds by themselves, as after a snapshot that somebody put back on one box alone.
async fn apart(chapter: &mut Chapter) {
    let folders = ["apart-0", "apart-1"].map(|name| chapter.folder().join(name));
    chapter
        .step("a member that was put back with the mark of the others is not believed", async {
            let (mut one, other) = (Etcd::start(1, &folders[0]).await?, Etcd::start(1, &folders[1]).await?);
            let mark = Mark::generate(&mut OsRng);
            mark.begin(&one.client(0)?, EVENT).await?;
            mark.begin(&other.client(0)?, EVENT).await?;
            let records = EtcdRecords::new(Arc::new(of_both(&one, &other)?), EVENT, mark);
            anyhow::ensure!(records.compare_and_set(name(1), None, TicketClaims::new()).await? == Swapped::Stored);
            one.kill(0).await?;
            let read = records.get(name(1)).await;
            anyhow::ensure!(matches!(read, Err(RecordsError::OtherHistory)), "{read:?}");
            let written = records.compare_and_set(name(1), None, TicketClaims::new()).await;
            anyhow::ensure!(matches!(written, Err(RecordsError::OtherHistory)), "{written:?}");
            one.restart(0).await?;
            anyhow::ensure!(records.get(name(1)).await?.is_some(), "its own etcd is not believed any more");
            Ok(())
        })
        .await;
    let folders = ["apart-2", "apart-3"].map(|name| chapter.folder().join(name));
    chapter
        .step("a member with another history keeps nobody from the one that holds the records", async {
            let (foreign, own) = (Etcd::start(1, &folders[0]).await?, Etcd::start(1, &folders[1]).await?);
            Mark::generate(&mut OsRng).begin(&foreign.client(0)?, EVENT).await?;
            let mark = Mark::generate(&mut OsRng).begin(&own.client(0)?, EVENT).await?;
            let records = EtcdRecords::new(Arc::new(of_both(&foreign, &own)?), EVENT, mark);
            anyhow::ensure!(records.compare_and_set(name(1), None, TicketClaims::new()).await? == Swapped::Stored);
            anyhow::ensure!(records.get(name(1)).await?.is_some());
            Ok(())
        })
        .await;
}

fn of_both(one: &Etcd, other: &Etcd) -> anyhow::Result<Cluster> {
    let addresses = one.endpoints().into_iter().chain(other.endpoints());
    let origins = addresses.map(|address| Ok(Origin::parse(&address)?)).collect::<anyhow::Result<_>>()?;
    Ok(Cluster::new(&EtcdSettings::new(origins, TlsFiles::default())?)?)
}

/// A quota that is used up is told by its name, and ends when somebody has ended it.
async fn quota(chapter: &mut Chapter, etcd: &Etcd, records: &EtcdRecords) {
    chapter
        .step("the quota alarm: reads go on, writes say what it is, and go on once it is disarmed", async {
            alarm(etcd, "ACTIVATE").await?;
            let refused = records.compare_and_set(name(22), None, TicketClaims::new()).await;
            let read = records.get(name(9)).await;
            alarm(etcd, "DEACTIVATE").await?;
            anyhow::ensure!(matches!(refused, Err(RecordsError::QuotaAlarm)), "{refused:?}");
            anyhow::ensure!(read?.is_some());
            anyhow::ensure!(records.compare_and_set(name(22), None, TicketClaims::new()).await? == Swapped::Stored);
            Ok(())
        })
        .await;
}

async fn alarm(etcd: &Etcd, action: &str) -> anyhow::Result<()> {
    let endpoint = etcd.endpoints().into_iter().next().unwrap_or_default();
    let question = serde_json::json!({ "action": action, "alarm": "NOSPACE" });
    let asked = reqwest::Client::new().post(format!("{endpoint}/v3/maintenance/alarm")).json(&question);
    asked.send().await?.error_for_status()?;
    Ok(())
}

/// One member may die; with two of them nothing is said.
async fn silence(chapter: &mut Chapter, etcd: &mut Etcd, records: &EtcdRecords) {
    chapter
        .step("a leader dies: writes go on with the next one, and what was written stands", async {
            let leader = etcd.leader().await?;
            etcd.kill(leader).await?;
            let written = tokio::time::timeout(NEW_LEADER_WITHIN, async {
                loop {
                    if let Ok(written) = records.compare_and_set(name(23), None, TicketClaims::new()).await {
                        break written;
                    }
                }
            });
            anyhow::ensure!(written.await? == Swapped::Stored);
            anyhow::ensure!(records.get(name(9)).await?.is_some());
            let other = etcd.leader().await?;
            etcd.kill(other).await?;
            let (read, write) =
                (records.get(name(9)).await, records.compare_and_set(name(24), None, TicketClaims::new()).await);
            anyhow::ensure!(matches!(read, Err(RecordsError::Silent)), "{read:?}");
            anyhow::ensure!(matches!(write, Err(RecordsError::Silent)), "{write:?}");
            for number in [leader, other] {
                etcd.restart(number).await?;
            }
            anyhow::ensure!(records.get(name(23)).await?.is_some(), "what was written is gone");
            Ok(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_answer_only_those_who_show_a_certificate_of_their_authority() -> anyhow::Result<()> {
    if !installed("etcd certificates")? {
        return Ok(());
    }
    let mut chapter = Chapter::begin("etcd certificates", tempfile::Builder::new().prefix("kido-e2e-").tempdir()?);
    let etcd = Etcd::start_with_certificates(3, chapter.folder()).await?;
    let known = Arc::new(etcd.client(0)?);
    chapter
        .step("with an arbiter's certificate the records keep their contract over TLS", async {
            let records = begun(&known, EVENT).await?;
            tokio::select! {
                broken = contract::keeps(&records) => Ok(broken?),
                // As the shipped box: handshakes are not for steps.
                never = known.stay_in_touch() => match never {},
            }
        })
        .await;
    chapter
        .step("without one, or without their authority, nothing is said", async {
            let ca = etcd.authority().unwrap_or_default();
            for tls in [TlsFiles::new(Some(ca), None, None)?, TlsFiles::default()] {
                let refused = Mark::find(&etcd.client_with(0, tls)?, EVENT).await;
                anyhow::ensure!(matches!(refused, Err(MarkError::Cluster(ClusterError::Silent))), "{refused:?}");
            }
            Ok(())
        })
        .await;
    chapter.end()
}
