//! `cargo xtask bench directory`: what the reference directory does in a second.

use lab::directory::{TOKEN, program};
use lab::process::{Guard, run};
use lab::tools::{target, write};
use lab::{debian, ports};
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Subjects, each with five grants.
const SUBJECTS: u32 = 200_000;
/// How long each kind of question is asked.
const SECONDS: u32 = 15;
/// How many ask at a time.
const ASKERS: u32 = 8;

/// What is asked: a title, and the path's last part in Lua.
const QUESTIONS: [(&str, &str); 3] = [
    ("any of all subjects", "\"user-\" .. math.random(0, 199999)"),
    ("one of a hundred", "\"user-\" .. math.random(0, 99)"),
    ("nobody", "\"nobody-\" .. math.random(0, 199999)"),
];

/// Makes a SQLite database of a million grants, drives the release build of the service with wrk, and prints look-ups a
/// second and latencies.
///
/// # Errors
/// When something cannot be built, installed or started, or when an answer is not the expected one.
pub fn load() -> Result<(), String> {
    println!("building the directory (release) ...");
    program(true)?;
    let wrk = debian::program("wrk")?;
    let folder = target().join("load");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let (database, token) = (folder.join("directory.db"), folder.join("token"));
    fill(&folder, &database)?;
    write(&token, TOKEN)?;
    let addr = ports::free()?;
    let mut command = program(true)?;
    command.arg("--database").arg(&database);
    command
        .args(["serve", "--listen", &addr.to_string(), "--token-file"])
        .arg(&token);
    let service = Guard::start("auth-directory", &command, &folder.join("directory.log"))?;
    service.wait_until_served(addr, "/readyz")?;

    println!("\n| subjects | look-ups/s | p50 | p99 | p99.9 |\n|---|---|---|---|---|");
    for (title, path) in QUESTIONS {
        let script = folder.join("questions.lua");
        write(&script, &lua(path))?;
        drive(&wrk, addr, &script, 2)?;
        let line = drive(&wrk, addr, &script, SECONDS)?;
        println!("| {title} | {line} |");
    }
    println!(
        "\n{SUBJECTS} subjects with five grants each, {ASKERS} connections of wrk on the same two cores, {SECONDS} s each"
    );
    Ok(())
}

/// Makes the database by an import, unless it is there.
fn fill(folder: &Path, database: &Path) -> Result<(), String> {
    if database.is_file() {
        return Ok(());
    }
    println!("making {} grants ...", SUBJECTS * 5);
    let mut records = String::from("kind,holder,value\n");
    for subject in 0..SUBJECTS {
        for group in 0..2 {
            let group = (subject / 7 + group * 31) % 500;
            let _ = writeln!(records, "group,user-{subject},team-{group}");
        }
        for permission in 0..3 {
            let permission = (subject + permission * 17) % 100;
            let _ = writeln!(records, "permission,user-{subject},orders.{permission}");
        }
    }
    let (file, new) = (folder.join("records.csv"), database.with_extension("new"));
    write(&file, &records)?;
    drop(fs::remove_file(&new));
    let start = Instant::now();
    run(program(true)?
        .arg("--database")
        .arg(&new)
        .arg("import")
        .arg(&file))?;
    println!("imported in {:.0} s", start.elapsed().as_secs_f64());
    fs::rename(&new, database).map_err(|error| format!("{}: {error}", database.display()))
}

/// Questions of one kind, and a line of figures at the end.
fn lua(path: &str) -> String {
    format!(
        "local wrong = 0\n\
         wrk.headers[\"authorization\"] = \"Bearer {TOKEN}\"\n\
         function init() math.randomseed(7) end\n\
         function request() return wrk.format(\"GET\", \"/v1/subjects/\" .. {path}) end\n\
         function done(summary, latency)\n\
         local e = summary.errors\n\
         io.write(string.format(\"FIGURES %d %d %d %d %d %d %d\\n\", summary.requests, summary.duration,\n\
         latency:percentile(50), latency:percentile(99), latency:percentile(99.9), e.status, e.connect + e.read + e.write + e.timeout))\n\
         end\n"
    )
}

fn drive(wrk: &Path, addr: SocketAddr, script: &Path, seconds: u32) -> Result<String, String> {
    let output = run(Command::new(wrk)
        .args(["--threads", "1", "--connections", &ASKERS.to_string()])
        .args(["--duration", &format!("{seconds}s"), "--script"])
        .arg(script)
        .arg(format!("http://{addr}")))?;
    let figures = output
        .lines()
        .find_map(|line| line.strip_prefix("FIGURES "));
    let figures: Vec<u64> = figures
        .unwrap_or_default()
        .split(' ')
        .filter_map(|figure| figure.parse().ok())
        .collect();
    let [requests, micros, p50, p99, p999, statuses, errors] = figures[..] else {
        return Err(format!("wrk printed no figures:\n{output}"));
    };
    // wrk counts 404, which nobody is answered with, among its errors.
    let nobody = fs::read_to_string(script).is_ok_and(|script| script.contains("nobody"));
    if errors > 0 || (statuses > 0) != nobody {
        return Err(format!(
            "{statuses} wrong answers, {errors} errors:\n{output}"
        ));
    }
    let millis = |micros: u64| {
        format!(
            "{:.2} ms",
            Duration::from_micros(micros).as_secs_f64() * 1e3
        )
    };
    let rate = requests * 1_000_000 / micros.max(1);
    Ok(format!(
        "{rate} | {} | {} | {}",
        millis(p50),
        millis(p99),
        millis(p999)
    ))
}
