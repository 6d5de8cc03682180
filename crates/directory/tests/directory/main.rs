//! The service as it ships, on real databases: each test of a database runs on all three.

#![allow(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "tests: a broken assumption ends the test, and time is real"
)]

mod databases;
mod service;

/// Makes a test for each database of a function that takes one.
macro_rules! on_each_database {
    ($($test:ident),+ $(,)?) => {
        on_each_database!(@ sqlite, Sqlite, $($test),+);
        on_each_database!(@ postgres, Postgres, $($test),+);
        on_each_database!(@ mariadb, MariaDb, $($test),+);
    };
    (@ $module:ident, $kind:ident, $($test:ident),+) => {
        mod $module {
            use crate::databases::{Db, Kind};
            $(
                #[test]
                fn $test() {
                    super::$test(&Db::new(Kind::$kind));
                }
            )+
        }
    };
}

mod access;
mod commands;
mod credentials;
mod failures;
mod lookups;
mod pages;
