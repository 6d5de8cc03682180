//! What a process costs, and how it is stopped for a moment.

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use std::fs;
use std::time::Duration;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time of all its threads, in user and kernel mode, as the scheduler counts it.
    pub cpu: Duration,
    /// How long its threads were ready to run and had no CPU: what other programs on the machine took from it. Of an
    /// Envoy, only its workers count.
    pub starved: Duration,
    /// Memory that it holds, in bytes.
    pub resident: u64,
    /// The most that it ever held.
    pub peak: u64,
}

/// What a process has used so far, of all threads that live.
///
/// # Errors
/// When the process is gone, or this kernel does not say how long threads ran.
pub fn usage(process: u32) -> Result<Usage, String> {
    let tasks = format!("/proc/{process}/task");
    let io = |error: std::io::Error| format!("{tasks}: {error}");
    let mut usage = Usage::default();
    let (mut all_starved, mut has_workers) = (Duration::ZERO, false);
    for task in fs::read_dir(&tasks).map_err(io)? {
        // A thread may end meanwhile; Envoy's workers do not.
        let task = task.map_err(io)?.path();
        let read = |name: &str| fs::read_to_string(task.join(name)).unwrap_or_default();
        let stat = read("schedstat");
        let mut nanos = stat.split(' ').filter_map(|word| word.trim().parse().ok());
        usage.cpu += Duration::from_nanos(nanos.next().unwrap_or(0));
        let starved = Duration::from_nanos(nanos.next().unwrap_or(0));
        all_starved += starved;
        if read("comm").starts_with("wrk:") {
            usage.starved += starved;
            has_workers = true;
        }
    }
    if !has_workers {
        usage.starved = all_starved;
    }
    if usage.cpu.is_zero() {
        return Err(
            "this kernel does not say how long threads ran (/proc/*/task/*/schedstat)".into(),
        );
    }
    let status = format!("/proc/{process}/status");
    let status = fs::read_to_string(&status).map_err(|error| format!("{status}: {error}"))?;
    let kibibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    };
    usage.resident = kibibytes("VmRSS:").unwrap_or(0) << 10;
    usage.peak = kibibytes("VmHWM:").unwrap_or(0) << 10;
    Ok(usage)
}

/// How long this thread was ready to run and had no CPU; nothing where the kernel does not say it.
pub(super) fn thread_starved() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat
        .split(' ')
        .nth(1)
        .and_then(|word| word.trim().parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// The largest linear memory of a process, in bytes: V8 reserves eight gibibytes for each, and what is in use is the
/// readable part at their beginning.
///
/// # Errors
/// When the process has none that could be seen.
pub fn linear_memory(process: u32) -> Result<u64, String> {
    let path = format!("/proc/{process}/maps");
    let maps = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    largest_memory(&maps).ok_or_else(|| "Envoy has no linear memory that could be seen".into())
}

fn largest_memory(maps: &str) -> Option<u64> {
    let regions: Vec<(u64, u64, &str)> = maps.lines().filter_map(region).collect();
    regions
        .windows(2)
        .filter_map(|two| {
            let [(start, end, "rw-p"), (next, last, "---p")] = *two else {
                return None;
            };
            (end == next && last - next > 4 << 30).then_some(end - start)
        })
        .max()
}

/// Start, end and permissions of a line.
fn region(line: &str) -> Option<(u64, u64, &str)> {
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(start)?, number(end)?, words.next()?))
}

/// Lets this process, and those that it starts, open as many files and connections as the system allows it.
///
/// # Errors
/// When that is less than so many.
pub fn raise_file_limit(needed: u64) -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    if most < needed {
        return Err(format!(
            "{needed} open files are needed, and this system allows {most} (ulimit -Hn)"
        ));
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|error| format!("ulimit -n {most}: {error}"))
}

/// Stops a process where it stands.
///
/// # Errors
/// When it is gone.
pub fn pause(process: u32) -> Result<(), String> {
    signal(process, Signal::STOP)
}

/// Lets a process go on that was stopped.
///
/// # Errors
/// When it is gone.
pub fn resume(process: u32) -> Result<(), String> {
    signal(process, Signal::CONT)
}

fn signal(process: u32, signal: Signal) -> Result<(), String> {
    let number = i32::try_from(process).map_err(|error| error.to_string())?;
    let pid = Pid::from_raw(number).ok_or("no such process")?;
    kill_process(pid, signal).map_err(|error| format!("process {process}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_in_front_of_the_largest_reservation_is_found() {
        let maps = "\
7fe3d8f80000-7fe3d90b0000 rw-p 00000000 00:00 0
7fe3d90b0000-7fe5d8f80000 ---p 00000000 00:00 0
7fe60af90000-7fe60b000000 rw-p 00000000 00:00 0
7fe60b000000-7fe80af90000 ---p 00000000 00:00 0
7fe900000000-7fe910000000 rw-p 00000000 00:00 0 [heap]
7fe910000000-7fe910001000 ---p 00000000 00:00 0
";
        assert_eq!(largest_memory(maps), Some(0x13_0000));
        assert_eq!(largest_memory(""), None);
    }

    #[test]
    fn this_process_uses_time_and_memory() {
        let usage = usage(std::process::id()).unwrap();
        assert!(!usage.cpu.is_zero());
        assert!(usage.resident > 1 << 20, "{usage:?}");
        assert!(usage.peak >= usage.resident, "{usage:?}");
    }

    #[test]
    fn more_files_than_the_system_allows_are_not_promised() {
        raise_file_limit(64).unwrap();
        let most = getrlimit(Resource::Nofile).maximum;
        if most.is_some() {
            assert!(raise_file_limit(u64::MAX).is_err());
        }
    }
}
