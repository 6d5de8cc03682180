//! The reference directory: `crates/directory`, built from the workspace, with the records that it is given.

use crate::ports;
use crate::process::{Guard, run};
use crate::tools::{cargo, lab_dir, target, write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The token by which the filter is known to a directory of [`Directory::start`].
pub const TOKEN: &str = "a-token-for-examples-only";

/// A running directory with a SQLite database of its own; it stops when dropped.
pub struct Directory {
    addr: SocketAddr,
    database: PathBuf,
    process: Guard,
}

impl Directory {
    /// Starts on a free port with these records, which are lines of CSV: kind, holder, value. Questions need [`TOKEN`].
    ///
    /// # Errors
    /// When it cannot be built, refuses the records, or does not come up (with its log).
    pub fn start(records: &str) -> Result<Self, String> {
        let folder = lab_dir("directory")?;
        let (database, file) = (folder.join("directory.db"), folder.join("records.csv"));
        let token = folder.join("token");
        write(&file, &format!("kind,holder,value\n{records}"))?;
        write(&token, TOKEN)?;
        run(program(false)?
            .arg("--database")
            .arg(&database)
            .arg("import")
            .arg(&file))?;
        let addr = ports::free()?;
        let mut command = program(false)?;
        command.arg("--database").arg(&database);
        command
            .args(["serve", "--listen", &addr.to_string(), "--token-file"])
            .arg(&token);
        let process = Guard::start("auth-directory", &command, &folder.join("directory.log"))?;
        process.wait_until_served(addr, "/readyz")?;
        Ok(Self {
            addr,
            database,
            process,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Runs a command of its command line on its database, and returns what it prints.
    ///
    /// # Errors
    /// With what it says, when it fails.
    pub fn command(&self, arguments: &[&str]) -> Result<String, String> {
        run(program(false)?
            .arg("--database")
            .arg(&self.database)
            .args(arguments))
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Ends it now.
    pub fn stop(&self) {
        self.process.stop();
    }
}

/// The program, built once per process.
///
/// # Errors
/// With the compiler's output, when it does not compile.
pub fn program(release: bool) -> Result<Command, String> {
    static BUILT: [OnceLock<Result<(), String>>; 2] = [OnceLock::new(), OnceLock::new()];
    let profile = if release { "release" } else { "dev" };
    BUILT[usize::from(release)]
        .get_or_init(|| {
            let build = ["build", "--package", "auth-directory", "--profile", profile];
            run(cargo().args(build)).map(drop)
        })
        .clone()?;
    let folder = if release { "release" } else { "debug" };
    Ok(Command::new(target().join(folder).join("auth-directory")))
}
