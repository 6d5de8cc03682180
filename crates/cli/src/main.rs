//! The program `auth-filter`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use auth_filter_cli::Cli;
use clap::Parser as _;

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let done = Cli::parse().run(&mut out);
    match done.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_unread() => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
