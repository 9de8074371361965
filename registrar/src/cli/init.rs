//! `init`: keys, the first token, and what `serve` must know.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use kido_shared::challenge::Origin;
use kido_shared::clock::{Clock as _, SystemClock};
use kido_shared::enrolment::RootFingerprint;
use kido_store::private_file::{self, PrivateFileError};
use zeroize::Zeroizing;

use super::CliError;
use super::console::Console;
use crate::auth::tokens::{BearerToken, TokenError, Tokens};
use crate::config::{ConfigFile, DataFolder};
use crate::entropy::Entropy;
use crate::keyring::{Keyring, KeyringError};

const AFTERWARDS: &str = "\
What it makes:
  DIR/keyring          master key, week keys, spare keys of events to come; back it up apart from everything else
  DIR/events           (later) a folder for each event
  DIR/registrar.toml   the origin
  DIR/operator.token   the first operator's bearer token; DIR/tokens.json keeps its hash
  the root key FILE    certifies feed keys; take it offline now, it is needed again after 64 events

Next: kido-registrar serve --data DIR";

/// Make the keys and the folder of a new registrar
#[derive(Debug, Args)]
#[command(after_help = AFTERWARDS)]
pub(super) struct InitArgs {
    /// Folder for everything the registrar keeps; must not hold one already
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where to write the root key (PKCS#8, DER)
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    /// As cards and gates will reach this registrar; it cannot change while events are on sale
    #[arg(long, value_name = "URL")]
    origin: Origin,
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Why no registrar was made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is one.
    #[error("{} holds a registrar already, or the rest of an interrupted init: without registrar.toml in it nothing was finished, so delete it and say init again", .0.display())]
    Initialised(PathBuf),
    /// Something stands where the root key is to be written.
    #[error("{} exists already: give another place for the root key; nothing was made", .0.display())]
    RootKey(PathBuf),
    /// A file or folder cannot be made.
    #[error("{} cannot be made", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: PrivateFileError,
    },
    /// The keyring cannot be made.
    #[error("the keyring cannot be made")]
    Keyring(#[source] KeyringError),
    /// The tokens cannot be written.
    #[error("the bearer tokens cannot be written")]
    Tokens(#[source] TokenError),
}

#[derive(serde::Serialize)]
struct Made {
    data: PathBuf,
    origin: Origin,
    root_key: PathBuf,
    root_fingerprint: String,
    operator_token: PathBuf,
}

pub(super) fn run(args: &InitArgs) -> Result<ExitCode, CliError> {
    let made = make(args)?;
    Console::new(args.json).show(&made, |made| {
        let (root, token, data) = (made.root_key.display(), made.operator_token.display(), made.data.display());
        format!(
            "made a registrar in {data}\nroot key: {root} (take it offline)\nroot fingerprint: {}\noperator token: \
             {token}\nnext: kido-registrar serve --data {data}",
            made.root_fingerprint
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration comes last: where it stands, everything stands.
fn make(args: &InitArgs) -> Result<Made, InitError> {
    let data = DataFolder::at(args.data.clone());
    let parts = [data.keyring(), data.tokens(), data.operator_token(), data.config(), data.events()];
    if parts.iter().any(|part| part.exists()) {
        return Err(InitError::Initialised(args.data.clone()));
    }
    // Before anything is made: whoever mends the command says it again.
    if args.root_key.exists() {
        return Err(InitError::RootKey(args.root_key.clone()));
    }
    let failed = |path: PathBuf| move |source| InitError::File { path, source };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data.path())
        .map_err(PrivateFileError::storage("making"))
        .map_err(failed(args.data.clone()))?;
    let mut random = Entropy::from_system().fork();
    let keyring = Keyring::create(&data.keyring(), &args.root_key, SystemClock.now(), &mut random);
    let keyring = keyring.map_err(InitError::Keyring)?;
    let token = BearerToken::generate(&mut random);
    let line = Zeroizing::new(format!("{}\n", token.reveal().as_str()));
    private_file::create(&data.operator_token(), line.as_bytes()).map_err(failed(data.operator_token()))?;
    Tokens::create(data.tokens(), &token).map_err(InitError::Tokens)?;
    let config = ConfigFile::of_init(&args.origin);
    private_file::create(&data.config(), config.as_bytes()).map_err(failed(data.config()))?;
    Ok(Made {
        data: args.data.clone(),
        origin: args.origin.clone(),
        root_key: args.root_key.clone(),
        root_fingerprint: RootFingerprint::of(keyring.root()).to_string(),
        operator_token: data.operator_token(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_initialised_once() {
        let home = tempfile::tempdir().unwrap();
        let args = InitArgs {
            data: home.path().join("data"),
            root_key: home.path().join("root.key"),
            origin: Origin::parse("https://tickets.example").unwrap(),
            json: false,
        };
        let made = make(&args).unwrap();
        let token = std::fs::read_to_string(&made.operator_token).unwrap();
        let tokens = Tokens::open(DataFolder::at(args.data.clone()).tokens()).unwrap();
        assert!(tokens.bearer(token.trim(), SystemClock.now()).is_ok());
        assert!(matches!(make(&args), Err(InitError::Initialised(_))));
        let again = InitArgs { data: home.path().join("other"), ..args };
        assert!(matches!(make(&again), Err(InitError::RootKey(_))), "the root key stays");
        let mended = InitArgs { root_key: home.path().join("other.key"), ..again };
        make(&mended).unwrap();
    }
}
