//! Pages of `docs/` that a run makes: compared with what is there, or written.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::expected::ExpectedOptions;
use crate::outputs::write_one;
use crate::replay::Shown;

/// A page as it was when the gate was built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Where it stands, from the root of the repository.
    pub(crate) path: &'static str,
    /// Its text.
    pub(crate) text: &'static str,
}

/// How the checks are made, and what becomes of their page.
#[derive(Debug, Args)]
pub(crate) struct DocumentOptions {
    #[command(flatten)]
    pub(crate) checks: ExpectedOptions,
    /// Writes the page that this run makes there, instead of comparing it with the one of docs/
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
}

/// Ends a run that makes a page: exit code 5 if something is not as expected, or the page is another than the one there.
///
/// # Errors
/// In one line, if the page cannot be written.
pub(crate) fn conclude(
    mut text: String,
    is_met: bool,
    page: &Page,
    made: &str,
    write: Option<&Path>,
) -> Result<Shown, String> {
    let mut exit_code = if is_met { 0 } else { 5 };
    match write {
        // A page that says what was not shown is not written.
        Some(_) if !is_met => text += "nothing is written: not all is as expected\n",
        Some(path) => {
            write_one(path, made)?;
            text += &format!("written to {}\n", path.display());
        }
        None if made == page.text => text += &format!("{} says the same\n", page.path),
        None => {
            exit_code = 5;
            text += &difference(page, made);
        }
    }
    Ok(Shown { text, exit_code })
}

/// The first line in which they differ, and what to do.
fn difference(page: &Page, made: &str) -> String {
    let lines = made.lines().chain(std::iter::once(""));
    let differs = page.text.lines().chain(std::iter::once("")).zip(lines).enumerate();
    let first = differs.into_iter().find(|(_, (there, made))| there != made);
    let (line, there, made) =
        first.map_or((1, "", ""), |(index, (there, made))| (index + 1, there, made));
    format!(
        "{}:{line}: found\n  {there}\nexpected what this run shows\n  {made}\nread the difference, then let it be written with --write {}\n",
        page.path, page.path
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: Page = Page { path: "docs/X.md", text: "one\ntwo\n" };

    fn concluded(is_met: bool, made: &str) -> (u8, String) {
        let shown = conclude(String::new(), is_met, &THERE, made, None);
        let shown = shown.expect("nothing is written");
        (shown.exit_code, shown.text)
    }

    #[test]
    fn a_page_that_is_not_what_was_shown_fails() {
        assert_eq!(concluded(true, "one\ntwo\n"), (0, "docs/X.md says the same\n".to_owned()));
        assert_eq!(concluded(false, "one\ntwo\n").0, 5);
        let (code, text) = concluded(true, "one\nthree\n");
        assert_eq!(code, 5);
        assert!(text.contains("docs/X.md:2: found\n  two\n") && text.contains("three"), "{text}");
        assert_eq!(concluded(true, "one\n").0, 5);
    }

    #[test]
    fn nothing_is_written_that_was_not_shown() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("X.md");
        let write = Some(path.as_path());
        let shown = conclude(String::new(), false, &THERE, "new", write).expect("not written");
        assert!(shown.exit_code == 5 && !path.exists());
        let shown = conclude(String::new(), true, &THERE, "new", write).expect("written");
        assert_eq!(shown.exit_code, 0);
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "new");
    }
}
