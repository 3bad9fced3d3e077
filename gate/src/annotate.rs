//! `--annotate`: a line for each failure that GitHub shows beside the source.
//!
//! The form is that of its workflow commands, `::error file=..,line=..,title=..::message`. A text in it must not end the
//! command early or break a line: `%`, CR and LF are escaped everywhere, `:` and `,` in properties, too.

use crate::failure::failures;
use crate::results::Results;

/// The lines, each with its end; empty if nothing failed.
pub(crate) fn text(results: &Results) -> String {
    let mut text = String::new();
    for failure in failures(results) {
        let mut properties = Vec::new();
        if let Some((file, line)) = &failure.at {
            properties.push(format!("file={}", property(file)));
            properties.push(format!("line={line}"));
        }
        let title = format!("{}: {}", failure.rule, failure.title);
        properties.push(format!("title={}", property(&title)));
        let mut message = failure.message;
        if let Some(replay) = failure.replay {
            message += &format!("\nto see it again: {replay}");
        }
        text += &format!("::error {}::{}\n", properties.join(","), data(&message));
    }
    text
}

/// A text after the second pair of colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::tests::failed_run;
    use crate::results::tests::results;

    #[test]
    fn each_failure_is_one_line_with_its_place() {
        let text = text(&failed_run());
        let lines: Vec<&str> = text.lines().collect();
        let first = "::error file=src/a.rs,line=7,title=deadlock%3A a[readers=1] on harness::\
                     deadlock:%0A  main waits, 100%25 <sure> & \"well\"";
        assert_eq!(lines[0], first);
        let begin = "::error title=planted-bug-survived%3A a[readers=1] on harness with \
                     kick-removed planted::expected within ";
        assert!(lines[1].starts_with(begin), "{}", lines[1]);
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn nothing_failed_nothing_is_annotated() {
        assert_eq!(text(&results(Vec::new())), "");
    }

    #[test]
    fn texts_cannot_end_a_command_early() {
        assert_eq!(property("a,b:c%\r\nd"), "a%2Cb%3Ac%25%0D%0Ad");
        assert_eq!(data("a,b:c%\r\nd"), "a,b:c%25%0D%0Ad");
    }
}
