//! The service as it ships: the program, its command line, and requests.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use lab::client::{Request, Response};
use lab::ports;
use lab::process::Guard;
use lab::tools::lab_dir;
use serde_json::{Value, json};

use crate::databases::Db;

const PROGRAM: &str = env!("CARGO_BIN_EXE_auth-directory");

/// A running service; it stops when dropped.
pub struct Service {
    pub addr: SocketAddr,
    pub process: Guard,
}

impl Service {
    /// Starts on a database, on the loopback interface, open to all.
    pub fn start(db: &Db) -> Self {
        Self::with(&db.url, &[])
    }

    /// Starts with further options.
    pub fn with(url: &str, options: &[&str]) -> Self {
        let addr = ports::free().unwrap();
        let process = start(addr, url, options);
        process.wait_until_served(addr, "/readyz").unwrap();
        Self { addr, process }
    }

    pub fn get(&self, path: &str) -> Response {
        Request::get(path).send(self.addr).unwrap()
    }

    /// Status and body of a look-up.
    pub fn subject(&self, subject: &str) -> (u16, Value) {
        let mut path = "/v1/subjects/".to_owned();
        auth_filter::text::push_form_text(&mut path, subject);
        let answer = self.get(&path);
        (answer.status, answer.json().unwrap())
    }

    /// Status and body of a verification.
    pub fn verify(&self, body: &Value) -> (u16, Value) {
        let answer = Request::post("/v1/verify", body.to_string())
            .send(self.addr)
            .unwrap();
        (answer.status, answer.json().unwrap())
    }

    pub fn basic(&self, username: &str, password: &str) -> (u16, Value) {
        self.verify(&json!({ "kind": "basic", "username": username, "password": password }))
    }

    pub fn key(&self, key: &str) -> (u16, Value) {
        self.verify(&json!({ "kind": "api_key", "key": key }))
    }
}

/// Starts the program without waiting for it.
pub fn start(addr: SocketAddr, url: &str, options: &[&str]) -> Guard {
    let mut command = Command::new(PROGRAM);
    command
        .args(["--database", url, "serve", "--listen", &addr.to_string()])
        .args(options);
    let log = lab_dir("directory").unwrap().join("directory.log");
    Guard::start("auth-directory", &command, &log).unwrap()
}

/// Runs a command of the program with this on its standard input.
pub fn command(url: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(PROGRAM)
        .args(["--database", url])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Runs a command that must succeed, and returns what it prints.
pub fn done(db: &Db, arguments: &[&str], input: &str) -> String {
    let output = command(&db.url, arguments, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail, and returns what it says.
pub fn refused(db: &Db, arguments: &[&str], input: &str) -> String {
    let output = command(&db.url, arguments, input);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    String::from_utf8(output.stderr).unwrap()
}

/// A file with this text.
pub fn file(name: &str, text: &str) -> String {
    let path: PathBuf = lab_dir("directory").unwrap().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}
