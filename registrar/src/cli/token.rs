//! `token add | list | revoke`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use kido_shared::wire::v1::operator::{self, AddToken, Role, TokenBody, TokenLife, TokenList};
use kido_store::private_file;
use zeroize::Zeroizing;

use super::client::Client;
use super::{CliError, Connection, moment};
use crate::auth::tokens::{BearerToken, is_label};
use crate::entropy::Entropy;

const EXAMPLES: &str = "\
Example:
  kido-registrar token add --role sales --label web-shop --out shop.token
  sales     imports tickets, confirms payments, cancels; sees states, never an admission or a time
  desk      looks at tickets, suspends them; brings journals of gates, and ticks of lists on paper
  viewer    looks
  operator  everything
A token opens what it may for 90 days; --expires says another number of them, --never that it has no end. Who goes on
gets a new one under a new label before. The token is made here and written to --out (mode 600) first; the registrar gets and keeps its hash.";

/// Let shops, desks and viewers in
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token for somebody
    Add {
        /// What its bearer may do
        #[arg(long, value_enum)]
        role: RoleArg,
        /// What you call it
        #[arg(long)]
        label: String,
        /// Where to write it
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        life: LifeArgs,
    },
    /// List labels, roles and how long they last
    List,
    /// End a token at once
    Revoke {
        /// Its label
        label: String,
    },
}

#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
struct LifeArgs {
    /// For how many days it opens anything [default: 90]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=i64::from(TokenLife::DAYS_MAX)))]
    expires: Option<u16>,
    /// It opens what it may until it is revoked
    #[arg(long)]
    never: bool,
}

impl From<LifeArgs> for TokenLife {
    fn from(said: LifeArgs) -> Self {
        match said {
            LifeArgs { never: true, .. } => Self::Never,
            LifeArgs { expires, .. } => expires.map_or_else(Self::default, Self::Days),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArg {
    /// Everything
    Operator,
    /// The shop
    Sales,
    /// The staffed desk
    Desk,
    /// Looks, and changes nothing
    Viewer,
}

impl From<RoleArg> for Role {
    fn from(wanted: RoleArg) -> Self {
        match wanted {
            RoleArg::Operator => Self::Operator,
            RoleArg::Sales => Self::Sales,
            RoleArg::Desk => Self::Desk,
            RoleArg::Viewer => Self::Viewer,
        }
    }
}

pub(super) async fn run(args: TokenArgs) -> Result<(), CliError> {
    let (client, console) = (Client::of(&args.connection)?, args.connection.console());
    match args.command {
        TokenCommand::Add { role, label, out, life } => {
            let added = add(&client, (role.into(), label), out, life.into()).await?;
            console.show(&added, describe)
        }
        TokenCommand::List => {
            let list: TokenList = client.get(operator::TOKENS).await?;
            console.show_list(&list, &list.tokens, describe, "no tokens")
        }
        TokenCommand::Revoke { label } => {
            let label = Some(label).filter(|label| is_label(label)).ok_or(CliError::Label)?;
            let ended: TokenBody = client.delete(&operator::token(&label)).await?;
            console.show(&ended, describe)
        }
    }
}

async fn add(
    client: &Client,
    (role, label): (Role, String),
    out: PathBuf,
    life: TokenLife,
) -> Result<TokenBody, CliError> {
    let label = Some(label).filter(|label| is_label(label)).ok_or(CliError::Label)?;
    let token = BearerToken::generate(&mut Entropy::from_system().fork());
    let line = Zeroizing::new(format!("{}\n", token.reveal().as_str()));
    private_file::create(&out, line.as_bytes()).map_err(|source| CliError::File {
        path: out,
        doing: "written",
        source,
    })?;
    client.post(operator::TOKENS, &AddToken { role, label, token_hash: token.hash(), life }).await
}

fn describe(token: &TokenBody) -> String {
    let until = token.expires_at.map_or_else(|| "never expires".to_owned(), |at| format!("until {}", moment::show(at)));
    format!("{}  {}  {until}", token.label, token.role.name())
}
