//! What no single answer shows: memory, how often keys are fetched, and whether the machine has time for all of it.

use super::ledger::Invariant;
use super::schedule::Target;
use super::world::{WORKERS, World};
use lab::load;
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(500);
/// Keys serve four seconds, and are fetched anew after 0.8 of that, up to a tenth less: two fetches of one process that
/// nobody disturbs are at least so far apart.
const APART: Duration = Duration::from_millis(2500);
/// How often it is looked whether the machine has time.
const BEAT: Duration = Duration::from_millis(500);
/// So much of a beat without a core, and what is slow is the machine.
const STALL: Duration = Duration::from_millis(300);
/// How much a process may grow once it is warm, in KiB: caches that fill to their bounds, and what V8 compiles anew.
const GROWTH: u64 = 96 * 1024;

/// What was seen of Envoy's memory, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// Of the processes of the run, the most that one had when it was warm.
    pub(super) warm: u64,
    /// The most at any time after that.
    pub(super) most: u64,
}

/// Looks at the memory of each process that has run for so long.
pub(super) fn memory(world: &World, warm_up: Duration) -> Memory {
    let mut seen = Memory::default();
    let (mut process, mut warm) = (0, 0);
    while !world.is_over() {
        thread::sleep(EVERY);
        let Some(running) = *world.process.lock().unwrap() else {
            continue;
        };
        // It may have been killed meanwhile.
        let Ok(usage) = load::usage(running.id) else {
            continue;
        };
        let resident = usage.resident >> 10;
        if running.id != process {
            (process, warm) = (running.id, 0);
        }
        if running.since.elapsed() < warm_up {
            warm = warm.max(resident);
            continue;
        }
        seen.warm = seen.warm.max(warm);
        seen.most = seen.most.max(resident);
        let holds = resident <= warm + GROWTH;
        world.ledger.check(Invariant::Memory, holds, || {
            format!("Envoy has {resident} KiB, and had {warm} KiB when it was warm")
        });
    }
    seen
}

/// Looks at the times at which keys were fetched; how often that was.
pub(super) fn fetches(world: &World) -> usize {
    let watched = [
        (Target::Es, &world.issuers.es),
        (Target::Ed, &world.issuers.ed),
        (Target::Rs, &world.issuers.rs),
    ];
    let mut last: [Option<Instant>; 3] = [None; 3];
    let mut count = 0;
    while !world.is_over() {
        thread::sleep(EVERY);
        for ((target, issuer), last) in watched.iter().zip(&mut last) {
            for fetch in issuer.take_fetches() {
                count += 1;
                let Some(before) = last.replace(fetch) else {
                    continue;
                };
                // A new configuration takes over the keys that the process has.
                let needs = [*target, Target::Worker, Target::Process, Target::Clock];
                let asked_for = *target == Target::Es && world.seeks_withdrawn_keys(before);
                let in_time = world.weather.stalls(before, fetch).is_zero();
                if !asked_for && in_time && world.weather.fetches_in_turn(&needs, before, fetch) {
                    let apart = fetch - before;
                    world.ledger.check(Invariant::Fetch, apart >= APART, || {
                        let ago = fetch.elapsed();
                        format!("{target:?}: keys fetched twice within {apart:?}, {ago:?} ago")
                    });
                }
            }
        }
    }
    count
}

/// Looks for times in which this process, or Envoy's workers, were ready to run and had no core; how long they were.
pub(super) fn stalls(world: &World) -> Duration {
    let mut total = Duration::ZERO;
    let mut seen: Option<(u32, Duration)> = None;
    while !world.is_over() {
        let from = Instant::now();
        thread::sleep(BEAT);
        let overslept = from.elapsed().saturating_sub(BEAT);
        let process = *world.process.lock().unwrap();
        // It may have been killed meanwhile.
        let now =
            process.and_then(|process| Some((process.id, load::usage(process.id).ok()?.starved)));
        let starved = match (seen, now) {
            (Some((before, earlier)), Some((after, later))) if before == after => {
                later.saturating_sub(earlier) / WORKERS
            }
            _ => Duration::ZERO,
        };
        seen = now;
        if overslept.max(starved) >= STALL {
            world.weather.stalled(from, Instant::now());
            total += from.elapsed();
        }
    }
    total
}
