//! How a claim is written, and all of them in the order in which they were made.

use super::{Claim, Decision, Evidence, unlock, unref};

/// All claims, then the invariants.
#[must_use]
pub fn all() -> Vec<Claim> {
    [unref::all(), unlock::all()].concat()
}

pub(super) fn claim(
    (id, who): (&'static str, &'static str),
    says: &'static str,
    decision: Decision,
    because: &'static str,
    evidence: Vec<Evidence>,
) -> Claim {
    Claim { id, who, says, decision, because, evidence }
}

pub(super) const MAIN_HANGS: &[&str] = &["main sleeps in posted[main]"];
pub(super) const STILL_OPEN: &[&str] = &["closed-when-unlock-returns"];
pub(super) const REOPEN: &str = "reopen_right_after_unlock[way=0]";
pub(super) const REOPEN_LIST: &str = "reopen_right_after_unlock[way=1]";
