//! What each backend can show of memory: small programs with their outcomes, as data.
//!
//! Each program names the outcomes that sequential consistency, x86 (TSO) and C11 allow, and what loom shows in its two passes. A
//! test compares what each engine shows with the row: it fails too on the day a limit goes away. Another compares the rows with
//! themselves: each memory model allows what the stronger one does.
//!
//! Source of the truth: sequential consistency and TSO by hand, and shown by the harness; C11 by the axioms of its repaired form RC11
//! (happens-before, coherence, no out-of-thin-air cycles of program order and reads-from, sequentially consistent fences). Where loom
//! shows less or more than it should, `note` says so.

use std::collections::BTreeSet;

mod programs;
mod weak;

/// One program.
#[derive(Clone, Copy, Debug)]
pub struct Litmus {
    /// Its name in the literature, or what it does.
    pub name: &'static str,
    /// What it does. The final state is its outcome.
    pub body: fn(),
    /// The outcomes under sequential consistency: what the harness must show, no more and no less.
    pub sequential: &'static [&'static str],
    /// What TSO allows: what the harness must show with store buffers. `None` if that is what sequential consistency allows.
    pub buffered: Option<&'static [&'static str]>,
    /// What C11 allows; `None` if that is what sequential consistency allows.
    pub c11: Option<&'static [&'static str]>,
    /// What loom shows as the code is written.
    pub loom_plain: &'static [&'static str],
    /// What loom shows with loads as updates.
    pub loom_load_as_rmw: &'static [&'static str],
    /// What is to be learnt from it.
    pub note: &'static str,
}

/// All programs.
#[must_use]
pub fn all() -> Vec<Litmus> {
    programs::all()
}

/// What the pass of a backend is expected to show; `None` for backends that only sample.
#[must_use]
pub fn expected(litmus: &Litmus, pass: &str) -> Option<BTreeSet<String>> {
    let states = match pass {
        "exhaustive" => litmus.sequential,
        "store buffers" => litmus.buffered.unwrap_or(litmus.sequential),
        "plain" => litmus.loom_plain,
        "load-as-RMW" => litmus.loom_load_as_rmw,
        _ => return None,
    };
    Some(states.iter().map(|state| (*state).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::model::{BACKEND, litmus_states};

    #[test]
    fn each_program_shows_what_its_row_says() {
        let mut surprises = Vec::new();
        for litmus in all() {
            for (pass, seen) in litmus_states(litmus.body) {
                let expected = expected(&litmus, pass).expect("a pass with a column of its own");
                if seen != expected {
                    surprises.push(format!(
                        "{} on {BACKEND} {pass}:\n  shows    {seen:?}\n  expected {expected:?}",
                        litmus.name
                    ));
                }
            }
        }
        assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    }

    #[test]
    fn a_weaker_memory_allows_what_a_stronger_one_does() {
        for litmus in all() {
            let buffered = litmus.buffered.unwrap_or(litmus.sequential);
            let c11 = litmus.c11.unwrap_or(litmus.sequential);
            let within = |states: &[&str], weaker: &[&str]| {
                states.iter().all(|state| weaker.contains(state))
            };
            assert!(within(litmus.sequential, buffered), "{}", litmus.name);
            assert!(within(buffered, c11), "{}", litmus.name);
        }
    }

    #[test]
    fn loom_shows_nothing_that_c11_forbids_but_where_its_row_says_so() {
        let invented: Vec<&str> = all()
            .iter()
            .filter(|litmus| {
                let c11 = litmus.c11.unwrap_or(litmus.sequential);
                litmus.loom_plain.iter().any(|state| !c11.contains(state))
            })
            .map(|litmus| litmus.name)
            .collect();
        assert_eq!(invented, ["store-against-update"]);
    }

    #[test]
    fn what_loom_misses_the_harness_shows() {
        let missed: Vec<&str> = all()
            .iter()
            .filter(|litmus| {
                litmus.sequential.iter().any(|state| !litmus.loom_plain.contains(state))
            })
            .map(|litmus| litmus.name)
            .collect();
        assert!(missed.contains(&"load-before-store"), "{missed:?}");
    }
}
