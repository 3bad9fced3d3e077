//! Which names are most like one that nobody has: what was probably meant.

/// How like a name must be to be named as meant, from 0 to 1.
const LIKE_MIN: f64 = 0.72;

/// The names that are most like `name`, the most like first, at most `most`.
pub(crate) fn nearest<'a>(
    name: &str,
    names: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let likeness = |each: &str| strsim::jaro_winkler(&each.to_lowercase(), &name);
    let like = names.into_iter().map(|each| (likeness(each), each));
    let mut like: Vec<(f64, &str)> = like.filter(|(likeness, _)| *likeness >= LIKE_MIN).collect();
    // Of those that are as like, the one that comes first in the list stays first.
    like.sort_by(|one, other| other.0.total_cmp(&one.0));
    like.dedup_by(|one, other| one.1 == other.1);
    like.into_iter().take(most).map(|(_, each)| each).collect()
}

/// `, perhaps X`, if there is a name like it.
pub(crate) fn perhaps<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, names, 1).first().map(|like| format!(", perhaps `{like}`")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_mistyped_or_cut_off_is_found() {
        let names = ["reader_meets_writer[readers=1]", "reader-kick-removed", "notify-skipped"];
        assert_eq!(nearest("reader_meets_writer", names, 1), [names[0]]);
        assert_eq!(nearest("notify-skiped", names, 3), [names[2]]);
        assert_eq!(perhaps("Reader-Kick-Removd", names), ", perhaps `reader-kick-removed`");
        assert_eq!(perhaps("moon", names), "");
    }
}
