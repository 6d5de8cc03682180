//! The `log` crate's messages and panics, handed to the host.

use super::call::{self, ERROR};

/// A logger for the crate `log` that writes to the host's log.
pub(super) struct Log;

impl Log {
    pub(super) fn install() {
        static LOG: Log = Log;
        if log::set_logger(&LOG).is_ok() {
            log::set_max_level(log::LevelFilter::Info);
        }
        std::panic::set_hook(Box::new(|panic| {
            call::log(ERROR, &format!("auth-filter: {panic}"))
        }));
    }
}

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = match record.level() {
            log::Level::Trace => 0,
            log::Level::Debug => 1,
            log::Level::Info => 2,
            log::Level::Warn => 3,
            log::Level::Error => ERROR,
        };
        call::log(level, &record.args().to_string());
    }

    fn flush(&self) {}
}
