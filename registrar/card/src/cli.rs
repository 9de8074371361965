//! The command line.

use core::fmt;
use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use kido_shared::challenge::Origin;
use kido_shared::ids::EventId;
use kido_web::language::Language;
use zeroize::Zeroizing;

use crate::words::language_of_locale;

/// マイナンバーカードをチケットに登録します · Registers a My Number Card for a ticket.
///
/// The card proves with its 4-digit PIN (利用者証明用) that it is yours. Name, address and My Number are not read. The
/// certificate that is read goes to the registrar you confirm, inside https, and is kept nowhere.
///
/// A link is never typed as an argument: arguments stand in the shell's history and in the list of processes, and the
/// link holds a secret code. Paste it when asked, or pipe it in: it is the first line of standard input. (A browser that
/// opens `kido:` links has no other way than an argument; see `open`.)
///
/// Exit code: 0 done, 1 not done, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "kido-card", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) general: General,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct General {
    /// Print one JSON object as the last line of standard output; everything for people goes to standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Language [default: that of the environment]
    #[arg(long, global = true, env = "KIDO_LANGUAGE", value_parser = languages())]
    pub(crate) language: Option<Language>,
    /// Log to standard error; logs hold no code, PIN or card data at any level
    #[arg(long, global = true, env = "KIDO_CARD_LOG", value_enum, default_value_t = LogLevel::Off)]
    pub(crate) log: LogLevel,
    /// How log lines look
    #[arg(long, global = true, env = "KIDO_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    #[arg(long, global = true, hide = true, env = "LC_ALL", hide_env = true)]
    locale_of_all: Option<OsString>,
    #[arg(long, global = true, hide = true, env = "LC_MESSAGES", hide_env = true)]
    locale_of_messages: Option<OsString>,
    #[arg(long, global = true, hide = true, env = "LANG", hide_env = true)]
    locale: Option<OsString>,
}

impl General {
    /// The language asked for, else the environment's in the order of POSIX.
    pub(crate) fn language(&self) -> Language {
        let locales = [&self.locale_of_all, &self.locale_of_messages, &self.locale];
        let mut set = locales.into_iter().flatten().filter(|locale| !locale.is_empty());
        self.language
            .or_else(|| set.next().map(|locale| language_of_locale(&locale.to_string_lossy())))
            .unwrap_or(Language::En)
    }
}

/// `ja` or `en`.
fn languages() -> impl TypedValueParser<Value = Language> {
    let known = PossibleValuesParser::new(Language::ALL.map(Language::tag));
    known.map(|tag| Language::of_tag(&tag).unwrap_or(Language::En))
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// Nothing
    Off,
    /// What went wrong
    Warn,
    /// Steps
    Info,
    /// Every command's name, length and status word
    Debug,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line, for a collector
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Do it in a window of your browser: register the card, try it, or take back that it was lost
    ///
    /// Serves a page to your own browser, on this computer only and only until it is done, and opens it. Asks there for
    /// the link where none was given.
    Open(OpenOptions),
    /// Register the card in the reader for the ticket of a link (ORIGIN/r#CODE)
    ///
    /// Asks for the link, shows event, seat and address, waits for the card, shows how many tries the PIN has left, asks
    /// for the PIN, and shows the new link that is yours alone. Stops where a wrong PIN would lock the card.
    Register(DialogueOptions),
    /// Try the card: prove it and see its tickets; changes nothing and admits nobody
    ///
    /// With the link of a ticket (ORIGIN/t#CODE) on standard input, or with --event and --server and the card alone.
    Show(ShowOptions),
    /// Take back that the card was lost: prove it, and the suspended ticket works again
    ///
    /// With the link of the ticket (ORIGIN/t#CODE) on standard input, or with --event and --server and the card alone.
    Resume(ShowOptions),
    /// Say what can be known of the card without its PIN: reader, tries left, certificate accepted or not
    ///
    /// Sends nothing anywhere. Exit code 0 only where the card could be used.
    Status(StatusOptions),
    /// See whether reader, card, network and clock are ready for a registration
    Doctor(DoctorOptions),
}

/// Which reader.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReaderOption {
    /// Use the reader whose name has this in it [default: the only one]
    #[arg(long, value_name = "NAME-PART", env = "KIDO_READER")]
    pub(crate) reader: Option<String>,
    /// Type the PIN on this computer even where the reader has keys of its own
    #[arg(long)]
    pub(crate) no_pinpad: bool,
}

/// Options of a dialogue with a registrar.
#[derive(Debug, Args)]
pub(crate) struct DialogueOptions {
    /// Read the PIN as the next line of standard input, once the tries left were shown
    #[arg(long)]
    pub(crate) pin_stdin: bool,
    #[command(flatten)]
    pub(crate) reader: ReaderOption,
    /// Name the link's host in advance instead of typing it; any other host is still asked for
    #[arg(long, value_name = "HOST")]
    pub(crate) yes_host: Option<String>,
    /// List of the hosts you have confirmed [default: in your configuration folder]
    #[arg(long, value_name = "FILE", env = "KIDO_REGISTRARS")]
    pub(crate) registrars: Option<PathBuf>,
    /// Catches a link that was given as an argument, so that it can be refused without being repeated.
    #[arg(hide = true, value_name = "LINK")]
    pub(crate) misplaced: Option<Misplaced>,
}

/// Options of `open`.
#[derive(Debug, Args)]
pub(crate) struct OpenOptions {
    /// Read the link from the first line of standard input
    #[arg(long, conflicts_with = "handed_over")]
    pub(crate) link_stdin: bool,
    /// Do not open a browser; print the page's address
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// End where nobody answers or no card comes for so long; for a computer that others use, too [default: 900, and 120
    /// for a card]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(5..=3_600))]
    pub(crate) patience: Option<u16>,
    #[command(flatten)]
    pub(crate) reader: ReaderOption,
    /// List of the hosts you have confirmed [default: in your configuration folder]
    #[arg(long, value_name = "FILE", env = "KIDO_REGISTRARS")]
    pub(crate) registrars: Option<PathBuf>,
    /// What a browser hands over for a kido: link; not to be typed
    #[arg(value_name = "kido:LINK")]
    pub(crate) handed_over: Option<HandedOver>,
}

impl OpenOptions {
    /// How long an answer or a card is waited for, where that was said.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.patience.map(u64::from).map(Duration::from_secs)
    }
}

/// The link that a browser hands over to the program that the system has for `kido:`.
///
/// Systems have no other way than an argument, so a registration code stands in the list of processes of the buyer's own
/// computer for as long as this program runs: whoever else is logged in there could read it. That is borne because the
/// code alone registers nothing but a card with its PIN, in this very minute, and dies by that; and because the other
/// way, copying it by hand, leaves it in a clipboard for longer. The argument is read once, and nothing of it is logged
/// or repeated. It cannot be overwritten without unsafe code, and is not. A link without the scheme is one that a person
/// has typed into a shell with a history: it is refused.
#[derive(Clone)]
pub(crate) struct HandedOver(Zeroizing<String>);

impl HandedOver {
    /// The argument.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HandedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandedOver(..)")
    }
}

impl From<String> for HandedOver {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// Options of `show` and `resume`.
#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    #[command(flatten)]
    pub(crate) dialogue: DialogueOptions,
    /// Show the card's tickets of this event, without a link
    #[arg(long, requires = "server")]
    pub(crate) event: Option<EventId>,
    /// The registrar of that event
    #[arg(long, value_name = "ORIGIN", requires = "event")]
    pub(crate) server: Option<Origin>,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    #[command(flatten)]
    pub(crate) reader: ReaderOption,
    /// Accept test cards under this root too (DER); for rehearsals
    #[arg(long = "trust-anchor", value_name = "FILE")]
    pub(crate) trust_anchors: Vec<PathBuf>,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    #[command(flatten)]
    pub(crate) reader: ReaderOption,
    /// Ask this registrar whether it is alive; sends nothing of a ticket or a card
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) server: Option<Origin>,
}

/// Something that stood where nothing belongs; likely a link with a code, so it is forgotten at once.
#[derive(Clone)]
pub(crate) struct Misplaced;

impl fmt::Debug for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Misplaced(..)")
    }
}

impl From<String> for Misplaced {
    fn from(text: String) -> Self {
        drop(Zeroizing::new(text));
        Self
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn general(arguments: &[&str]) -> General {
        let all = ["kido-card", "--locale-of-all", "", "--locale-of-messages", ""].iter().chain(arguments);
        Cli::try_parse_from(all.chain(&["doctor"])).unwrap().general
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_environment_chooses_the_language_unless_one_is_named() {
        assert_eq!(general(&["--locale", "ja_JP.UTF-8"]).language(), Language::Ja);
        assert_eq!(general(&["--locale", "C"]).language(), Language::En);
        assert_eq!(general(&["--locale", "en_GB.UTF-8", "--language", "ja"]).language(), Language::Ja);
    }

    #[test]
    fn a_link_given_as_an_argument_is_not_repeated() {
        let cli = Cli::try_parse_from(["kido-card", "register", "https://a.example/r#SECRETCODE"]).unwrap();
        assert!(!format!("{cli:?}").contains("SECRETCODE"));
        assert!(matches!(cli.command, Command::Register(DialogueOptions { misplaced: Some(_), .. })));
        let cli = Cli::try_parse_from(["kido-card", "open", "kido:https://a.example/r#SECRETCODE"]).unwrap();
        assert!(!format!("{cli:?}").contains("SECRETCODE"));
    }

    #[test]
    fn a_card_alone_needs_event_and_server() {
        for lacking in [["--server", "https://a.example"], ["--event", "event-00000000000000000000000000"]] {
            assert!(Cli::try_parse_from(["kido-card", "show"].into_iter().chain(lacking)).is_err(), "{lacking:?}");
        }
    }

    #[test]
    fn a_server_is_https_but_on_this_machine() {
        let doctor = |server| Cli::try_parse_from(["kido-card", "doctor", "--server", server]).map(drop);
        doctor("http://127.0.0.1:8420").unwrap();
        doctor("http://tickets.example").unwrap_err();
    }
}
