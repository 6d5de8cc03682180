//! The project's own commands.

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  abuse [--short] [--only <word>,...] [--break <invariant>]
                  let strangers loose on the filter in a real Envoy: what that costs, and what honest callers get
                  meanwhile; --break plants a fault that must be found
  api-key <owner> [--group <group>]... [--expires <RFC 3339>]
                  make an API key, and what the configuration holds of it
  bench [--short] [--only <word>,...] [--module <file>] [--rounds <number>] [--profile]
                  measure what a request costs, beside Envoy's own filter; --short only tries that all of it works
  check <file> [--env]
                  validate a configuration, run its tests, and warn of what is dangerous in it; with --env its secrets
                  are read from the environment; of an envoy.yaml, nginx.conf or kong.conf also say what in it lets
                  requests go past the filter
  demo [--once]   show the filter in a real Envoy, and stay up for your own requests
  explain <file> --path <path> [--method <method>] [--host <host>] [--header <name:value>]...
          [--token <token> | --claims <json> [--provider <name>]] [--directory <json>] [--decision <bool>]
                  say which rule a request comes to, what each requirement says and why, and the answer
  fuzz [seconds | --short | --build]
                  fuzz each target of tests/fuzz, for a minute where nothing else is said; --short with the same inputs
                  each time; --build only builds them
  kong-meta       print auth_filter.meta.json for Kong, with the whole schema of configurations
  migrate <file>... [--strict] [--beside]
                  make a configuration of Envoy's jwt_authn and rbac filters, of Istio's RequestAuthentication and
                  AuthorizationPolicy, of Envoy Gateway's SecurityPolicy, or of the environment of the Python library
                  auth-middleware; --beside leaves policies where they are, behind the filter
  kernels [rounds]
                  compare the arithmetic of signatures with the libraries', two thousand random cases of each kind
                  where nothing else is said
  kernels bench   print what a verification costs in V8, with and without that arithmetic
  kernels costs   hold what the filter charges for signatures against what they take in V8
  load-directory  measure the reference directory with a million grants
  module          build the module that ships, target/module/auth_filter.wasm
  oci [--variant compat|oci] [<folder>]
                  lay the module out as an image, into target/oci where nothing else is said
  schema          write filter-config/schema.json, by which editors complete configurations
  soak [minutes] [--short] [--seed <number>] [--break <invariant>]... [--breaks]
                  let thousands of callers loose while everything around the filter fails and comes back; --break plants
                  a fault that a run must find, --breaks one of each kind
  test            check everything: format, lints, documentation, module, tests
  upstreams [minutes] [--short] [--seed <number>] [--only <name>...] [--break readings|keys] [--replay <line>]
                  send changed requests through the filter to real servers, ten minutes where nothing else is said: each
                  says what it served, and to whom; --break leaves the filter's readings out, --replay sends one case again
  user <name> [--group <group>]...
                  make a user of a `basic` provider; the password is read from standard input";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["abuse", options @ ..] => xtask::abuse::run(options),
        ["api-key", owner, options @ ..] => xtask::secrets::api_key(owner, options),
        ["bench", options @ ..] => {
            xtask::bench::Options::parse(options).and_then(|options| xtask::bench::run(&options))
        }
        ["check", file] => xtask::explain::check(file, false),
        ["check", file, "--env"] => xtask::explain::check(file, true),
        ["explain", file, options @ ..] => xtask::explain::explain(file, options),
        ["demo"] => xtask::demo::run(false),
        ["demo", "--once"] => xtask::demo::run(true),
        ["fuzz"] => xtask::fuzz::all(60),
        ["fuzz", "--short"] => xtask::fuzz::briefly(),
        ["fuzz", "--build"] => xtask::fuzz::build(),
        ["fuzz", seconds] => match seconds.parse() {
            Ok(seconds) => xtask::fuzz::all(seconds),
            Err(error) => Err(format!("seconds: {seconds:?}: {error}")),
        },
        ["kong-meta"] => xtask::kong::run(),
        ["migrate", arguments @ ..] if !arguments.is_empty() => xtask::migrate::run(arguments),
        ["load-directory"] => xtask::directory::load(),
        ["schema"] => xtask::schema::write(),
        ["kernels"] => xtask::kernels::compare(2000),
        ["kernels", "bench"] => xtask::kernels::measure(),
        ["kernels", "costs"] => xtask::kernels::costs(),
        ["kernels", rounds] => match rounds.parse() {
            Ok(rounds) => xtask::kernels::compare(rounds),
            Err(error) => Err(format!("rounds: {rounds:?}: {error}")),
        },
        ["module"] => xtask::tools::wasm().map(|path| println!("{}", path.display())),
        ["oci", options @ ..] => xtask::oci::run(options),
        ["soak", options @ ..] => {
            xtask::soak::Options::parse(options).and_then(|options| xtask::soak::run(&options))
        }
        ["test"] => xtask::check::all(),
        ["upstreams", options @ ..] => xtask::upstreams::Options::parse(options)
            .and_then(|options| xtask::upstreams::run(&options)),
        ["user", name, options @ ..] => xtask::secrets::user(name, options),
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
