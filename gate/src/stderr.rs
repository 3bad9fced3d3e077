//! Progress and mistakes, to whoever still reads them.
//!
//! Rust's own `eprintln!` panics if stderr is a closed pipe or a full disk: `gate 2>&1 | head -1` would end in a panic
//! and not in the run's exit code. In this crate the macro has the same name and no such case.

/// A line on stderr, if that is possible.
macro_rules! eprintln {
    ($($word:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($word)*);
    }};
}
