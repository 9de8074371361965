//! `token add | list | revoke`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use kido_shared::wire::v1::operator::{self, AddToken, Role, TokenBody, TokenList};
use kido_store::private_file;
use zeroize::Zeroizing;

use super::client::Client;
use super::{CliError, Connection};
use crate::auth::tokens::{BearerToken, is_label};
use crate::entropy::Entropy;

const EXAMPLES: &str = "\
Example:
  kido-registrar token add --role sales --label web-shop --out shop.token
  sales     imports tickets, confirms payments, cancels; sees states, never an admission or a time
  desk      looks at tickets, suspends them
  viewer    looks
  operator  everything
The token is made here and written to --out (mode 600) first; the registrar gets and keeps its hash.";

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
    },
    /// List labels and roles
    List,
    /// End a token at once
    Revoke {
        /// Its label
        label: String,
    },
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
        TokenCommand::Add { role, label, out } => {
            let added = add(&client, role.into(), label, out).await?;
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

async fn add(client: &Client, role: Role, label: String, out: PathBuf) -> Result<TokenBody, CliError> {
    let label = Some(label).filter(|label| is_label(label)).ok_or(CliError::Label)?;
    let token = BearerToken::generate(&mut Entropy::from_system().fork());
    let line = Zeroizing::new(format!("{}\n", token.reveal().as_str()));
    private_file::create(&out, line.as_bytes()).map_err(|source| CliError::File {
        path: out,
        doing: "written",
        source,
    })?;
    client.post(operator::TOKENS, &AddToken { role, label, token_hash: token.hash() }).await
}

fn describe(token: &TokenBody) -> String {
    format!("{}  {}", token.label, token.role.name())
}
