//! The reference directory: groups, roles, permissions, passwords and API keys from a SQL database, over HTTP.
//!
//! It answers what a directory and a verifying service of the filter must answer. [`entry`] is what is known of a subject
//! and why, in one question to the [`database`]; [`users`] and [`keys`] verify credentials; [`http`] and [`server`] are the
//! way in. The rest is for whoever looks after the data: [`cli`], [`grants`], [`transfer`], and the pages of [`browse`].

#![allow(
    clippy::disallowed_methods,
    reason = "a server lives in real time; only the filter's core takes it as an argument"
)]

mod browse;
mod cli;
mod commands;
mod database;
mod entry;
mod grants;
mod http;
mod id;
mod keys;
mod log;
mod name;
mod password;
mod server;
mod transfer;
mod users;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(&cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
