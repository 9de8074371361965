//! Events and tickets that a test has its registrar make. Their times are told from now.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Registrar, read, text};
use crate::harness::HarnessError;

/// What happens at a gate while no arbiter answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfflineChoice {
    /// Nobody enters.
    Refuse,
    /// Tickets of the gate's own zone enter.
    HomeGate,
    /// Everybody with a proof enters.
    Admit,
}

/// An event to be created. Times are in seconds from now.
#[derive(Debug, Clone)]
pub struct EventOptions {
    /// What people call it.
    pub name: String,
    /// The offline choice.
    pub offline: OfflineChoice,
    /// Usable tickets on one card.
    pub tickets_per_card: u16,
    /// `registrar`, `local` or `venue`.
    pub arbiter: &'static str,
    /// In how many days it is; today where it is none.
    pub days_ahead: u32,
    /// Oldest knowledge that a gate admits with, in minutes; the registrar's default where nothing is said.
    pub replica_age_minutes: Option<u32>,
}

impl Default for EventOptions {
    fn default() -> Self {
        Self {
            name: "木戸の夕べ".to_owned(),
            offline: OfflineChoice::Refuse,
            tickets_per_card: 4,
            arbiter: "registrar",
            days_ahead: 0,
            replica_age_minutes: None,
        }
    }
}

/// One row of an import, valid around now unless said otherwise.
#[derive(Debug, Clone)]
pub struct TicketRow {
    /// The shop's reference.
    pub ticket_ref: String,
    /// Where.
    pub zone: &'static str,
    /// Which place.
    pub seat_label: String,
    /// From when, in seconds from now.
    pub from_s: i64,
    /// Until when, in seconds from now.
    pub until_s: i64,
    /// How often.
    pub entries: &'static str,
    /// With whom.
    pub party: &'static str,
}

impl TicketRow {
    /// An ordinary ticket of zone A, open now.
    #[must_use]
    pub fn open_now(ticket_ref: &str) -> Self {
        Self {
            ticket_ref: ticket_ref.to_owned(),
            zone: "A",
            seat_label: format!("1F {ticket_ref}").chars().take(20).collect(),
            from_s: -3_600,
            until_s: 6 * 3_600,
            entries: "1",
            party: "",
        }
    }

    /// The same, for this place.
    #[must_use]
    pub fn open_now_at(ticket_ref: &str, seat_label: &str) -> Self {
        Self { seat_label: seat_label.to_owned(), ..Self::open_now(ticket_ref) }
    }
}

impl Registrar {
    /// Creates an event and a rehearsal of it, which accepts test cards; gives the rehearsal's id.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn rehearsal(&self, options: &EventOptions) -> Result<String, HarnessError> {
        let real = self.event(options, None).await?;
        self.event(options, Some(&real)).await
    }

    /// Creates an event that takes cards in circulation only.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn real_event(&self, options: &EventOptions) -> Result<String, HarnessError> {
        self.event(options, None).await
    }

    async fn event(&self, options: &EventOptions, rehearsal_of: Option<&str>) -> Result<String, HarnessError> {
        let now = now_s() + i64::from(options.days_ahead) * 86_400;
        let (starts, ends) = (rfc3339(now - 1_800), rfc3339(now + 6 * 3_600));
        let cards = options.tickets_per_card.to_string();
        let offline = match options.offline {
            OfflineChoice::Refuse => "refuse",
            OfflineChoice::HomeGate => "home-gate",
            OfflineChoice::Admit => "admit",
        };
        let mut arguments = vec![
            "event",
            "create",
            "--name",
            &options.name,
            "--starts-at",
            &starts,
            "--ends-at",
            &ends,
            "--offline",
            offline,
            "--tickets-per-card",
            &cards,
            "--arbiter",
            options.arbiter,
        ];
        let age = options.replica_age_minutes.map(|minutes| minutes.to_string());
        if let Some(age) = &age {
            arguments.extend(["--replica-age-minutes", age]);
        }
        if let Some(real) = rehearsal_of {
            arguments.extend(["--rehearsal-of", real]);
        }
        text(&self.json(&arguments).await?, "event")
    }

    /// Imports tickets and gives the link of each, by reference.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn import(
        &self,
        event: &str,
        rows: &[TicketRow],
        reserved: bool,
    ) -> Result<BTreeMap<String, String>, HarnessError> {
        let name = rows.first().map_or("none", |row| row.ticket_ref.as_str());
        let table = self.folder.with_file_name(format!("import-{name}.csv"));
        let codes = self.folder.with_file_name(format!("codes-{name}.csv"));
        write(&table, &csv(rows))?;
        let (table, out) = (table.display().to_string(), codes.display().to_string());
        let mut arguments = vec!["tickets", "import", event, &table, "--codes", &out];
        if reserved {
            arguments.push("--reserved");
        }
        self.json(&arguments).await?;
        let listed = read(&codes)?;
        let line = |line: &str| line.split_once(',').map(|(name, link)| (name.to_owned(), link.trim().to_owned()));
        Ok(listed.lines().skip(1).filter_map(line).collect())
    }
}

fn csv(rows: &[TicketRow]) -> String {
    let now = now_s();
    let mut table = "ticket_ref,order_ref,zone,seat_label,valid_from,valid_until,entries,party\n".to_owned();
    for row in rows {
        let (from, until) = (rfc3339(now + row.from_s), rfc3339(now + row.until_s));
        let TicketRow { ticket_ref, zone, seat_label, entries, party, .. } = row;
        table.push_str(&format!(
            "{ticket_ref},ORDER-{ticket_ref},{zone},{seat_label},{from},{until},{entries},{party}\n"
        ));
    }
    table
}

fn write(path: &Path, text: &str) -> Result<(), HarnessError> {
    std::fs::write(path, text).map_err(|source| HarnessError::File { path: path.to_owned(), source })
}

fn now_s() -> i64 {
    use kido_shared::clock::{Clock as _, SystemClock};
    SystemClock.now().unix_seconds()
}

/// A moment as RFC 3339 in UTC.
fn rfc3339(seconds: i64) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    moment.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
