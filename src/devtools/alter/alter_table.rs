//! One table from one definition to another: by ALTER TABLE where its rules allow it, by
//! rebuilding the table where they do not.

use crate::devtools::alter::column_values::{ValueSource, origin};
use crate::devtools::model::diff::Altered;
use crate::sqlite::schema::parsed::edits::Edit;
use crate::sqlite::schema::parsed::table::{
    ColumnDefinition, Conflict, Constraint, Definition, Rule,
};
use crate::sqlite::sql::name::plain;

/// What ALTER TABLE may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Means {
    /// `ALTER COLUMN … NOT NULL`, `ADD CHECK`, `DROP CONSTRAINT`
    /// (<https://sqlite.org/lang_altertable.html>, from 3.53).
    pub(crate) constraints: bool,
    /// Whether an UPDATE would set off a trigger of the table.
    pub(crate) update_triggers: bool,
}

/// How many columns are dropped one by one. Each is a rewrite of the whole table, and so
/// is rebuilding it, once.
const DROPS: usize = 2;

/// The statements of ALTER TABLE that do all edits, in order. None where one of them cannot be
/// done like this on a table with rows; what passes on an empty table proves nothing.
pub(crate) fn natively(altered: &Altered<'_>, means: Means) -> Option<Vec<String>> {
    let Altered {
        before,
        after,
        edits,
    } = altered;
    let table = format!("ALTER TABLE {}", plain(&after.name));
    // In the order in which they must be done.
    let mut steps: Vec<(u8, String)> = Vec::new();
    let mut drops = 0;
    for edit in edits {
        let (order, statement) = match edit {
            Edit::DropConstraint(constraint) if means.constraints && is_droppable(constraint) => {
                let name = plain(constraint.name.as_deref()?);
                (0, format!("{table} DROP CONSTRAINT {name}"))
            }
            Edit::DropNotNull(column) if means.constraints => {
                let name = plain(&column.name);
                (1, format!("{table} ALTER COLUMN {name} DROP NOT NULL"))
            }
            Edit::Drop(column) => {
                drops += 1;
                (2, format!("{table} DROP COLUMN {}", plain(&column.name)))
            }
            Edit::Add(column) if not_addable(after, column).is_none() => {
                (3, format!("{table} ADD COLUMN {}", column.text))
            }
            Edit::SetNotNull(column)
                if means.constraints && column.not_null == Some(Conflict::Abort) =>
            {
                let name = plain(&column.name);
                match origin(before, column) {
                    ValueSource::Same(_) => {}
                    ValueSource::OrDefault(_, value) if !means.update_triggers => steps.push((
                        4,
                        format!(
                            "UPDATE {} SET {name} = {value} WHERE {name} IS NULL",
                            plain(&after.name)
                        ),
                    )),
                    _ => return None,
                }
                (4, format!("{table} ALTER COLUMN {name} SET NOT NULL"))
            }
            Edit::AddConstraint(constraint)
                if means.constraints && matches!(constraint.rule, Rule::Check { .. }) =>
            {
                (5, format!("{table} ADD {}", constraint.text))
            }
            _ => return None,
        };
        steps.push((order, statement));
    }
    steps.sort_by_key(|(order, _)| *order);
    (drops <= DROPS).then(|| steps.into_iter().map(|(_, statement)| statement).collect())
}

/// What an edit is that has no ALTER TABLE, for whoever asks why the table is rebuilt.
pub(crate) fn reasons(altered: &Altered<'_>, means: Means) -> Vec<String> {
    let alone = |edit: &&Edit<'_>| {
        let altered = Altered {
            before: altered.before,
            after: altered.after,
            edits: vec![**edit],
        };
        natively(&altered, means).is_none()
    };
    let mut words: Vec<String> = Vec::new();
    for edit in altered.edits.iter().filter(alone) {
        let said = match edit {
            Edit::Add(column) => {
                let why = not_addable(altered.after, column).unwrap_or_default();
                format!("add `{}` {why}", column.name)
            }
            Edit::SetNotNull(column)
                if matches!(origin(altered.before, column), ValueSource::Using(_)) =>
            {
                format!("fill `{}` from the rest of its row", column.name)
            }
            _ => edit.words(),
        };
        // A reference or a key that only changes is one thing.
        let dropped = said.strip_prefix("add ").map(|what| format!("drop {what}"));
        match words
            .iter_mut()
            .find(|word| Some(word.as_str()) == dropped.as_deref())
        {
            Some(word) => *word = said.replacen("add ", "change ", 1),
            None => words.push(said),
        }
    }
    words.dedup();
    words
}

/// A CHECK or a reference with a name. One without cannot be named.
fn is_droppable(constraint: &Constraint) -> bool {
    let can = matches!(constraint.rule, Rule::Check { .. } | Rule::ForeignKey(_));
    constraint.name.is_some() && can
}

/// Why ADD COLUMN does not take a column when there are rows, in words that follow its name
/// (<https://sqlite.org/lang_altertable.html#altertabaddcol>). None where it does.
fn not_addable(table: &Definition, column: &ColumnDefinition) -> Option<&'static str> {
    let default = column.default.as_ref();
    let is_a_value = default.is_some_and(|default| default.is_a_value());
    let generated = column.generated.as_ref();
    let own = table
        .constraints
        .iter()
        .filter(|constraint| constraint.column.as_deref() == Some(column.name.as_str()));
    let mut rules = own.map(|constraint| &constraint.rule);
    let is_key = |rule: &Rule| matches!(rule, Rule::PrimaryKey { .. } | Rule::Unique { .. });
    let refers = |rule: &Rule| matches!(rule, Rule::ForeignKey(_));
    if column.using.is_some() {
        Some("with values from the rest of its row")
    } else if default.is_some_and(|default| !default.constant) {
        Some("with a default that is not a constant")
    } else if generated.is_some_and(|generated| generated.stored) {
        Some("as a stored generated column")
    } else if rules.clone().any(is_key) {
        Some("as a key")
    } else if rules.any(refers) && is_a_value {
        Some("with a reference and a default")
    } else if column.not_null.is_some() && !is_a_value && generated.is_none() {
        Some("NOT NULL without a constant default")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::schema::parsed::edits::{ColumnOrder, edits};

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// What ALTER TABLE does, or why it cannot.
    fn done(before: &str, after: &str, means: Means) -> (Option<Vec<String>>, Vec<String>) {
        let table = |columns: &str| Definition::parse(&format!("CREATE TABLE t ({columns})"));
        let (before, after) = (table(before).unwrap(), table(after).unwrap());
        let altered = Altered {
            before: &before,
            after: &after,
            edits: edits(&before, &after, ColumnOrder::Ignored),
        };
        (natively(&altered, means), reasons(&altered, means))
    }

    #[test]
    fn alter_table_is_used_as_far_as_the_linked_sqlite_knows_it() {
        // Before, after, the statements, the reasons where there is no newer form of them.
        let cases: &[(&str, &str, &[&str], &[&str])] = &[
            (
                "a, CONSTRAINT c CHECK (a > 0)",
                "a",
                &["DROP CONSTRAINT c"],
                &["drop a CHECK"],
            ),
            (
                "a CONSTRAINT r REFERENCES p",
                "a",
                &["DROP CONSTRAINT r"],
                &["drop the reference to `p`"],
            ),
            (
                "a NOT NULL",
                "a",
                &["ALTER COLUMN a DROP NOT NULL"],
                &["let `a` be NULL"],
            ),
            (
                "a",
                "a NOT NULL",
                &["ALTER COLUMN a SET NOT NULL"],
                &["make `a` NOT NULL"],
            ),
            (
                "a",
                "a, CHECK (a > 0)",
                &["ADD CHECK (a > 0)"],
                &["add a CHECK"],
            ),
            (
                "a, b, CONSTRAINT c CHECK (a > 0)",
                "a NOT NULL, d, CHECK (a > 1)",
                &[
                    "DROP CONSTRAINT c",
                    "DROP COLUMN b",
                    "ADD COLUMN d",
                    "ALTER COLUMN a SET NOT NULL",
                    "ADD CHECK (a > 1)",
                ],
                &["make `a` NOT NULL", "change a CHECK"],
            ),
        ];
        for (before, after, statements, words) in cases {
            let (native, none) = done(
                before,
                after,
                Means {
                    constraints: true,
                    update_triggers: true,
                },
            );
            let expected = statements
                .iter()
                .map(|statement| format!("ALTER TABLE t {statement}"));
            assert_eq!(native, Some(expected.collect()), "{after}");
            assert_eq!(none, [""; 0], "{after}");
            let (native, reasons) = done(
                before,
                after,
                Means {
                    constraints: false,
                    update_triggers: false,
                },
            );
            assert_eq!(
                (native, reasons.as_slice()),
                (None, owned(words).as_slice()),
                "{after}"
            );
        }
        for constraints in [true, false] {
            let means = Means {
                constraints,
                update_triggers: false,
            };
            for (before, after, statements) in [
                (
                    "a, b, c",
                    "a",
                    ["DROP COLUMN b", "DROP COLUMN c"].as_slice(),
                ),
                (
                    "a",
                    "a, b AS (a), c REFERENCES p DEFAULT NULL, d NOT NULL DEFAULT 1, UNIQUE (a)",
                    &[],
                ),
                (
                    "a",
                    "a, b AS (a) NOT NULL",
                    &["ADD COLUMN b AS (a) NOT NULL"],
                ),
                (
                    "a",
                    "a, b REFERENCES p DEFAULT NULL",
                    &["ADD COLUMN b REFERENCES p DEFAULT NULL"],
                ),
                (
                    "a",
                    "a, b NOT NULL DEFAULT 1",
                    &["ADD COLUMN b NOT NULL DEFAULT 1"],
                ),
            ] {
                let expected = statements
                    .iter()
                    .map(|statement| format!("ALTER TABLE t {statement}"));
                let expected = (!statements.is_empty()).then(|| expected.collect());
                assert_eq!(done(before, after, means).0, expected, "{after}");
            }
        }
    }

    #[test]
    fn nulls_are_filled_before_they_are_forbidden_where_no_trigger_sees_it() {
        let done = |update_triggers| {
            let means = Means {
                constraints: true,
                update_triggers,
            };
            done("a DEFAULT 'd'", "a NOT NULL DEFAULT 'd'", means)
        };
        let filled = [
            "UPDATE t SET a = 'd' WHERE a IS NULL",
            "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        ];
        assert_eq!(done(false), (Some(owned(&filled)), vec![]));
        assert_eq!(done(true), (None, vec!["make `a` NOT NULL".to_owned()]));
    }

    #[test]
    fn why_a_table_is_built_anew_is_said_once_and_of_what_needs_it() {
        let means = Means {
            constraints: true,
            update_triggers: false,
        };
        let cases: &[(&str, &str, &[&str])] = &[
            ("a, b, c, d", "a", &[]),
            (
                "a, CONSTRAINT u UNIQUE (a)",
                "a",
                &["drop that `a` is unique"],
            ),
            ("a, CHECK (a > 0)", "a", &["drop a CHECK"]),
            ("a, CHECK (a > 0), CHECK (a > 1)", "a", &["drop a CHECK"]),
            ("a", "a NOT NULL ON CONFLICT IGNORE", &["make `a` NOT NULL"]),
            (
                "a",
                "a NOT NULL -- using: 1\n",
                &["fill `a` from the rest of its row"],
            ),
            (
                "a",
                "a, FOREIGN KEY (a) REFERENCES p",
                &["add the reference to `p`"],
            ),
            (
                "a REFERENCES p",
                "a REFERENCES p ON DELETE CASCADE",
                &["change the reference to `p`"],
            ),
            (
                "a REFERENCES p",
                "a REFERENCES q",
                &["drop the reference to `p`", "add the reference to `q`"],
            ),
            (
                "a",
                "a, b -- using: a\n",
                &["add `b` with values from the rest of its row"],
            ),
            (
                "a",
                "a, b DEFAULT (1 + 1)",
                &["add `b` with a default that is not a constant"],
            ),
            (
                "a",
                "a, b AS (a) STORED",
                &["add `b` as a stored generated column"],
            ),
            ("a", "a, b UNIQUE", &["add `b` as a key"]),
            ("a", "a, b PRIMARY KEY", &["add `b` as a key"]),
            (
                "a",
                "a, b REFERENCES p DEFAULT 1",
                &["add `b` with a reference and a default"],
            ),
            (
                "a",
                "a, b NOT NULL",
                &["add `b` NOT NULL without a constant default"],
            ),
            (
                "a",
                "a, b NOT NULL DEFAULT NULL",
                &["add `b` NOT NULL without a constant default"],
            ),
            ("a", "a UNIQUE, b", &["add that `a` is unique"]),
        ];
        for (before, after, words) in cases {
            let (native, reasons) = done(before, after, means);
            assert_eq!(
                (native, reasons.as_slice()),
                (None, owned(words).as_slice()),
                "{after}"
            );
        }
    }
}
