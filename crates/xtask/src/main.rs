//! The project's own tasks.

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  abuse [--short] [--only <word>,...] [--break <invariant>]
                  let strangers loose on the filter in a real Envoy: what that costs, and what honest callers get
                  meanwhile; --break plants a fault that must be found
  bench [--short] [--only <word>,...] [--module <file>] [--rounds <number>] [--profile]
                  measure what a request costs, beside Envoy's own filter; --short only tries that all of it works
  bench directory measure the reference directory with a million grants
  demo [--once]   show the filter in a real Envoy, and stay up for your own requests
  fuzz [seconds | --short | --build]
                  fuzz each target of tests/fuzz, for a minute where nothing else is said; --short with the same inputs
                  each time; --build only builds them
  kernels [rounds]
                  compare the arithmetic of signatures with the libraries', two thousand random cases of each kind
                  where nothing else is said
  kernels bench   print what a verification costs in V8, with and without that arithmetic
  kernels costs   hold what the filter charges for signatures against what they take in V8
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
                  says what it served, and to whom; --break leaves the filter's readings out, --replay sends one case again";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["abuse", options @ ..] => xtask::abuse::run(options),
        ["bench", "directory"] => xtask::bench::directory::load(),
        ["bench", options @ ..] => {
            xtask::bench::Options::parse(options).and_then(|options| xtask::bench::run(&options))
        }
        ["demo"] => xtask::demo::run(false),
        ["demo", "--once"] => xtask::demo::run(true),
        ["fuzz"] => xtask::fuzz::all(60),
        ["fuzz", "--short"] => xtask::fuzz::briefly(),
        ["fuzz", "--build"] => xtask::fuzz::build(),
        ["fuzz", seconds] => match seconds.parse() {
            Ok(seconds) => xtask::fuzz::all(seconds),
            Err(error) => Err(format!("seconds: {seconds:?}: {error}")),
        },
        ["schema"] => xtask::schema::run(),
        ["kernels"] => xtask::kernels::compare(2000),
        ["kernels", "bench"] => xtask::kernels::measure(),
        ["kernels", "costs"] => xtask::kernels::costs(),
        ["kernels", rounds] => match rounds.parse() {
            Ok(rounds) => xtask::kernels::compare(rounds),
            Err(error) => Err(format!("rounds: {rounds:?}: {error}")),
        },
        ["module"] => lab::tools::wasm().map(|path| println!("{}", path.display())),
        ["oci", options @ ..] => xtask::oci::run(options),
        ["soak", options @ ..] => {
            xtask::soak::Options::parse(options).and_then(|options| xtask::soak::run(&options))
        }
        ["test"] => xtask::test::all(),
        ["upstreams", options @ ..] => xtask::upstreams::Options::parse(options)
            .and_then(|options| xtask::upstreams::run(&options)),
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
