//! `feed export`: an event's feed in a file, for a gate without a line.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use kido_shared::carried::{FeedFileBegin, items};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedError, FeedHead, FollowedTo, RangeNeed, decode_range, encode_range};
use kido_shared::ids::EventId;
use kido_shared::limits::{FEED_HEAD_BYTES_MAX, FEED_RANGE_BYTES_MAX, FEED_RANGE_RECORDS};
use kido_shared::wire::v1::routes;
use kido_store::new_file::{NewFile, Readers};
use kido_store::private_file::PrivateFileError;

use super::client::Client;
use super::console::Console;
use super::progress::Progress;
use super::{CliError, Connection, moment};

const HELP: &str = "\
Example:
  kido-registrar feed export EVENT /media/stick/evening.feed
It writes everything that the event's gates know up to this moment into one file, 25 MB for 100,000 tickets. Nothing of it
is secret and nothing of it can be changed on the way: it is the ciphertext and the signatures that any cache may keep. No
token is needed, and no file that is there is overwritten.

Carry it to a gate whose line is dead, and there, while the gate runs:
  kido-gate import /media/stick/evening.feed --data DIR
Any number of gates of this event take the same file, an older or a second one does no harm, and after any failure the same
command is said again.

Next, the other way: kido-gate journal export FILE, then kido-registrar admissions import-journal EVENT FILE";

/// Write an event's feed into a file for gates without a line
#[derive(Debug, Args)]
pub(super) struct FeedArgs {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    command: FeedCommand,
}

#[derive(Debug, Subcommand)]
enum FeedCommand {
    /// Write everything up to this moment into one file
    #[command(after_help = HELP)]
    Export {
        /// The event's id
        event: EventId,
        /// The file to be written; none that is there is overwritten
        file: PathBuf,
    },
}

/// What was written, as it is printed.
#[derive(Debug, serde::Serialize)]
struct Exported {
    event: EventId,
    epoch: u64,
    records: u64,
    bytes: u64,
    issued_at: Timestamp,
    file: PathBuf,
}

pub(super) async fn run(args: FeedArgs) -> Result<(), CliError> {
    let (client, console) = (Client::of_anyone(&args.connection)?, args.connection.console());
    let FeedCommand::Export { event, file } = args.command;
    let exported = export(&client, console, event, &file).await?;
    console.show(&exported, describe)
}

async fn export(client: &Client, console: Console, event: EventId, path: &Path) -> Result<Exported, CliError> {
    let mut writing = Writing::begin(path)?;
    let signed = client.bytes(&routes::feed_head(event), FEED_HEAD_BYTES_MAX).await?;
    let head = FeedHead::read_unverified(&signed)?;
    if head.event != event {
        return Err(FeedError::OtherEvent.into());
    }
    let certificate = client.bytes(&routes::feed_key(event), FEED_HEAD_BYTES_MAX).await?;
    let begin = FeedFileBegin { event, epoch: head.epoch, length: head.length };
    writing.item(&begin.encode())?;
    writing.item(&certificate)?;
    if begin.carries_cut() {
        writing.item(&client.bytes(&routes::feed_cut(event), FEED_HEAD_BYTES_MAX).await?)?;
    }
    writing.item(&signed)?;
    let mut progress = Progress::begin(console, usize::try_from(head.length).unwrap_or(usize::MAX), "written");
    let mut at = FollowedTo::start(event, head.epoch);
    while at.length < head.length {
        let range = at.length.checked_div(FEED_RANGE_RECORDS).unwrap_or_default();
        let take = head.length.saturating_sub(at.length).min(FEED_RANGE_RECORDS);
        let path = if take == FEED_RANGE_RECORDS {
            routes::feed_range(event, head.epoch, range)
        } else {
            routes::feed_tail(event, head.epoch, at.length)
        };
        let records = decode_range(&client.bytes(&path, FEED_RANGE_BYTES_MAX).await?)?;
        // The end of the feed has grown since its head was asked for.
        let records = RangeNeed { range, skip: 0, take }.cut(&records)?;
        at = at.extend_all(records);
        writing.item(&encode_range(records)?)?;
        progress.reached(usize::try_from(at.length).unwrap_or(usize::MAX))?;
    }
    // What no gate would take is not carried to one.
    if at.chain != head.chain {
        return Err(FeedError::Forked { length: head.length }.into());
    }
    progress.end();
    let bytes = writing.end()?;
    let (epoch, records, issued_at) = (head.epoch.get(), head.length, head.issued_at);
    Ok(Exported { event, epoch, records, bytes, issued_at, file: path.to_owned() })
}

/// The file on its way, item by item.
struct Writing<'p> {
    path: &'p Path,
    file: NewFile,
    bytes: u64,
}

impl<'p> Writing<'p> {
    fn begin(path: &'p Path) -> Result<Self, CliError> {
        let file = NewFile::begin(path, Readers::Anyone).map_err(failed(path))?;
        Ok(Self { path, file, bytes: 0 })
    }

    fn item(&mut self, item: &[u8]) -> Result<(), CliError> {
        let head = items::head(item.len()).ok_or(FeedError::Length { what: "an item" })?;
        for part in [head.as_slice(), item] {
            self.file.write(part).map_err(failed(self.path))?;
            self.bytes = self.bytes.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    fn end(self) -> Result<u64, CliError> {
        self.file.finish().map_err(failed(self.path))?;
        Ok(self.bytes)
    }
}

fn failed(path: &Path) -> impl FnOnce(PrivateFileError) -> CliError {
    let path = path.to_owned();
    move |source| CliError::File { path, doing: "written", source }
}

fn describe(exported: &Exported) -> String {
    let Exported { event, epoch, records, bytes, issued_at, file } = exported;
    let at = moment::show(*issued_at);
    format!(
        "{}: {records} records of {event}, epoch {epoch}, as of {at}; {bytes} bytes\n\
         next, at a gate without a line: kido-gate import FILE --data DIR",
        file.display()
    )
}
