//! `event cut`: the root key's word that an event's feed begins anew.

use core::time::Duration;
use std::path::PathBuf;

use clap::Args;
use ed25519_dalek::SigningKey;
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_shared::feed::{EpochCut, FeedError};
use kido_shared::ids::EventId;
use kido_shared::wire::v1::operator::{self, CutFeed, EventBody, FeedCutBody, KnownEpoch};

use crate::cli::client::Client;
use crate::cli::console::Console;
use crate::cli::{CliError, ClientError};
use crate::error::codes::{BUSY, DEADLINE};
use crate::keyring::{KeyringError, read_root_key};

/// How long after an answer that never came, or came too early, the word is said again.
const SAY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How often, each time for up to a minute: the largest event that is planned for takes a few.
const SAID_AGAIN_MAX: usize = 60;

pub(super) const HELP: &str = "\
Example:
  kido-registrar event cut EVENT --root-key /media/safe/root.key
After a restore, where `event recover` cannot get everything back: a gate that has the missing records will not come again,
or gates already refuse this registrar because it went on without them (--lost-records), or it was restored to before a cut.

What this registrar knows now becomes the truth: it is told anew, from the first record on, in another epoch. The root key
signs that here, on the machine that this is said on, and is sent nowhere. Bring it for that moment alone.
  gates, arbiters  exchange what they have for the new epoch, in one step, as soon as they hear of it, today or in a week; a
                   gate without a line takes it from a fresh `feed export`. Until then they go on with what they have.
  journals         are kept, and every gate is asked for its own once more: who got in is in, as far as journals tell. Until
                   they are here no claim is answered; `event recover EVENT --without GATE` leaves out one that will not come.
  lost for good    whatever this registrar does not know: tickets imported, cards bound, suspensions and cancellations of
                   the time that is missing. Import those tickets again; their holders bind again. Who had entered with such a
                   ticket can enter once more with the new one: bring the gates' records back first wherever they are.
It is asked once; --yes answers for a program. A large event takes minutes: the same word is said again until it is answered.
If this command was interrupted, look at `event show` first: a later epoch there means that the cut was made, and the same
command again makes another.";

/// Begin an event's feed anew with the root key
#[derive(Debug, Args)]
pub(super) struct CutArgs {
    /// The event's id
    event: EventId,
    /// The root key, as `init` wrote it
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Why no feed was cut.
#[derive(Debug, thiserror::Error)]
pub enum CutCommandError {
    /// The root key's file.
    #[error("the root key cannot be used")]
    Root(#[source] KeyringError),
    /// The registrar's root key is another one.
    #[error("this is another root key than the registrar's")]
    OtherRoot,
    /// The registrar answers with something of another event.
    #[error("the registrar answers for another event")]
    OtherEvent,
    /// Such a statement is none.
    #[error("the cut cannot be signed")]
    Cut(#[source] FeedError),
    /// The operator typed another name than the event's.
    #[error("that is not the event's name; nothing was cut")]
    NotAgreed,
}

pub(super) async fn run(client: &Client, console: Console, wanted: CutArgs) -> Result<(), CliError> {
    let CutArgs { event, root_key, yes } = wanted;
    let root = read_root_key(&root_key).map_err(CutCommandError::Root)?;
    let known: KnownEpoch = client.get(&operator::feed_cuts(event)).await?;
    let cut = sign(&root, event, &known, SystemClock.now())?;
    if !yes {
        agree(client, console, event).await?;
    }
    let body = say(client, console, event, &cut).await?;
    console.show(&body, describe)
}

/// Says the word until it is answered. A large event takes longer than one request may; the very same word said again is
/// the same cut, and is answered once that has come to its end.
async fn say(client: &Client, console: Console, event: EventId, cut: &CutFeed) -> Result<FeedCutBody, CliError> {
    let path = operator::feed_cuts(event);
    for _again in 0..SAID_AGAIN_MAX {
        match client.post(&path, cut).await {
            Err(error) if goes_on(&error) => console.note("The feed begins anew; it takes its time …")?,
            answer => return answer,
        }
        tokio::time::sleep(SAY_AGAIN_AFTER).await;
    }
    client.post(&path, cut).await
}

/// Whether a cut may be under way behind this answer: it is told of to its end, whoever still waits for it.
fn goes_on(error: &CliError) -> bool {
    if let CliError::Client(ClientError::Unreachable { source, .. }) = error {
        return source.is_timeout() && !source.is_connect();
    }
    [BUSY, DEADLINE].iter().any(|code| error.is_refused_as(code))
}

/// The root key's word, where it is this registrar's.
fn sign(root: &SigningKey, event: EventId, known: &KnownEpoch, now: Timestamp) -> Result<CutFeed, CutCommandError> {
    if root.verifying_key().to_bytes() != known.root_key {
        return Err(CutCommandError::OtherRoot);
    }
    if known.event != event {
        return Err(CutCommandError::OtherEvent);
    }
    let cut = EpochCut::after(event, known.epoch, now).sign(root).map_err(CutCommandError::Cut)?;
    Ok(CutFeed { cut: cut.into_bytes() })
}

/// Lets the operator type the event's name.
async fn agree(client: &Client, console: Console, event: EventId) -> Result<(), CliError> {
    let known: EventBody = client.get(&operator::event(event)).await?;
    console.note(&super::describe(&known))?;
    console.note(
        "whatever this registrar does not know of the event is given up; its gates begin anew with what it knows",
    )?;
    let typed = console.ask("This cannot be undone. Type the event's name to cut its feed: ").await?;
    if typed.trim() == known.name.trim() { Ok(()) } else { Err(CutCommandError::NotAgreed.into()) }
}

fn describe(body: &FeedCutBody) -> String {
    let FeedCutBody { event, epoch, records, .. } = body;
    format!(
        "{event}: epoch {epoch}, {records} records\n\
         next: put the root key away again; kido-registrar event recover {event}, for the journals of its gates;\n\
         kido-registrar feed export, for gates without a line"
    )
}

#[cfg(test)]
mod tests {
    use kido_shared::ids::Epoch;
    use kido_shared::wire::v1::problem::Problem;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const EVENT: EventId = EventId::from_bytes([1; 16]);

    fn known(root: &SigningKey, event: EventId) -> KnownEpoch {
        KnownEpoch { event, root_key: root.verifying_key().to_bytes(), epoch: Epoch::new(4) }
    }

    #[test]
    fn a_cut_leads_behind_every_epoch_that_the_registrar_knows() {
        let root = SigningKey::from_bytes(&[2; 32]);
        let said = |now| {
            let CutFeed { cut } = sign(&root, EVENT, &known(&root, EVENT), now).unwrap();
            *EpochCut::verify(&cut, &root.verifying_key(), EVENT).unwrap().cut()
        };
        assert_eq!(said(NOW), EpochCut { event: EVENT, epoch: Epoch::new(1_800_000_000), at: NOW });
        let early = Timestamp::from_unix_seconds(2);
        assert_eq!(said(early).epoch, Epoch::new(5), "a clock that begins in 1970");
    }

    #[test]
    fn a_word_is_said_again_while_its_cut_may_go_on_and_not_once_it_was_refused() {
        let refused = |code: &str| {
            let (kind, title, detail) = (format!("urn:kido:problem:{code}"), String::new(), String::new());
            let (code, reasons) = (code.to_owned(), Vec::new());
            CliError::Refused(Box::new(Problem { kind, title, status: 503, detail, instance: None, code, reasons }))
        };
        assert!(goes_on(&refused(BUSY)) && goes_on(&refused(DEADLINE)));
        for code in ["not_forward", "not_the_roots", "recovery_cut_off", "role", "stopping"] {
            assert!(!goes_on(&refused(code)), "{code}");
        }
        assert!(!goes_on(&CliError::Client(ClientError::NoToken)));
    }

    #[test]
    fn nothing_is_signed_for_a_registrar_of_another_root_or_for_another_event() {
        let (root, other) = (SigningKey::from_bytes(&[2; 32]), SigningKey::from_bytes(&[5; 32]));
        let of_other_root = sign(&root, EVENT, &known(&other, EVENT), NOW);
        assert!(matches!(of_other_root, Err(CutCommandError::OtherRoot)));
        let of_other_event = sign(&root, EVENT, &known(&root, EventId::from_bytes([9; 16])), NOW);
        assert!(matches!(of_other_event, Err(CutCommandError::OtherEvent)));
    }
}
