//! The exit codes: what each means and what to do next. Help, the man page and `gate explain` say it from here.
//!
//! `docs/VERDICTS.md` says more of each, and README.md the same; tests compare them.

/// What a process of the gate ends with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExitCode {
    /// The number.
    pub(crate) code: u8,
    /// What it means, in a few words.
    pub(crate) means: &'static str,
}

/// All of them.
pub(crate) const ALL: [ExitCode; 6] = [
    ExitCode { code: 0, means: "nothing was broken, and all that had to be shown was" },
    ExitCode { code: 1, means: "a violation, with its schedule and its drawing" },
    ExitCode { code: 2, means: "a mistake in the call, said in one line" },
    ExitCode {
        code: 3,
        means: "the budget was spent before all was shown, or the run was interrupted",
    },
    ExitCode {
        code: 4,
        means: "not deterministic: the same choices did not lead to the same steps",
    },
    ExitCode { code: 5, means: "blind: the check could not have failed" },
];

/// The paragraph for help, of these codes.
pub(crate) fn paragraph(codes: &[u8]) -> String {
    let chosen = ALL.iter().filter(|each| codes.contains(&each.code));
    let lines: String = chosen.map(|each| format!("  {}  {}\n", each.code, each.means)).collect();
    format!("Exit codes:\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_says_the_same() {
        let readme = include_str!("../../README.md");
        for ExitCode { code, means } in ALL {
            assert!(readme.contains(&format!("| {code} | {means}")), "{code}: {means}");
        }
    }

    #[test]
    fn a_paragraph_has_the_codes_that_were_asked_for() {
        let expected = "Exit codes:\n  0  nothing was broken, and all that had to be shown was\n  2  a mistake in the call, said in one line\n";
        assert_eq!(paragraph(&[2, 0]), expected);
    }
}
