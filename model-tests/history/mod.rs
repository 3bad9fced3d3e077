//! QEMU's lock as it was, and as somebody proposed: small models of their own, to be compared with ours.
//!
//! | file | |
//! | --- | --- |
//! | `protocol` | what a version or a proposal does where they differ |
//! | `lock` | the reader, the writer, the order in which a section ends |
//! | `node` | requests, drains, references, closes |
//! | `meetings` | the smallest programs in which versions differ |
//! | `proposals` | the same for what was proposed in the review |
//! | `versions` | which version has which failure |
//!
//! They run on the event loops and coroutines of this crate: bottom halves, slices, kicks and nested polls are the same there. What
//! differs is the lock and what stands on it, and that is written anew here, after the behaviour and not after the source.
//!
//! # Not here
//! What the machinery itself can express by planted bugs: the table of versions has those versions as sets of them, too.

mod lock;
mod meetings;
mod node;
pub(super) mod proposals;
mod protocol;
mod versions;

pub(super) use meetings::{
    deferred_work_needs_requests, drains_in_section, guard_changes_loop, last_reader_leaves,
    last_reference_goes, requests_arrive, section_from_bottom_half,
};
pub(super) use versions::ENGINES;
pub use versions::{Version, VersionRow, scenarios, table};

#[cfg(test)]
mod tests {
    use super::table;
    use crate::model_tests::check;
    use crate::sync::model::BACKEND;
    use graphlock_harness::expectation::Judged;
    use graphlock_harness::scenario::Check;

    #[test]
    fn each_version_has_the_failures_that_its_history_tells_of() {
        if BACKEND != "harness" {
            return;
        }
        let mut wrong = Vec::new();
        for row in table().1 {
            let planted = row.planted.iter().map(|(_, expectation)| *expectation);
            for expectation in row.checks.into_iter().chain(planted).chain(row.ours) {
                let how = Check {
                    executions_max: Some(expectation.budget),
                    mutation: expectation.mutation,
                    ..Check::default()
                };
                let report = check(&expectation.scenario, &how);
                let judged = expectation.judge(&report);
                if judged != Judged::AsExpected {
                    let name = expectation.scenario.full_name();
                    let executions = report.executions;
                    wrong.push(format!("{} {name}: {judged}, {executions} executions", row.id));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
