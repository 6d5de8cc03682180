//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use auth_filter::config::DurationText;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::transfer::Format;

/// The reference directory: who has which groups, roles and permissions, over HTTP, from a SQL database.
#[derive(Debug, Parser)]
#[command(name = "auth-directory", version)]
pub(crate) struct Cli {
    /// A file of SQLite, or a URL: sqlite:, postgres:, mysql: or mariadb:.
    #[arg(
        long,
        global = true,
        env = "AUTH_DIRECTORY_DATABASE",
        hide_env_values = true,
        default_value = "directory.db"
    )]
    pub(crate) database: String,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer the filter's questions until the process is asked to end.
    Serve(Box<Serve>),
    /// Make what is missing of tables and indexes; what is there stays.
    Migrate,
    /// Grants of groups, roles and permissions.
    #[command(subcommand)]
    Grant(GrantCommand),
    /// Users with passwords.
    #[command(subcommand)]
    User(UserCommand),
    /// API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Bring in all records of a file, or none.
    Import {
        /// The file; its ending says the format.
        file: PathBuf,
        /// The format, whatever the file's ending.
        #[arg(long)]
        format: Option<Format>,
    },
    /// Write all records to standard output.
    Export {
        /// The format.
        #[arg(long, default_value = "json")]
        format: Format,
        /// Also hashes of passwords, and API keys with their digests.
        #[arg(long)]
        credentials: bool,
    },
    /// Make a token for the filter or the page: it is shown once, and its digest is for the service.
    Token,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen.
    #[arg(long, env = "AUTH_DIRECTORY_LISTEN", default_value = "127.0.0.1:8181")]
    pub(crate) listen: SocketAddr,
    /// A file of the filter's tokens, one a line: the token, or sha256: and its digest in hexadecimal.
    #[arg(long, env = "AUTH_DIRECTORY_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The digest of a token of the filter, sha256: and 64 hexadecimal digits. May be given more than once.
    #[arg(
        long,
        env = "AUTH_DIRECTORY_TOKEN_DIGEST",
        hide_env_values = true,
        value_name = "DIGEST",
        value_delimiter = ','
    )]
    pub(crate) token_digest: Vec<String>,
    /// A file of tokens that open the page in a browser, as its password; without one there is no page.
    #[arg(long, env = "AUTH_DIRECTORY_PAGE_TOKEN_FILE", value_name = "FILE")]
    pub(crate) page_token_file: Option<PathBuf>,
    /// The service's certificate (PEM), with those between it and its authority.
    #[arg(
        long,
        env = "AUTH_DIRECTORY_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM).
    #[arg(
        long,
        env = "AUTH_DIRECTORY_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub(crate) tls_key: Option<PathBuf>,
    /// Authorities (PEM): only clients with a certificate of theirs are answered.
    #[arg(
        long,
        env = "AUTH_DIRECTORY_CLIENT_CA",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub(crate) client_ca: Option<PathBuf>,
    /// The most connections to the database.
    #[arg(long, env = "AUTH_DIRECTORY_CONNECTIONS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) connections: u32,
    /// How long one statement may take.
    #[arg(long, env = "AUTH_DIRECTORY_STATEMENT_TIMEOUT", default_value = "2s", value_parser = duration)]
    pub(crate) statement_timeout: Duration,
    /// How long one answer may take.
    #[arg(long, env = "AUTH_DIRECTORY_REQUEST_TIMEOUT", default_value = "5s", value_parser = duration)]
    pub(crate) request_timeout: Duration,
    /// How long requests that have begun may take when the service ends.
    #[arg(long, env = "AUTH_DIRECTORY_DRAIN", default_value = "10s", value_parser = duration)]
    pub(crate) drain: Duration,
    /// How many passwords are checked at a time; as many as there are processors where nothing is said.
    #[arg(long, env = "AUTH_DIRECTORY_PASSWORD_WORKERS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) password_workers: Option<u16>,
    /// Leave tables and indexes alone, for an account that may not make any.
    #[arg(long)]
    pub(crate) no_migrate: bool,
}

/// Who holds a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Holder {
    /// A subject.
    Subject,
    /// Whoever is in a group.
    Group,
    /// Whoever has a role.
    Role,
}

#[derive(Debug, Args)]
pub(crate) struct Grants {
    /// The subject, or the group or role that brings them.
    pub(crate) holder: String,
    /// What the holder is.
    #[arg(long, default_value = "subject", value_name = "KIND")]
    pub(crate) to: Holder,
    /// A group.
    #[arg(long)]
    pub(crate) group: Vec<String>,
    /// A role.
    #[arg(long)]
    pub(crate) role: Vec<String>,
    /// A permission.
    #[arg(long)]
    pub(crate) permission: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GrantCommand {
    /// Add grants.
    Add(Grants),
    /// Remove grants.
    Remove(Grants),
    /// List grants, all of them or one holder's.
    List {
        /// The holder.
        holder: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user; the password is read from standard input.
    Add {
        /// The user, as grants name the subject.
        username: String,
        /// The user's name for people.
        #[arg(long)]
        name: Option<String>,
        /// The e-mail address.
        #[arg(long)]
        email: Option<String>,
        /// Whatever else, a JSON object.
        #[arg(long, value_name = "JSON")]
        profile: Option<String>,
        /// Without a password: known, and signed in by others.
        #[arg(long)]
        no_password: bool,
    },
    /// Remove a user; grants and keys stay.
    Remove {
        /// The user.
        username: String,
    },
    /// List users.
    List,
    /// Replace a user's password, which is read from standard input.
    Password {
        /// The user.
        username: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key: it is shown once, and only its digest is stored.
    Add {
        /// Whose it is.
        owner: String,
        /// A group of those who use it.
        #[arg(long)]
        group: Vec<String>,
        /// When it ends, such as 2030-01-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Revoke a key.
    Revoke {
        /// Its digest, or how it begins.
        digest: String,
    },
    /// List keys.
    List,
}

/// A time such as `500ms`, as the filter's configuration has them.
fn duration(text: &str) -> Result<Duration, String> {
    match DurationText::parse(text) {
        Some(DurationText(duration)) if !duration.is_zero() => Ok(duration),
        Some(_) => Err("is at least 1ms".to_owned()),
        None => Err("is not a time such as 500ms or 2s".to_owned()),
    }
}
