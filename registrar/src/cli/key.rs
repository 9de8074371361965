//! `key rotate | list | stock`: the keys that feeds are signed with, and the root key's word for them.

use core::time::Duration;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use ed25519_dalek::SigningKey;
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_shared::error_chain::Chain;
use kido_shared::feed::{FeedError, FeedKeyStatement};
use kido_shared::ids::EventId;
use kido_shared::wire::v1::operator::{
    self, AskNextFeedKey, ChangeFeedKey, EventList, FeedKeyBody, FeedKeyList, NextFeedKey,
};

use super::client::Client;
use super::console::Console;
use super::{CliError, Connection, moment};
use crate::config::{DataFolder, ServeConfig, ServeFlags};
use crate::entropy::Entropy;
use crate::keyring::{FEED_KEY_BACKDATED, FEED_KEY_VALIDITY, Keyring, KeyringError, read_root_key};

const EXAMPLES: &str = "\
Examples:
  kido-registrar key list
  kido-registrar key rotate EVENT --root-key /media/safe/root.key
  kido-registrar key rotate --all --root-key /media/safe/root.key
  kido-registrar key stock --data DIR --root-key /media/safe/root.key
The registrar makes the new key; the root key signs it here, on the machine that this is said on, and is sent nowhere. Bring
it back for that moment alone. Gates and arbiters hear of the new key from the feed, or, when they come back later, from
the registrar. Heads of the old key stay good until its own word ends: nothing is interrupted.

A feed key was stolen, or the machine that it lay on:
  kido-registrar key rotate EVENT --root-key FILE --revoke-older
The new key is made afresh: one that an earlier rotation, broken off, may have left where the thief was is destroyed.
Whoever has heard of it believes no older key any more. A gate that has not heard of it yet may still be told lies by whoever
holds the stolen key: bring it on line, or carry a fresh `feed export` to it.";

const STOCK: &str = "\
An event's id and its first feed key are certified before there is an event, so that the root key can stay away when one is
made. `init` makes 64 of them, for 400 days; `kido-registrar doctor` says how many are left. The registrar may run meanwhile.";

/// Look at the keys that feeds are signed with, and put new ones in force
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct KeyArgs {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Put a new feed key in force, certified with the root key
    #[command(after_help = EXAMPLES)]
    Rotate {
        /// The event's id
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        event: Option<EventId>,
        /// Every event of this registrar
        #[arg(long)]
        all: bool,
        /// The root key, as `init` wrote it
        #[arg(long, value_name = "FILE")]
        root_key: PathBuf,
        /// Let no older key of the event be believed any more: one of them was stolen
        #[arg(long)]
        revoke_older: bool,
        /// When the new key's time ends [default: in 400 days]
        #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
        until: Option<Timestamp>,
    },
    /// Certify spare keys for more events to come, on the registrar's machine and as its user
    #[command(after_help = STOCK)]
    Stock {
        /// Folder that `init` has made
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The root key, as `init` wrote it
        #[arg(long, value_name = "FILE")]
        root_key: PathBuf,
        /// For how many events
        #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        count: u16,
        /// The master key, where it is kept better than in the keyring
        #[arg(long, env = "KIDO_MASTER_KEY_FILE", value_name = "FILE")]
        master_key: Option<PathBuf>,
    },
    /// List feed keys and when they end, of one event or of all
    List {
        /// The event's id
        event: Option<EventId>,
    },
}

/// Why no feed key was changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyCommandError {
    /// The root key's file.
    #[error("the root key cannot be used")]
    Root(#[source] KeyringError),
    /// The keyring.
    #[error("nothing was certified")]
    Keyring(#[source] KeyringError),
    /// The registrar's root key is another one.
    #[error("this is another root key than the registrar's")]
    OtherRoot,
    /// The registrar answers with something of another event.
    #[error("the registrar answers for another event")]
    OtherEvent,
    /// Of several events, some were refused.
    #[error(
        "{failed} of {all} events keep the key that they had; the others have their new one. For each: mend what its line \
         says, then kido-registrar key rotate EVENT, with the same options"
    )]
    NotAll {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// Such a statement is none.
    #[error("the new key cannot be certified so")]
    Certificate(#[source] FeedError),
}

/// What was done, as it is printed.
#[derive(Debug, serde::Serialize)]
struct Rotated {
    event: EventId,
    key: FeedKeyBody,
}

/// An event whose key stays, and why.
#[derive(Debug, serde::Serialize)]
struct NotRotated {
    event: EventId,
    reason: String,
}

#[derive(Debug, Default, serde::Serialize)]
struct AllRotated {
    events: Vec<Rotated>,
    failed: Vec<NotRotated>,
}

#[derive(Debug, serde::Serialize)]
struct AllKeys {
    events: Vec<FeedKeyList>,
}

pub(super) async fn run(args: KeyArgs) -> Result<(), CliError> {
    let KeyArgs { connection, command } = args;
    let console = connection.console();
    match command {
        KeyCommand::Rotate { event, all: _, root_key, revoke_older, until } => {
            let client = Client::of(&connection)?;
            let root = root(&root_key)?;
            rotate(&client, console, event, &Word { root, revoke_older, until }).await
        }
        KeyCommand::List { event } => list(&Client::of(&connection)?, console, event).await,
        KeyCommand::Stock { data, root_key, count, master_key } => {
            let flags = ServeFlags { master_key, ..ServeFlags::default() };
            let config = ServeConfig::resolve(DataFolder::at(data), flags)?;
            console.show(&stock(&config, &root_key, count)?, |Stocked { spare }| format!("for {spare} more events"))
        }
    }
}

/// How many events can be made now before the root key is needed again.
#[derive(Debug, serde::Serialize)]
struct Stocked {
    spare: usize,
}

fn stock(config: &ServeConfig, root_key: &Path, count: u16) -> Result<Stocked, KeyCommandError> {
    let now = SystemClock.now();
    let keyring = Keyring::open(&config.data.keyring(), &config.master_key).map_err(KeyCommandError::Keyring)?;
    let mut random = Entropy::from_system().fork();
    let added = keyring.add_identities(root_key, usize::from(count), now, &mut random);
    added.map_err(KeyCommandError::Keyring)?;
    Ok(Stocked { spare: keyring.spare_identities(now).map_err(KeyCommandError::Keyring)? })
}

fn root(file: &Path) -> Result<SigningKey, KeyCommandError> {
    read_root_key(file).map_err(KeyCommandError::Root)
}

/// How the root key is to speak for new keys.
struct Word {
    root: SigningKey,
    revoke_older: bool,
    until: Option<Timestamp>,
}

impl Word {
    /// Certifies a key that follows on another one.
    fn certify(&self, next: &NextFeedKey, now: Timestamp) -> Result<ChangeFeedKey, KeyCommandError> {
        if self.root.verifying_key().to_bytes() != next.root_key {
            return Err(KeyCommandError::OtherRoot);
        }
        // Later than the one before, also where two are made within the time that validity is dated back.
        let later = next.in_force.valid_from.after(Duration::from_millis(1));
        let valid_from = now.before(FEED_KEY_BACKDATED).max(later);
        let statement = FeedKeyStatement {
            event: next.event,
            verifying_key: next.verifying_key,
            valid_from,
            valid_until: self.until.unwrap_or_else(|| now.after(FEED_KEY_VALIDITY)),
            revokes_before: if self.revoke_older { Some(valid_from) } else { next.in_force.revokes_before },
        };
        let certificate = statement.sign(&self.root).map_err(KeyCommandError::Certificate)?;
        Ok(ChangeFeedKey { certificate: certificate.as_bytes().to_vec() })
    }
}

async fn rotate(client: &Client, console: Console, event: Option<EventId>, word: &Word) -> Result<(), CliError> {
    let next = "next: put the root key away again; kido-registrar feed export, for gates without a line";
    if let Some(event) = event {
        let key = rotate_one(client, event, word).await?;
        let rotated = AllRotated { events: vec![Rotated { event, key }], failed: Vec::new() };
        return console.show(&rotated, |_one| format!("{}\n{next}", rotated.lines()));
    }
    let events = events(client, None).await?;
    let rotated = each(&events, async |event| rotate_one(client, event, word).await).await;
    console.show(&rotated, |rotated| format!("{}\n{next}", rotated.lines()))?;
    match rotated.failed.len() {
        0 => Ok(()),
        failed => Err(KeyCommandError::NotAll { failed, all: events.len() }.into()),
    }
}

/// Rotates one event after the other. One that is refused holds up no other; what would meet every other one as well (no
/// line, another root key) ends it, and those that are left are named with it.
async fn each(events: &[EventId], one: impl AsyncFn(EventId) -> Result<FeedKeyBody, CliError>) -> AllRotated {
    let (mut rotated, mut left) = (AllRotated::default(), events.iter().copied());
    while let Some(event) = left.next() {
        match one(event).await {
            Ok(key) => rotated.events.push(Rotated { event, key }),
            Err(refused @ CliError::Refused(_)) => {
                rotated.failed.push(NotRotated { event, reason: refused.to_string() });
            }
            Err(error) => {
                let reason = Chain(&error).to_string();
                let not_asked = left.by_ref().map(|event| NotRotated { event, reason: format!("not asked: {reason}") });
                let mut failed = not_asked.collect();
                rotated.failed.push(NotRotated { event, reason });
                rotated.failed.append(&mut failed);
            }
        }
    }
    rotated
}

impl AllRotated {
    fn lines(&self) -> String {
        let rotated = self.events.iter().map(|Rotated { event, key }| described(*event, key));
        let failed = self.failed.iter().map(|NotRotated { event, reason }| format!("{event}  NOT ROTATED: {reason}"));
        rotated.chain(failed).collect::<Vec<_>>().join("\n")
    }
}

async fn rotate_one(client: &Client, event: EventId, word: &Word) -> Result<FeedKeyBody, CliError> {
    let ask = AskNextFeedKey { afresh: word.revoke_older };
    let next: NextFeedKey = client.post(&operator::feed_key_next(event), &ask).await?;
    if next.event != event {
        return Err(KeyCommandError::OtherEvent.into());
    }
    let change = word.certify(&next, SystemClock.now())?;
    client.post(&operator::feed_keys(event), &change).await
}

async fn events(client: &Client, event: Option<EventId>) -> Result<Vec<EventId>, CliError> {
    if let Some(event) = event {
        return Ok(vec![event]);
    }
    let all: EventList = client.get(operator::EVENTS).await?;
    Ok(all.events.into_iter().map(|event| event.event).collect())
}

async fn list(client: &Client, console: Console, event: Option<EventId>) -> Result<(), CliError> {
    let mut lists: Vec<FeedKeyList> = Vec::new();
    for event in events(client, event).await? {
        lists.push(client.get(&operator::feed_keys(event)).await?);
    }
    console.show(&AllKeys { events: lists }, |AllKeys { events }| {
        let of_one = |list: &FeedKeyList| {
            let lines = list.keys.iter().map(|key| described(list.event, key));
            lines.collect::<Vec<_>>().join("\n")
        };
        events.iter().map(of_one).collect::<Vec<_>>().join("\n")
    })
}

fn described(event: EventId, key: &FeedKeyBody) -> String {
    let (from, until) = (moment::show(key.valid_from), moment::show(key.valid_until));
    let revoked = if key.revoked { "  REVOKED" } else { "" };
    let revokes = key.revokes_before.map(|before| format!("  revokes those from before {}", moment::show(before)));
    format!("{event}  {from} to {until}{revoked}{}", revokes.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const EVENT: EventId = EventId::from_bytes([1; 16]);

    fn word(revoke_older: bool) -> Word {
        Word { root: SigningKey::from_bytes(&[2; 32]), revoke_older, until: None }
    }

    fn next(root: &SigningKey, valid_from: Timestamp, revokes_before: Option<Timestamp>) -> NextFeedKey {
        let key = |number| SigningKey::from_bytes(&[number; 32]).verifying_key().to_bytes();
        let valid_until = valid_from.after(FEED_KEY_VALIDITY);
        let in_force = FeedKeyBody { verifying_key: key(3), valid_from, valid_until, revokes_before, revoked: false };
        NextFeedKey { event: EVENT, root_key: root.verifying_key().to_bytes(), verifying_key: key(4), in_force }
    }

    fn said(word: &Word, next: &NextFeedKey) -> FeedKeyStatement {
        let change = word.certify(next, NOW).unwrap();
        let certificate = kido_shared::feed::FeedKeyCertificate::from_bytes(change.certificate).unwrap();
        certificate.verify(&word.root.verifying_key(), EVENT).unwrap()
    }

    #[test]
    fn a_new_key_begins_later_than_the_one_before_and_goes_on_revoking_what_that_revoked() {
        let root = word(false).root;
        let last_year = next(&root, NOW.before(FEED_KEY_VALIDITY), None);
        let statement = said(&word(false), &last_year);
        assert_eq!((statement.valid_from, statement.revokes_before), (NOW.before(FEED_KEY_BACKDATED), None));
        assert_eq!(statement.valid_until, NOW.after(FEED_KEY_VALIDITY));
        let today = NOW.before(FEED_KEY_BACKDATED);
        let statement = said(&word(false), &next(&root, today, Some(today)));
        assert!(statement.valid_from > today, "made twice in one moment");
        assert_eq!(statement.revokes_before, Some(today));
        let statement = said(&word(true), &next(&root, today, None));
        assert_eq!(statement.revokes_before, Some(statement.valid_from));
    }

    fn refused() -> CliError {
        let said = serde_json::json!({"type": "about:blank", "title": "Conflict", "status": 409, "code": "recovering",
            "detail": "the event is being got back", "instance": "test"});
        CliError::Refused(Box::new(serde_json::from_value(said).unwrap()))
    }

    #[tokio::test]
    async fn an_event_that_is_refused_holds_up_no_other_one() {
        let events: Vec<EventId> = (1..=3).map(|number| EventId::from_bytes([number; 16])).collect();
        let key = next(&word(false).root, NOW, None).in_force;
        let one = async |event| if event == events[1] { Err(refused()) } else { Ok(key.clone()) };
        let rotated = each(&events, one).await;
        assert_eq!(rotated.events.iter().map(|rotated| rotated.event).collect::<Vec<_>>(), [events[0], events[2]]);
        assert_eq!(rotated.failed.iter().map(|failed| failed.event).collect::<Vec<_>>(), [events[1]]);
        assert!(rotated.lines().ends_with("NOT ROTATED: the event is being got back [recovering]"));
    }

    #[tokio::test]
    async fn what_would_meet_every_event_ends_it_and_names_those_that_are_left() {
        let events: Vec<EventId> = (1..=3).map(|number| EventId::from_bytes([number; 16])).collect();
        let key = next(&word(false).root, NOW, None).in_force;
        let other_root = || Err(KeyCommandError::OtherRoot.into());
        let one = async |event| match () {
            () if event == events[0] => Ok(key.clone()),
            () if event == events[1] => other_root(),
            () => panic!("asked in vain"),
        };
        let rotated = each(&events, one).await;
        let failed: Vec<_> = rotated.failed.iter().map(|failed| (failed.event, failed.reason.as_str())).collect();
        let reason = "this is another root key than the registrar's";
        assert_eq!(failed, [(events[1], reason), (events[2], format!("not asked: {reason}").as_str())]);
    }

    #[test]
    fn nothing_is_signed_for_a_registrar_of_another_root() {
        let other = SigningKey::from_bytes(&[5; 32]);
        let refused = word(false).certify(&next(&other, NOW, None), NOW);
        assert!(matches!(refused, Err(KeyCommandError::OtherRoot)));
    }
}
