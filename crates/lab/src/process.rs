//! Child processes that end with us, and say why when they fail.

use crate::client::Request;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// How many lines of a log an error shows.
const TAIL: usize = 40;

/// Runs a command to its end and returns its standard output.
///
/// # Errors
/// With the command line and all its output, when it cannot start or does not succeed.
pub fn run(command: &mut Command) -> Result<String, String> {
    let line = describe(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`{line}` cannot start: {error}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{line}`: {}\n{stdout}{stderr}", output.status))
}

/// A command as one would type it.
pub fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A running program whose output goes to a file. It is killed when dropped, and by the kernel
/// when this process ends in a way that drops nothing.
pub struct Guard {
    name: String,
    child: Mutex<Child>,
    log: PathBuf,
}

impl Guard {
    /// Starts a program; `log` receives its standard output and its standard error.
    ///
    /// # Errors
    /// When the program cannot be started or the log cannot be written.
    pub fn start(name: &str, command: &Command, log: &Path) -> Result<Self, String> {
        let io = |error| format!("{name}: {}: {error}", log.display());
        let file = File::create(log).map_err(io)?;
        let mut command = mortal(command);
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(io)?)
            .stderr(file);
        let line = describe(&command);
        let child = spawn(command).map_err(|error| format!("{name}: `{line}`: {error}"))?;
        Ok(Self {
            name: name.into(),
            child: Mutex::new(child),
            log: log.into(),
        })
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// With the log's last lines, when the program ends or the time is over.
    pub fn wait_until(
        &self,
        deadline: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), String> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.exit_status() {
                return Err(format!("{} ended ({status}):\n{}", self.name, self.tail()));
            }
            if ready() {
                return Ok(());
            }
            if start.elapsed() > deadline {
                return Err(format!(
                    "{} was not ready after {deadline:?}:\n{}",
                    self.name,
                    self.tail()
                ));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a server answers 200 to a `GET` of this path.
    ///
    /// # Errors
    /// As [`Guard::wait_until`], after a minute.
    pub fn wait_until_served(&self, addr: SocketAddr, path: &str) -> Result<(), String> {
        let health = Request::get(path).timeout(Duration::from_secs(2));
        self.wait_until(Duration::from_secs(60), || {
            health.send(addr).is_ok_and(|answer| answer.status == 200)
        })
    }

    /// How the program ended, if it did.
    pub fn exit_status(&self) -> Option<std::process::ExitStatus> {
        self.child.lock().unwrap().try_wait().ok().flatten()
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// All that the program has written so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map_or_else(
            |error| format!("{}: {error}", self.log.display()),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// Ends the program now.
    pub fn stop(&self) {
        let mut child = self.child.lock().unwrap();
        // Fails only when the program has ended already.
        drop(child.kill());
        drop(child.wait());
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The same command, to be killed by the kernel when the thread that starts it ends.
///
/// `setpriv` is part of util-linux. Where it is missing, what remains is the kill on drop and the
/// terminal's own Ctrl-C, which reaches the whole process group.
fn mortal(command: &Command) -> Command {
    static SETPRIV: OnceLock<bool> = OnceLock::new();
    let available = SETPRIV
        .get_or_init(|| run(Command::new("setpriv").args(["--pdeathsig", "KILL", "true"])).is_ok());
    let mut mortal = if *available {
        let mut setpriv = Command::new("setpriv");
        setpriv
            .args(["--pdeathsig", "KILL", "--"])
            .arg(command.get_program());
        setpriv
    } else {
        Command::new(command.get_program())
    };
    mortal.args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        mortal.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => mortal.env(name, value),
            None => mortal.env_remove(name),
        };
    }
    mortal
}

/// Starts the command from a thread that lives as long as this process: the kernel ties a child
/// to the thread that started it, and a test's own thread ends before other tests that share the
/// child.
fn spawn(command: Command) -> Result<Child, String> {
    type Job = (Command, Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<Sender<Job>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, queue) = channel::<Job>();
        thread::spawn(move || {
            for (mut command, answer) in queue {
                drop(answer.send(command.spawn()));
            }
        });
        Mutex::new(jobs)
    });
    let (answer, child) = channel();
    let gone = |_| "the spawning thread is gone".to_owned();
    let sent = spawner.lock().unwrap().send((command, answer));
    sent.map_err(|_| "the spawning thread is gone".to_owned())?;
    child.recv().map_err(gone)?.map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::lab_dir;

    #[test]
    fn a_failing_program_is_quoted() {
        let log = lab_dir("process").unwrap().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo broken pipe organ >&2; exit 3"]);
        let guard = Guard::start("organ", &command, &log).unwrap();
        let error = guard
            .wait_until(Duration::from_secs(10), || false)
            .unwrap_err();
        assert!(error.contains("organ ended (exit status: 3)"), "{error}");
        assert!(error.contains("broken pipe organ"), "{error}");
    }

    #[test]
    fn a_slow_program_is_given_up_and_killed() {
        let log = lab_dir("process").unwrap().join("log");
        let mut command = Command::new("sleep");
        command.arg("60");
        let guard = Guard::start("sleeper", &command, &log).unwrap();
        let error = guard.wait_until(Duration::from_millis(50), || false);
        assert!(error.unwrap_err().contains("was not ready"));
        guard.stop();
        assert!(guard.exit_status().is_some());
    }
}
