//! Whether the etcd of a box that shares its records is fit to decide on.

use std::time::Duration;

use kido_doctor::{Finding, Severity};
use kido_shared::error_chain::Chain;
use kido_shared::ids::EventId;

use crate::records::etcd::{Cluster, JoinedEtcd, Mark, Member, MemberStanding};

/// Members below which the loss of one is the loss of all.
const MEMBERS_MIN: usize = 3;

/// An answer about nothing that takes longer leaves a write no room within a gate's 300 ms.
const SLOW: Duration = Duration::from_millis(100);

/// Above this a database is worth a look: etcd's own quota is 2 GB, and 100,000 tickets with all their changes of a day
/// are a tenth of it.
const DB_BYTES_LOOK: u64 = 1_500_000_000;

/// Looks at every member, at their alarms, and at the mark.
pub(super) async fn look(joined: &JoinedEtcd, event: EventId) -> Vec<Finding> {
    let cluster = match Cluster::new(&joined.settings) {
        Ok(cluster) => cluster,
        Err(error) => return vec![Finding::broken("etcd", Chain(&error).to_string())],
    };
    let members = cluster.look().await;
    let mut findings: Vec<Finding> = members.iter().map(of_member).collect();
    findings.push(of_all(&members));
    findings.extend(of_alarms(&members));
    findings.push(match Mark::find(&cluster, event).await {
        Ok(Some(found)) if found == joined.mark => {
            Finding::well("records", "the etcd holds the history that this box decides on")
        }
        Ok(Some(_other)) => Finding::broken("records", "the etcd holds another history of this event's records"),
        Ok(None) => Finding::broken("records", "the etcd was emptied: it has lost this event's records"),
        Err(error) => Finding::broken("records", Chain(&error).to_string()),
    });
    findings
}

fn of_member(Member { origin, standing }: &Member) -> Finding {
    match standing {
        Err(error) => Finding::look("etcd member", format!("{origin}: {error}")),
        Ok(MemberStanding { has_leader: false, .. }) => {
            Finding::look("etcd member", format!("{origin} knows no leader: it does not reach the others"))
        }
        Ok(MemberStanding { version, leads, db_bytes, took, .. }) => {
            let role = if *leads { "leads" } else { "follows" };
            let (ms, mb) = (took.as_secs_f64() * 1_000.0, *db_bytes >> 20);
            let severity = if *took > SLOW || *db_bytes > DB_BYTES_LOOK { Severity::Look } else { Severity::Well };
            let said = format!("{origin} {role}, etcd {version}, {ms:.1} ms, {mb} MB");
            Finding { subject: "etcd member", severity, said }
        }
    }
}

/// Whether enough of them are there to decide, and enough to lose one.
fn of_all(members: &[Member]) -> Finding {
    let well = members.iter().filter_map(|member| member.standing.as_ref().ok()).filter(|standing| standing.has_leader);
    let (up, size) = well.fold((0_usize, 0), |(up, size), one| (up.saturating_add(1), size.max(one.members)));
    let leaders = members.iter().filter(|member| member.standing.as_ref().is_ok_and(|one| one.leads)).count();
    let said = format!("{up} of {size} members answer here, {leaders} of them leads");
    if up == 0 {
        return Finding::broken("etcd", "no member answers with a leader: nothing can be decided");
    }
    if size < MEMBERS_MIN {
        return Finding::look("etcd", format!("{said}; fewer than three members cannot lose one"));
    }
    let severity = if up < size || leaders != 1 { Severity::Look } else { Severity::Well };
    Finding { subject: "etcd", severity, said }
}

fn of_alarms(members: &[Member]) -> Vec<Finding> {
    let mut alarms: Vec<&str> = members
        .iter()
        .filter_map(|member| member.standing.as_ref().ok())
        .flat_map(|standing| standing.alarms.iter().map(String::as_str))
        .collect();
    alarms.sort_unstable();
    alarms.dedup();
    alarms.into_iter().map(of_alarm).collect()
}

fn of_alarm(alarm: &str) -> Finding {
    let said = match alarm {
        "NOSPACE" => {
            "the quota alarm is raised, nothing more is written: etcdctl compact, etcdctl defrag, etcdctl alarm disarm"
        }
        "CORRUPT" => "the members' data differ: stop the member that is wrong and let it join anew",
        _other => "an alarm is raised: see etcdctl alarm list",
    };
    Finding::broken("etcd alarm", said)
}

#[cfg(test)]
mod tests {
    use kido_shared::challenge::Origin;

    use super::*;
    use crate::records::etcd::ClusterError;

    fn member(number: u8, standing: Result<MemberStanding, ClusterError>) -> Member {
        Member { origin: Origin::parse(&format!("https://etcd-{number}.example:2379")).unwrap(), standing }
    }

    fn well(leads: bool, alarms: &[&str]) -> Result<MemberStanding, ClusterError> {
        Ok(MemberStanding {
            version: "3.4.23".to_owned(),
            leads,
            has_leader: true,
            db_bytes: 20_480,
            took: Duration::from_millis(3),
            members: 3,
            alarms: alarms.iter().map(|alarm| (*alarm).to_owned()).collect(),
        })
    }

    #[test]
    fn one_member_may_be_down_and_without_a_leader_nothing_is_decided() {
        let silent = || Err(ClusterError::Silent);
        let all = [member(1, well(true, &[])), member(2, well(false, &[])), member(3, well(false, &[]))];
        assert_eq!(of_all(&all).severity, Severity::Well);
        let two = [member(1, well(true, &[])), member(2, silent()), member(3, well(false, &[]))];
        assert_eq!(of_all(&two).severity, Severity::Look);
        let lost = well(false, &[]).map(|standing| MemberStanding { has_leader: false, ..standing });
        let one = [member(1, lost), member(2, silent()), member(3, silent())];
        assert_eq!(of_all(&one).severity, Severity::Broken);
    }

    #[test]
    fn a_quota_alarm_is_told_once_and_how_to_end_it() {
        let members = [member(1, well(true, &["NOSPACE"])), member(2, well(false, &["NOSPACE"]))];
        let told = of_alarms(&members);
        assert_eq!(told.len(), 1);
        assert!(told[0].severity == Severity::Broken && told[0].said.contains("etcdctl alarm disarm"));
    }
}
