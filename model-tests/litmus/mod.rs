//! What each backend can show of memory: small programs with their outcomes, as data.
//!
//! Each program names the outcomes that sequential consistency allows, and what loom shows in its two passes. A
//! test compares: it fails too on the day a limit goes away.
//!
//! Source of the truth: sequential consistency by hand, C11 by its axioms. Where loom shows less or more than it
//! should, `note` says so.

use std::collections::BTreeSet;

mod programs;

/// One program.
#[derive(Clone, Copy, Debug)]
pub struct Litmus {
    /// Its name in the literature, or what it does.
    pub name: &'static str,
    /// What it does. The final state is its outcome.
    pub body: fn(),
    /// The outcomes under sequential consistency: what the harness must show, no more and no less.
    pub sequential: &'static [&'static str],
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
