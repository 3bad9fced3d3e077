//! Where in the source atomic operations and fences were executed.
//!
//! Asked for with every such step, and nearly always of a place that was noted long ago: a small table by address
//! answers that with one look. Addresses decide how fast it is and nothing else; what is [taken](Places::take) goes into
//! a set in the order of files and lines.
//!
//! # Invariants
//! * A place is given once until everything is [forgotten](Places::forget): whoever adds up another part of a search
//!   must forget first, or the part lacks what was given before.

use std::collections::BTreeSet;
use std::panic::Location;

/// A place in the source.
type At = &'static Location<'static>;

/// Entries of the table: more than a body has places with atomics, as a rule.
const ENTRIES: usize = 256;

/// The places of one part of a search.
pub(crate) struct Places {
    table: [Option<At>; ENTRIES],
    /// The addresses of all that were noted.
    noted: BTreeSet<usize>,
    /// What was noted and not taken yet.
    fresh: Vec<At>,
}

impl Default for Places {
    fn default() -> Self {
        Places { table: [None; ENTRIES], noted: BTreeSet::new(), fresh: Vec::new() }
    }
}

impl Places {
    /// Notes a place.
    #[inline]
    pub(crate) fn note(&mut self, at: At) {
        let entry = entry_of(at);
        if !self.table[entry].is_some_and(|noted| std::ptr::eq(noted, at)) {
            self.note_anew(at, entry);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_anew(&mut self, at: At, entry: usize) {
        self.table[entry] = Some(at);
        if self.noted.insert(std::ptr::from_ref(at).addr()) {
            self.fresh.push(at);
        }
    }

    /// Takes what was noted since the last time.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = At> + '_ {
        self.fresh.drain(..)
    }

    /// Forgets everything: another part of the search begins.
    pub(crate) fn forget(&mut self) {
        *self = Places::default();
    }
}

/// Locations are three words; neighbours go to neighbouring entries.
#[inline]
fn entry_of(at: At) -> usize {
    std::ptr::from_ref(at).addr() / size_of::<Location<'_>>() % ENTRIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn here() -> At {
        Location::caller()
    }

    #[test]
    fn a_place_is_given_once_until_all_is_forgotten() {
        let (one, other) = (here(), here());
        let mut places = Places::default();
        let lines = |places: &mut Places| -> Vec<u32> {
            [one, other, one].into_iter().for_each(|at| places.note(at));
            places.take().map(Location::column).collect()
        };
        assert_eq!(lines(&mut places).len(), 2);
        assert_eq!(lines(&mut places), [0; 0]);
        // As if another place had taken its entry of the table.
        places.table[entry_of(one)] = None;
        assert_eq!(lines(&mut places), [0; 0]);
        places.forget();
        assert_eq!(lines(&mut places).len(), 2);
    }
}
