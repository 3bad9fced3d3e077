//! Ctrl-C, and what a cluster sends before it kills: SIGINT, SIGTERM, SIGHUP.
//!
//! Cases: *the first* asks for an end, with a checkpoint and a summary; *a second one* ends the process at once, for who
//! does not want to wait. What was written to the checkpoint before stays there.

use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of a process that a second Ctrl-C ends, as a shell would give it.
const INTERRUPTED: i32 = 130;

/// Begins to listen, and returns what is set as soon as somebody wants an end.
///
/// # Errors
/// In one line, if the system gives no handler.
pub(crate) fn listen() -> Result<&'static AtomicBool, String> {
    static PRESSED: AtomicBool = AtomicBool::new(false);
    let pressed = || {
        if PRESSED.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
        eprintln!("interrupted: ending; once more to end at once");
    };
    ctrlc::set_handler(pressed).map_err(|error| format!("no handler for Ctrl-C: {error}"))?;
    Ok(&PRESSED)
}
