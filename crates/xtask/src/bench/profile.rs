//! Where a request's time goes: in the kernel, in Envoy, in the module, or in the calls that the module makes to its host.

use super::lab::{CONNECTIONS, Lab};
use super::load;
use super::variants::Variant;
use lab::debian::program_of;
use lab::process::run;
use lab::tools::target;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Samples a second of each thread that runs: not a divisor of anything that happens regularly.
const FREQUENCY: &str = "4999";

/// Samples by where they were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Places {
    kernel: usize,
    envoy: usize,
    module: usize,
    host_calls: usize,
}

/// Samples each variant while it is walked, and returns a table: microseconds of a request by where they are spent.
///
/// # Errors
/// When perf is missing and cannot be installed, or may not sample; when an answer is not the expected one.
pub(super) fn measure(variants: &[Variant], time: Duration) -> Result<String, String> {
    let perf = program_of("linux-perf", "perf")?;
    let lab = Lab::start(variants, 1)?;
    let mut out = String::from(
        "| variant | CPU per request, µs | kernel | Envoy | the module's code | its host calls |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for (index, variant) in variants.iter().enumerate() {
        println!("{}", variant.title);
        // V8 compiles what runs often anew.
        lab.measure(index, variant, Duration::from_secs(2))?;
        let (cost, places) = sample(&lab, index, variant, &perf, time)
            .map_err(|error| format!("{}: {error}", variant.name))?;
        let all = places.kernel + places.envoy + places.module + places.host_calls;
        let share = |samples: usize| cost * samples as f64 / all.max(1) as f64;
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "| {} | {cost:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
            variant.title,
            share(places.kernel),
            share(places.envoy),
            share(places.module),
            share(places.host_calls),
        );
    }
    Ok(out)
}

/// CPU time of a request, and where it was spent.
fn sample(
    lab: &Lab,
    index: usize,
    variant: &Variant,
    perf: &Path,
    time: Duration,
) -> Result<(f64, Places), String> {
    let data = target().join("bench/perf.data");
    let mut wrk = load::command(
        lab.addr(index),
        variant.path,
        &variant.load,
        time,
        CONNECTIONS,
    );
    let before = lab.cpu()?;
    let walk = wrk
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("wrk: {error}"))?;
    run(Command::new(perf)
        .args([
            "record",
            "-q",
            "-e",
            "cpu-clock",
            "-F",
            FREQUENCY,
            "-g",
            "-p",
        ])
        .arg(lab.id().to_string())
        .arg("-o")
        .arg(&data)
        .args(["--", "sleep"])
        .arg(time.as_secs().saturating_sub(1).to_string()))?;
    let output = walk
        .wait_with_output()
        .map_err(|error| format!("wrk: {error}"))?;
    let cpu = lab.cpu()?.saturating_sub(before);
    let seen = load::read(&String::from_utf8_lossy(&output.stdout))?;
    let stacks = run(Command::new(perf)
        .args(["script", "--no-inline", "-F", "ip,sym,dso", "-i"])
        .arg(&data))?;
    let cost = cpu.as_secs_f64() * 1e6 / seen.requests.max(1) as f64;
    Ok((cost, read(&stacks)))
}

/// Reads stacks as `perf script` prints them: a frame a line, the innermost first, the object in brackets at its end.
fn read(stacks: &str) -> Places {
    let mut places = Places::default();
    for stack in stacks.split("\n\n") {
        let frames = stack.lines().filter(|line| !line.trim().is_empty());
        let frames: Vec<&str> = frames.collect();
        let Some(innermost) = frames.first() else {
            continue;
        };
        // V8 writes code where no file is.
        let is_module = |frame: &&str| frame.contains("/perf-") && frame.ends_with(".map)");
        let place = if is_module(innermost) {
            &mut places.module
        } else if frames.iter().any(is_module) {
            &mut places.host_calls
        } else if innermost.ends_with("([kernel.kallsyms])") {
            &mut places.kernel
        } else {
            &mut places.envoy
        };
        *place += 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stack_is_counted_where_it_was_taken() {
        let stacks = "\
\t  fde03 readv (/lib/libc.so.6)\n\t 5abaaec [unknown] (/x/envoy)\n\n\
\tffffffff8201ef5d tcp_ack ([kernel.kallsyms])\n\t 5abaaec [unknown] (/x/envoy)\n\n\
\t693f09a5309 [unknown] (/tmp/perf-15148.map)\n\t 32da7a3 [unknown] (/x/envoy)\n\n\
\t6184910 [unknown] (/x/envoy)\n\t693f09a5309 [unknown] (/tmp/perf-15148.map)\n\t 32da7a3 [unknown] (/x/envoy)\n\n\
\tffffffff8201ef5d clock ([kernel.kallsyms])\n\t693f09a5309 [unknown] (/tmp/perf-15148.map)\n\n\n";
        let wanted = Places {
            kernel: 1,
            envoy: 1,
            module: 1,
            host_calls: 2,
        };
        assert_eq!(read(stacks), wanted);
    }
}
