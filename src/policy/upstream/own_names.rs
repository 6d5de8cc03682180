//! The names of headers that only the filter may set.

use crate::text::folded;

/// Names of headers, in each spelling that servers take for the same.
///
/// Each header of a request is looked for here. Names of one length stand together, so that most headers are compared with
/// none.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnNames {
    /// The names, folded, by their lengths.
    by_length: Vec<Vec<Box<[u8]>>>,
}

impl OwnNames {
    pub(super) fn add(&mut self, name: &str) {
        let name: Box<[u8]> = name.bytes().map(folded).collect();
        if self.by_length.len() <= name.len() {
            self.by_length
                .resize_with(name.len().saturating_add(1), Vec::new);
        }
        if let Some(names) = self.by_length.get_mut(name.len()) {
            names.push(name);
        }
    }

    pub(super) fn contain(&self, name: &[u8]) -> bool {
        let names = self.by_length.get(name.len());
        names.is_some_and(|names| names.iter().any(|own| is_folded_to(own, name)))
    }
}

/// Names differ at their ends sooner than at their beginnings.
fn is_folded_to(own: &[u8], name: &[u8]) -> bool {
    let mut bytes = own.iter().zip(name).rev();
    bytes.all(|(own, held)| *own == fold(*held))
}

fn fold(byte: u8) -> u8 {
    if cfg!(readings_off) {
        return byte.to_ascii_lowercase();
    }
    folded(byte)
}
