//! Where a name stands in the source: the sites of mutations, cases and orderings, the bodies of scenarios.
//!
//! The sources are part of the binary, as they were when it was built, so that a place is right also where the tree is
//! not at hand. A test compares the list with the tree.

/// Sources by their path from the root of the repository.
macro_rules! sources {
    ($($path:literal,)*) => {
        &[$(($path, include_str!(concat!("../../../", $path)))),*]
    };
}

/// Those that have a site of anything that is explained.
const SOURCES: &[(&str, &str)] = sources! {
    "model-tests/claims/variant.rs",
    "model-tests/components/bottom_half.rs",
    "model-tests/components/coroutine.rs",
    "model-tests/components/handshake.rs",
    "model-tests/components/image_locks.rs",
    "model-tests/components/mod.rs",
    "model-tests/components/requests.rs",
    "model-tests/components/worker_pool.rs",
    "model-tests/corpus/condvar.rs",
    "model-tests/corpus/coroutine.rs",
    "model-tests/corpus/event.rs",
    "model-tests/corpus/event_loop.rs",
    "model-tests/corpus/mod.rs",
    "model-tests/corpus/mutex.rs",
    "model-tests/corpus/rwlock.rs",
    "model-tests/corpus/spin.rs",
    "model-tests/corpus/timer.rs",
    "model-tests/history/versions.rs",
    "model-tests/scenarios/change.rs",
    "model-tests/scenarios/close.rs",
    "model-tests/scenarios/data.rs",
    "model-tests/scenarios/dependent.rs",
    "model-tests/scenarios/drain.rs",
    "model-tests/scenarios/drain_by_edge.rs",
    "model-tests/scenarios/given_up.rs",
    "model-tests/scenarios/loops.rs",
    "model-tests/scenarios/meeting.rs",
    "model-tests/scenarios/mod.rs",
    "model-tests/scenarios/unref.rs",
    "src/coroutine/mod.rs",
    "src/driver/copy_before_write.rs",
    "src/driver/overlay/mod.rs",
    "src/driver/storage.rs",
    "src/event_loop/bottom_half.rs",
    "src/event_loop/home.rs",
    "src/event_loop/main_loop.rs",
    "src/event_loop/mod.rs",
    "src/event_loop/worker_pool.rs",
    "src/graph/change.rs",
    "src/graph/close.rs",
    "src/graph/commit.rs",
    "src/graph/drain.rs",
    "src/graph/job.rs",
    "src/graph/reopen.rs",
    "src/graph/request.rs",
    "src/graph_lock/cell.rs",
    "src/graph_lock/deferred_unref.rs",
    "src/graph_lock/guard.rs",
    "src/graph_lock/reader.rs",
    "src/graph_lock/reader_count.rs",
    "src/graph_lock/writer.rs",
    "src/image/lock.rs",
};

/// The places of a piece of text, as `path:line`.
pub(super) fn of(text: &str) -> Vec<String> {
    let mut places = Vec::new();
    for (path, source) in SOURCES {
        for (index, line) in source.lines().enumerate() {
            if line.contains(text) {
                places.push(format!("{path}:{}", index + 1));
            }
        }
    }
    places
}

/// The place of a scenario: where its name stands in quotes, among the models.
pub(super) fn of_scenario(name: &str) -> Option<String> {
    let quoted = format!("\"{name}\"");
    of(&quoted).into_iter().find(|place| place.starts_with("model-tests/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        let entries = std::fs::read_dir(folder).expect("the folder is in the repository");
        for entry in entries {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_file_with_a_site_is_listed() {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the gate is in a workspace");
        let mut paths = Vec::new();
        for folder in ["src", "model-tests/scenarios", "model-tests/components"] {
            files(&root.join(folder), &mut paths);
        }
        for path in paths {
            let name = path.strip_prefix(root).expect("it is below").display().to_string();
            let text = std::fs::read_to_string(&path).expect("it is UTF-8");
            let has_site =
                ["mutated(\"", "reached!(\"", "ORDERING("].iter().any(|site| text.contains(site));
            let is_model = name.starts_with("model-tests/") && text.contains("engines:");
            if has_site && name != "src/mutation.rs" || is_model {
                assert!(SOURCES.iter().any(|(listed, _)| *listed == name), "{name} is not listed");
            }
        }
    }
}
