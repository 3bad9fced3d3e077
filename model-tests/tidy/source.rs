//! Rust as text: which bytes are code, which comment, which the inside of a string literal.
//!
//! States of the reader: code; line comment; block comment (they nest); string; raw string;
//! character. A quote that begins a lifetime is code. Byte offsets are the same in all views, so that
//! what is found in one can be read in another.

/// A source file in three views of the same length.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Relative to the root of the workspace.
    pub(super) path: String,
    /// As it is.
    pub(super) text: String,
    /// Comments and insides of literals are blanks; quotes stay.
    pub(super) code: String,
    /// Comments alone, all else is blanks.
    pub(super) comments: String,
}

/// What a byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Source {
    /// Reads a text.
    pub(super) fn new(path: &str, text: &str) -> Source {
        let kinds = kinds(text.as_bytes());
        let view = |kind: Kind| -> String {
            let bytes = text.bytes().zip(&kinds);
            let view = bytes.map(|(byte, each)| match byte {
                b'\n' => '\n',
                byte if *each == kind && byte.is_ascii() => char::from(byte),
                byte if *each == kind && byte >= 0x80 => '?',
                _ => ' ',
            });
            view.collect()
        };
        let (code, comments) = (view(Kind::Code), view(Kind::Comment));
        Source { path: path.to_owned(), text: text.to_owned(), code, comments }
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Where the unit tests at the end of the file begin, or its end.
    pub(super) fn tests_begin(&self) -> usize {
        let begin = self.code.rfind("#[cfg(test)]\nmod ");
        begin.unwrap_or(self.code.len())
    }

    /// Where `word` stands in the code as a whole word.
    pub(super) fn words(&self, word: &str) -> Vec<usize> {
        whole_words(&self.code, word)
    }

    /// The string literal that begins at or after `at` with only white space between.
    pub(super) fn literal(&self, at: usize) -> Option<&str> {
        let blank = self.code[at..].len() - self.code[at..].trim_start().len();
        let begin = at + blank;
        if !self.code[begin..].starts_with('"') {
            return None;
        }
        let inside = begin + 1;
        let end = inside + self.code[inside..].find('"')?;
        Some(&self.text[inside..end])
    }

    /// The string literal that is the first argument of each call `name("...")`, with its place.
    /// Calls whose first argument is something else are given as `None`; definitions are left out.
    pub(super) fn calls(&self, name: &str) -> Vec<(usize, Option<&str>)> {
        let called = |at: &usize| {
            let is_call = self.code[at + name.len()..].starts_with('(');
            is_call && !self.code[..*at].trim_end().ends_with("fn")
        };
        let places = whole_words(&self.code, name).into_iter().filter(called);
        places.map(|at| (at, self.literal(at + name.len() + 1))).collect()
    }

    /// All string literals, with their places.
    pub(super) fn literals(&self) -> Vec<(usize, &str)> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(begin) = self.code[at..].find('"').map(|offset| at + offset) {
            let inside = begin + 1;
            let Some(end) = self.code[inside..].find('"').map(|offset| inside + offset) else {
                break;
            };
            found.push((begin, &self.text[inside..end]));
            at = end + 1;
        }
        found
    }
}

/// Where `word` stands in `text` with no part of a name on either side.
pub(super) fn whole_words(text: &str, word: &str) -> Vec<usize> {
    let part_of_name = |each: char| each.is_alphanumeric() || each == '_';
    let first_is_name = word.starts_with(part_of_name);
    let last_is_name = word.ends_with(part_of_name);
    let places = text.match_indices(word).map(|(at, _)| at);
    let whole = places.filter(|at| {
        let before = text[..*at].ends_with(part_of_name) && first_is_name;
        let after = text[at + word.len()..].starts_with(part_of_name) && last_is_name;
        !before && !after
    });
    whole.collect()
}

fn kinds(text: &[u8]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; text.len()];
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (kind, begin, end) = if rest.starts_with(b"//") {
            (Kind::Comment, at, at + until(rest, b"\n"))
        } else if rest.starts_with(b"/*") {
            (Kind::Comment, at, at + block_comment(rest))
        } else if let Some(hashes) = raw_string(text, at) {
            let open = at + 2 + hashes;
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            (Kind::Literal, open, open + until(&text[open..], &close))
        } else if rest[0] == b'"' {
            (Kind::Literal, at + 1, at + 1 + string_length(&rest[1..], b'"'))
        } else if rest[0] == b'\'' && is_character(rest) {
            (Kind::Literal, at + 1, at + 1 + string_length(&rest[1..], b'\''))
        } else {
            (Kind::Code, at, at + 1)
        };
        kinds[begin.min(text.len())..end.min(text.len())].fill(kind);
        // Past the closing quote, which is code; a comment has none.
        at = end + usize::from(kind == Kind::Literal);
    }
    kinds
}

/// The number of bytes before `end`, or all.
fn until(text: &[u8], end: &[u8]) -> usize {
    text.windows(end.len()).position(|window| window == end).unwrap_or(text.len())
}

/// The length of a block comment that begins here; they nest.
fn block_comment(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The number of `#` of a raw string that begins at `at`, if one does.
fn raw_string(text: &[u8], at: usize) -> Option<usize> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let before = at.checked_sub(1).map(|before| &text[before]);
    if text[at] != b'r' || before.is_some_and(|byte| is_name(byte) && *byte != b'b') {
        return None;
    }
    let hashes = text[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    (text.get(at + 1 + hashes) == Some(&b'"')).then_some(hashes)
}

/// The number of bytes before the closing quote; a backslash takes the next byte with it.
fn string_length(text: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < text.len() && text[at] != quote {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}

/// Whether a quote begins a character and not a lifetime.
fn is_character(text: &[u8]) -> bool {
    let second = text.get(1).copied().unwrap_or(b'\'');
    let is_name = second.is_ascii_alphanumeric() || second == b'_';
    !is_name || text.get(2) == Some(&b'\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comments_and_literals_are_told_apart() {
        let text = "a(\"x // no\"); // b \"y\"\n/* c /* d */ \"z\" */ let e: &'e str = r#\"f\"g\"#; 'h' '\\''";
        let source = Source::new("a.rs", text);
        let expected =
            "a(\"       \");         \n                    let e: &'e str = r#\"   \"#; ' ' '  '";
        assert_eq!(source.code, expected);
        let expected = "              // b \"y\"\n/* c /* d */ \"z\" */";
        assert_eq!(source.comments.trim_end(), expected);
    }

    #[test]
    fn the_views_have_the_same_length_whatever_the_text() {
        for text in [
            "\"",
            "'",
            "/*",
            "r#\"",
            "//",
            "'a",
            "\"\\",
            "\u{e9}\"\u{e9}\" // \u{e9}",
            "b'\"' x",
            "br\"a\\\" y",
        ] {
            let source = Source::new("a.rs", text);
            assert_eq!(
                (source.code.len(), source.comments.len()),
                (text.len(), text.len()),
                "{text}"
            );
        }
    }

    #[test]
    fn calls_are_found_over_line_ends_and_definitions_are_not_calls() {
        let text =
            "fn seen(id: &str) {}\nseen(\n    \"a-b\",\n); unseen(\"c\"); seen(id); // seen(\"d\")";
        let source = Source::new("a.rs", text);
        let calls: Vec<_> =
            source.calls("seen").into_iter().map(|(_, argument)| argument).collect();
        assert_eq!(calls, [Some("a-b"), None]);
        assert_eq!(source.line(source.calls("seen")[0].0), 2);
    }

    #[test]
    fn literals_are_listed_with_their_places() {
        let source = Source::new("a.rs", "&[\"a\", \"b c\"] // \"d\"");
        assert_eq!(source.literals(), [(2, "a"), (7, "b c")]);
    }
}
