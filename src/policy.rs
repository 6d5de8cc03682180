//! What a request needs, compiled from the configuration once.

pub mod denial;
pub mod path;
pub mod requirement;
pub mod route;
