//! What operators do with configurations, without a proxy.

use std::process::ExitCode;

const USAGE: &str = "\
usage: auth-filter <command>

  api-key <owner> [--group <group>]... [--expires <RFC 3339>]
                  make an API key, and what the configuration holds of it
  check <file> [--env]
                  validate a configuration, run its tests, and warn of what is dangerous in it; with --env its secrets
                  are read from the environment; of an envoy.yaml, nginx.conf or kong.conf also say what in it lets
                  requests go past the filter
  explain <file> --path <path> [--method <method>] [--host <host>] [--header <name:value>]...
          [--token <token> | --claims <json> [--provider <name>]] [--directory <json>] [--decision <bool>]
                  say which rule a request comes to, what each requirement says and why, and the answer
  kong-meta       print auth_filter.meta.json for Kong, with the whole schema of configurations
  migrate <file>... [--strict] [--beside]
                  make a configuration of Envoy's jwt_authn and rbac filters, of Istio's RequestAuthentication and
                  AuthorizationPolicy, of Envoy Gateway's SecurityPolicy, or of the environment of the Python library
                  auth-middleware; --beside leaves policies where they are, behind the filter
  schema          print the JSON Schema of configurations
  user <name> [--group <group>]...
                  make a user of a `basic` provider; the password is read from standard input";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["api-key", owner, options @ ..] => auth_filter_cli::secrets::api_key(owner, options),
        ["check", file] => auth_filter_cli::explain::check(file, false),
        ["check", file, "--env"] => auth_filter_cli::explain::check(file, true),
        ["explain", file, options @ ..] => auth_filter_cli::explain::explain(file, options),
        ["kong-meta"] => {
            print!("{}", auth_filter_cli::kong::text());
            Ok(())
        }
        ["migrate", arguments @ ..] if !arguments.is_empty() => {
            auth_filter_cli::migrate::run(arguments)
        }
        ["schema"] => {
            print!("{}", auth_filter_cli::schema::text());
            Ok(())
        }
        ["user", name, options @ ..] => auth_filter_cli::secrets::user(name, options),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
