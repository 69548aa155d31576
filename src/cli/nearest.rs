//! What was probably meant.

/// How alike two names must be, from 0 to 1, to be taken for one another.
const ALIKE: f64 = 0.75;

/// The known name that is most like a wrong one, where one is like it.
pub(crate) fn nearest<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let wrong = wrong.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wrong, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// The same as a question.
pub(crate) fn did_you_mean<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<String> {
    nearest(wrong, known).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_something_else_finds_none() {
        let known = ["database", "migrations", "before-import", "20260508141500"];
        for (wrong, right) in [
            ("databse", "database"),
            ("before_import", "before-import"),
            ("Before-Imprt", "before-import"),
            ("20260508141501", "20260508141500"),
        ] {
            assert_eq!(nearest(wrong, known), Some(right), "{wrong}");
        }
        for wrong in ["", "zebra", "x"] {
            assert_eq!(nearest(wrong, known), None, "{wrong}");
        }
    }
}
