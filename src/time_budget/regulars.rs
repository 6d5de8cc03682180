//! Subjects of tokens that were verified before: a flood of made-up subjects is not among them.

/// How many are kept; a later one takes the place of an earlier one that has the same.
const MOST: usize = 4096;

/// Keyed digests of subjects. Nothing is kept before the first.
#[derive(Debug, Default)]
pub(super) struct Regulars(Vec<u64>);

impl Regulars {
    pub(super) fn add(&mut self, subject: u64) {
        if self.0.is_empty() {
            self.0 = vec![0; MOST];
        }
        if let Some(held) = self.0.get_mut(place(subject)) {
            *held = subject;
        }
    }

    pub(super) fn has(&self, subject: u64) -> bool {
        self.0.get(place(subject)) == Some(&subject)
    }
}

fn place(subject: u64) -> usize {
    // The lowest bits of a digest, which is as good as random in each.
    usize::from(
        subject
            .to_le_bytes()
            .first_chunk()
            .map_or(0, |low| u16::from_le_bytes(*low)),
    ) % MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_known_until_another_takes_its_place() {
        let mut regulars = Regulars::default();
        assert!(!regulars.has(5));
        regulars.add(5);
        assert!(regulars.has(5) && !regulars.has(6));
        regulars.add(5 + 4096);
        assert!(!regulars.has(5) && regulars.has(5 + 4096));
    }
}
