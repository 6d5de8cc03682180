//! The command line.

use crate::check::Check;
use crate::explain::Explain;
use crate::keys::Keys;
use crate::migrate::Migrate;
use crate::secrets::{ApiKey, User};
use crate::{Failure, kong, schema};
use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use std::io::Write;

/// Checks, explains and migrates configurations of auth-filter, and makes what they hold.
#[derive(Debug, Parser)]
#[command(name = "auth-filter", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Validates a configuration, runs its tests, and warns of what is dangerous in it
    ///
    /// Of a proxy's file it also says what in it lets requests go past the filter.
    #[command(
        after_help = "Examples:\n  auth-filter check filter.json\n  auth-filter check --env envoy.yaml"
    )]
    Check(Check),
    /// Says which rule a request comes to, what each part of its requirement says and why, and the answer
    #[command(
        after_help = "Examples:\n  auth-filter explain filter.json --path /admin\n  auth-filter explain filter.json --path /users/bob --method POST --claims '{\"sub\":\"alice\"}'"
    )]
    Explain(Box<Explain>),
    /// Makes a configuration of another product's, and says what it could not carry over
    ///
    /// Reads Envoy's jwt_authn and rbac filters, Istio's RequestAuthentication and AuthorizationPolicy, Envoy Gateway's
    /// SecurityPolicy, and the environment of the Python library auth-middleware. The configuration goes to the standard
    /// output, the report to the standard error.
    #[command(
        after_help = "Examples:\n  auth-filter migrate envoy.yaml\n  auth-filter migrate --beside authn.yaml authz.yaml"
    )]
    Migrate(Migrate),
    /// Says which keys of a JSON Web Key Set verify tokens, and why the others do not
    #[command(
        after_help = "Examples:\n  auth-filter keys jwks.json\n  curl -s https://issuer.example/jwks | auth-filter keys -"
    )]
    Keys(Keys),
    /// Makes a user of a `basic` provider; the password is read from the standard input
    #[command(after_help = "Example:\n  auth-filter user alice --group ops")]
    User(User),
    /// Makes an API key, and what the configuration holds of it
    #[command(
        after_help = "Example:\n  auth-filter api-key acme --group partners --expires 2030-01-01T00:00:00Z"
    )]
    ApiKey(ApiKey),
    /// Prints the JSON Schema of configurations, by which editors complete them
    #[command(after_help = "Example:\n  auth-filter schema > schema.json")]
    Schema,
    /// Prints auth_filter.meta.json, by which Kong checks configurations
    #[command(after_help = "Example:\n  auth-filter kong-meta > auth_filter.meta.json")]
    KongMeta,
    /// Prints what completes commands in a shell
    #[command(
        after_help = "Example:\n  auth-filter completions bash > ~/.local/share/bash-completion/completions/auth-filter"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// With what the operator is told, or where the output cannot be written.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        match &self.command {
            Command::Check(check) => check.run(out),
            Command::Explain(explain) => explain.run(out),
            Command::Migrate(migrate) => migrate.run(out),
            Command::Keys(keys) => keys.run(out),
            Command::User(user) => user.run(out),
            Command::ApiKey(key) => key.run(out),
            Command::Schema => Ok(out.write_all(schema::text().as_bytes())?),
            Command::KongMeta => Ok(out.write_all(kong::text().as_bytes())?),
            Command::Completions { shell } => {
                // The generator panics where it cannot write.
                let mut text = Vec::new();
                clap_complete::generate(*shell, &mut Self::command(), "auth-filter", &mut text);
                Ok(out.write_all(&text)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of a line as a shell has them: quotes hold some together, and a pipe or a redirection ends them.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (at, part) in line.split('\'').enumerate() {
            if at % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        let end = words.iter().position(|word| word == ">" || word == "|");
        words.truncate(end.unwrap_or(words.len()));
        words
    }

    #[test]
    fn the_help_of_each_command_has_examples_that_are_commands() {
        Cli::command().debug_assert();
        let mut all = 0;
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let help = command.get_after_help().unwrap().to_string();
            let lines = help.lines().skip(1);
            let lines = lines.map(|line| line.split_once("auth-filter ").unwrap().1);
            let mut count = 0;
            for line in lines {
                let line = words(&format!("auth-filter {line}"));
                assert_eq!(line[1], name);
                if let Err(error) = Cli::try_parse_from(&line) {
                    panic!("{line:?}: {error}");
                }
                count += 1;
            }
            assert!(count > 0, "{name}: {help}");
            all += 1;
        }
        assert_eq!(all, 9);
    }

    #[test]
    fn a_shell_completes_each_command() {
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            let mut out = Vec::new();
            let cli = Cli::try_parse_from(["auth-filter", "completions", shell]).unwrap();
            cli.run(&mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(text.contains(command.get_name()), "{shell}");
            }
        }
    }
}
