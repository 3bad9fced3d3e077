//! Programs as TOML, read and written.
//!
//! | file | |
//! | --- | --- |
//! | `place` | where something stands, and what is said of it |
//! | `table` | the tables of a file: which keys there are, and of which kind |
//! | `parts` | images, nodes, loops and whoever takes steps |
//! | `steps` | steps: words and what they are about |
//! | `print` | the other way round |
//!
//! # Cases
//! Every rejection has a place: of what is no TOML, of a key or a value that is not expected, of a name that is not known,
//! of a word in a step, of the step that breaks a calling rule.
//!
//! # Limits
//! A file is small: what a run of it takes grows faster than it. Names are kept for as long as the process lives, and only
//! when the whole file is right.

mod parts;
mod place;
mod print;
mod steps;
mod table;

pub use place::Rejection;
pub use print::print;

use crate::program::Program;
use crate::rules;
use parts::Parts;
use place::Text;

/// The longest file.
const BYTES_MAX: usize = 256 * 1024;

/// Reads a program. `name` is that of the file, for messages.
///
/// # Errors
/// If it is none, or breaks a calling rule: with the place.
pub fn parse(name: &str, text: &str) -> Result<Program, Rejection> {
    let text = Text { name, text };
    if text.text.len() > BYTES_MAX {
        let found = format!("{} bytes", text.text.len());
        return Err(text.reject(0, found, format!("a program of at most {BYTES_MAX}")));
    }
    let parts = Parts::read(&text)?;
    let program = parts.program();
    match rules::check(&program) {
        Ok(()) => Ok(program),
        Err(broken) => {
            let at = parts.place_of(&broken);
            Err(text.reject(at, broken.found, format!("that {}", broken.rule.text())))
        }
    }
}
