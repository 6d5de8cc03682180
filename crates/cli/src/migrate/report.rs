//! What a migration has to say beside the configuration.

use std::fmt;

/// Something of the source that the configuration does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCarried {
    /// Where it stands in the source.
    pub path: String,
    /// Why.
    pub why: String,
    /// What to do instead.
    pub instead: String,
}

/// Something that was carried over and does not do exactly the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differs {
    /// Where it stands in the source.
    pub path: String,
    /// What is different.
    pub what: String,
}

/// All of it, in the order of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What the configuration does not have.
    pub not_carried: Vec<NotCarried>,
    /// What does not do exactly the same.
    pub differs: Vec<Differs>,
    /// What is none of this filter's business and stays where it is.
    pub left: Vec<String>,
}

impl Report {
    /// Says once that something is left where it is.
    pub fn left(&mut self, what: &str) {
        if !self.left.iter().any(|held| held == what) {
            self.left.push(what.to_owned());
        }
    }

    /// Says once that something is not carried over.
    pub fn not_carried(&mut self, path: &str, why: &str, instead: &str) {
        let entry = NotCarried {
            path: path.trim_end_matches(": ").to_owned(),
            why: why.to_owned(),
            instead: instead.to_owned(),
        };
        if !self.not_carried.contains(&entry) {
            self.not_carried.push(entry);
        }
    }

    /// Says once that something is carried over with a difference.
    pub fn differs(&mut self, path: &str, what: &str) {
        let entry = Differs {
            path: path.trim_end_matches(": ").to_owned(),
            what: what.to_owned(),
        };
        if !self.differs.contains(&entry) {
            self.differs.push(entry);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.not_carried.is_empty() {
            writeln!(formatter, "everything was carried over")?;
        } else {
            writeln!(formatter, "not carried over: {}", self.not_carried.len())?;
        }
        for entry in &self.not_carried {
            writeln!(formatter, "  {}: {}", entry.path, entry.why)?;
            writeln!(formatter, "    instead: {}", entry.instead)?;
        }
        if !self.differs.is_empty() {
            writeln!(
                formatter,
                "carried over with a difference: {}",
                self.differs.len()
            )?;
        }
        for entry in &self.differs {
            writeln!(formatter, "  {}: {}", entry.path, entry.what)?;
        }
        if !self.left.is_empty() {
            writeln!(formatter, "left where it is: {}", self.left.join(", "))?;
        }
        Ok(())
    }
}
