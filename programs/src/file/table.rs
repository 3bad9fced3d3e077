//! The tables of a file: which keys there are, and of which kind their values are.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::place::{Rejection, Text, one_of};

/// The longest name.
const NAME_MAX: usize = 64;

/// A word with the byte at which it stands.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) word: String,
    pub(super) at: usize,
    /// It is written with escapes: then its parts stand nowhere in particular, and `at` is where all of it begins.
    pub(super) escaped: bool,
}

impl Word {
    /// A string of a file.
    fn of(text: Text<'_>, value: &Spanned<DeValue<'_>>, word: &str) -> Word {
        let (at, escaped) = inside(text, value);
        Word { word: word.to_owned(), at, escaped }
    }

    /// A part of this word, which begins at its byte `offset`.
    pub(super) fn part(&self, offset: usize, word: &str) -> Word {
        Word { word: word.to_owned(), at: self.place(offset), escaped: self.escaped }
    }

    /// Where its byte `offset` stands.
    pub(super) fn place(&self, offset: usize) -> usize {
        if self.escaped { self.at } else { self.at + offset }
    }
}

/// A table of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    text: Text<'a>,
    table: &'a DeTable<'a>,
    pub(super) at: usize,
}

impl<'a> Table<'a> {
    /// A table that may have these keys and no others.
    pub(super) fn new(
        text: &Text<'a>,
        table: &'a DeTable<'a>,
        at: usize,
        keys: &[&str],
    ) -> Result<Self, Rejection> {
        let unknown = |key: &&Spanned<Cow<'_, str>>| !keys.contains(&key.get_ref().as_ref());
        if let Some(key) = table.keys().find(unknown) {
            let name = key.get_ref();
            let expected = one_of(keys.iter().copied(), name);
            return Err(text.reject(key.span().start, format!("key `{name}`"), expected));
        }
        Ok(Table { text: *text, table, at })
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.iter().find(|(each, _)| each.get_ref() == key).map(|(_, value)| value)
    }

    fn wrong(&self, value: &Spanned<DeValue<'_>>, key: &str, expected: &str) -> Rejection {
        let found = value.get_ref().type_str();
        let expected = format!("{expected} for `{key}`");
        self.text.reject(value.span().start, format!("a value of kind {found}"), expected)
    }

    /// Whether there is such a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// A rejection of what this key holds, or of the table if it does not hold it.
    pub(super) fn reject(&self, word: &Word, found: String, expected: String) -> Rejection {
        self.text.reject(word.at, found, expected)
    }

    /// A string, if there is one.
    pub(super) fn word(&self, key: &str) -> Result<Option<Word>, Rejection> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let word = value.get_ref().as_str().ok_or_else(|| self.wrong(value, key, "a string"))?;
        Ok(Some(Word::of(self.text, value, word)))
    }

    /// A string that must be there.
    pub(super) fn required(&self, key: &str) -> Result<Word, Rejection> {
        let missing = || {
            self.text.reject(
                self.at,
                format!("a table without `{key}`"),
                format!("`{key} = \"...\"`"),
            )
        };
        self.word(key)?.ok_or_else(missing)
    }

    /// A name that must be there, and be one.
    pub(super) fn name(&self) -> Result<Word, Rejection> {
        let name = self.required("name")?;
        if is_name(&name.word) {
            return Ok(name);
        }
        Err(self.reject(&name, format!("`{}`", name.word), expected_name()))
    }

    /// `true` or `false`, if there is one.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Rejection> {
        let Some(value) = self.value(key) else { return Ok(None) };
        value.get_ref().as_bool().map(Some).ok_or_else(|| self.wrong(value, key, "true or false"))
    }

    /// A number of at most `most`, if there is one.
    pub(super) fn number(&self, key: &str, most: u32) -> Result<Option<u32>, Rejection> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let number =
            value.get_ref().as_integer().ok_or_else(|| self.wrong(value, key, "a number"))?;
        let small = u32::from_str_radix(number.as_str(), number.radix()).ok();
        small.filter(|number| *number <= most).map(Some).ok_or_else(|| {
            let expected = format!("a number from 0 to {most} for `{key}`");
            self.text.reject(value.span().start, number.as_str().to_owned(), expected)
        })
    }

    /// Strings, none if there is no such key.
    pub(super) fn words(&self, key: &str) -> Result<Vec<Word>, Rejection> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let wrong = || self.wrong(value, key, "a list of strings");
        let list = value.get_ref().as_array().ok_or_else(wrong)?;
        let words = list.iter().map(|each| {
            let word = each.get_ref().as_str().ok_or_else(|| self.wrong(each, key, "strings"))?;
            Ok(Word::of(self.text, each, word))
        });
        words.collect()
    }

    /// A table of strings: keys and values, in the order in which they stand.
    pub(super) fn pairs(&self, key: &str) -> Result<Vec<(Word, Word)>, Rejection> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let wrong = || self.wrong(value, key, "a table");
        let table = value.get_ref().as_table().ok_or_else(wrong)?;
        let pairs = table.iter().map(|(name, each)| {
            let word = each.get_ref().as_str().ok_or_else(|| self.wrong(each, key, "strings"))?;
            let (at, name) = (name.span().start, name.get_ref().to_string());
            let name = Word { word: name, at, escaped: true };
            Ok((name, Word::of(self.text, each, word)))
        });
        let mut pairs: Vec<(Word, Word)> = pairs.collect::<Result<_, Rejection>>()?;
        pairs.sort_by_key(|(name, _)| name.at);
        Ok(pairs)
    }

    /// The tables of this name, at most `most`.
    pub(super) fn tables(
        &self,
        key: &str,
        most: usize,
        keys: &[&str],
    ) -> Result<Vec<Table<'a>>, Rejection> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let wrong = || self.wrong(value, key, &format!("tables `[[{key}]]`"));
        let list = value.get_ref().as_array().ok_or_else(wrong)?;
        if let Some(many) = list.get(most) {
            let found = format!("{} tables `[[{key}]]`", list.len());
            return Err(self.text.reject(many.span().start, found, format!("at most {most}")));
        }
        let tables = list.iter().map(|each| {
            let table = each.get_ref().as_table().ok_or_else(wrong)?;
            Table::new(&self.text, table, each.span().start, keys)
        });
        tables.collect()
    }

    /// The table of this name, if there is one.
    pub(super) fn table(&self, key: &str, keys: &[&str]) -> Result<Option<Table<'a>>, Rejection> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let wrong = || self.wrong(value, key, &format!("a table `[{key}]`"));
        let table = value.get_ref().as_table().ok_or_else(wrong)?;
        Table::new(&self.text, table, value.span().start, keys).map(Some)
    }
}

/// Whether this may be the name of something.
pub(super) fn is_name(word: &str) -> bool {
    let plain = |each: char| each.is_ascii_alphanumeric() || "_-".contains(each);
    word.starts_with(|each: char| each.is_ascii_alphabetic())
        && word.chars().all(plain)
        && word.len() <= NAME_MAX
        && !["main", "thread"].contains(&word)
}

/// What a name is, for who has written something else.
pub(super) fn expected_name() -> String {
    format!(
        "a name: a letter, then letters, digits, `-` and `_`, at most {NAME_MAX}; not `main` or `thread`"
    )
}

/// Where the first character of a string stands, if it is written as it is: behind its quote. And whether it is not.
fn inside(text: Text<'_>, value: &Spanned<DeValue<'_>>) -> (usize, bool) {
    let span = value.span();
    let plain = value.get_ref().as_str().is_some_and(|word| {
        text.text.get(span.start + 1..).is_some_and(|rest| rest.starts_with(word))
    });
    if plain { (span.start + 1, false) } else { (span.start, true) }
}
