//! Two schemas compared.

use crate::sqlite::schema::objects::{Object, Schema, Table};
use crate::sqlite::schema::parsed::edits::{same_objects, same_tables};
use crate::sqlite::sql::name::same_name;

/// What tells two schemas apart, in words about the second. Space, comments, quotes and
/// the case of keywords do not count.
pub(crate) fn differences(expected: &Schema, actual: &Schema) -> Vec<String> {
    let mut found = Vec::new();
    for table in &expected.tables {
        match actual.table(&table.name) {
            None => found.push(format!("table `{}` is missing", table.name)),
            Some(now) => table_differences(table, now, &mut found),
        }
    }
    for table in &actual.tables {
        if expected.table(&table.name).is_none() {
            found.push(format!("table `{}` should not be there", table.name));
        }
    }
    let same = |a: &Object, b: &Object| a.kind == b.kind && same_name(&a.name, &b.name);
    for object in &expected.others {
        let Object {
            kind, name, sql, ..
        } = object;
        match actual.others.iter().find(|now| same(now, object)) {
            None => found.push(format!("{kind} `{name}` is missing")),
            Some(now) if !same_sql(sql, &now.sql) && !same_objects(object, now) => {
                found.push(format!("{kind} `{name}` differs"))
            }
            Some(_) => {}
        }
    }
    for object in &actual.others {
        if !expected.others.iter().any(|was| same(was, object)) {
            found.push(format!(
                "{} `{}` should not be there",
                object.kind, object.name
            ));
        }
    }
    found
}

pub(crate) fn table_differences(expected: &Table, now: &Table, found: &mut Vec<String>) {
    let before = found.len();
    let name = &expected.name;
    for column in &expected.columns {
        match now.column(&column.name) {
            None => found.push(format!("column `{}` of `{name}` is missing", column.name)),
            Some(present) if !present.declared.eq_ignore_ascii_case(&column.declared) => {
                found.push(format!(
                    "column `{}` of `{name}` is {} instead of {}",
                    column.name, present.declared, column.declared
                ));
            }
            Some(_) => {}
        }
    }
    for column in &now.columns {
        if expected.column(&column.name).is_none() {
            found.push(format!(
                "column `{}` of `{name}` should not be there",
                column.name
            ));
        }
    }
    if found.len() == before
        && !same_sql(&expected.sql, &now.sql)
        && !same_tables(&expected.sql, &now.sql)
    {
        let order = |table: &Table| -> Vec<String> {
            let names = table
                .columns
                .iter()
                .map(|column| column.name.to_ascii_lowercase());
            names.collect()
        };
        found.push(if order(expected) == order(now) {
            format!("the definition of table `{name}` differs")
        } else {
            format!("the columns of table `{name}` are in another order")
        });
    }
}

/// Whether two statements are the same tokens.
pub(crate) fn same_sql(one: &str, other: &str) -> bool {
    let tokens = |sql| {
        crate::sqlite::sql::token::Tokens::new(sql).map(|token| {
            match token.text.as_bytes().first() {
                // A string keeps its case, a name does not.
                Some(b'\'') => token.text.to_owned(),
                _ => token.name().to_ascii_lowercase(),
            }
        })
    };
    tokens(one).eq(tokens(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::schema::objects::{Column, Object, ObjectKind, Schema, Table, TableKind};

    #[test]
    fn differences_are_told_in_words_and_spelling_is_none() {
        let table = |sql: &str, columns: &[(&str, &str)]| Table {
            name: "t".into(),
            kind: TableKind::Ordinary,
            sql: sql.into(),
            columns: columns
                .iter()
                .map(|(name, declared)| Column {
                    name: (*name).into(),
                    declared: (*declared).into(),
                    generated: false,
                })
                .collect(),
        };
        let of = |tables: Vec<Table>, index: Option<&str>| Schema {
            tables,
            others: index
                .map(|sql| Object {
                    kind: ObjectKind::Index,
                    name: "i".into(),
                    table: "t".into(),
                    sql: sql.into(),
                })
                .into_iter()
                .collect(),
        };
        let plain = table("CREATE TABLE t(a INT)", &[("a", "INT")]);
        let spelled = table("create table \"t\" ( A int ) -- x", &[("A", "int")]);
        assert_eq!(
            differences(&of(vec![plain.clone()], None), &of(vec![spelled], None)),
            Vec::<String>::new()
        );
        let cases = [
            (of(vec![], None), "table `t` is missing"),
            (
                of(vec![table("x", &[])], None),
                "column `a` of `t` is missing",
            ),
            (
                of(vec![table("x", &[("a", "TEXT")])], None),
                "column `a` of `t` is TEXT instead of INT",
            ),
            (
                of(vec![table("x", &[("a", "INT")])], None),
                "the definition of table `t` differs",
            ),
            (
                of(vec![plain.clone()], Some("x")),
                "index `i` should not be there",
            ),
        ];
        for (actual, expected) in cases {
            assert_eq!(
                differences(&of(vec![plain.clone()], None), &actual),
                [expected]
            );
        }
        let with = |index| of(vec![plain.clone()], Some(index));
        let before = with("CREATE INDEX i ON t (a)");
        assert_eq!(
            differences(&before, &with("create index i on t(A) -- x")),
            [""; 0]
        );
        assert_eq!(
            differences(&before, &with("CREATE INDEX i ON t (a DESC)")),
            ["index `i` differs"]
        );
        let letter = |default: &str| {
            let sql = format!("CREATE TABLE t(a INT DEFAULT {default})");
            of(vec![table(&sql, &[("a", "INT")])], None)
        };
        assert_eq!(
            differences(&letter("'a'"), &letter("'A'")),
            ["the definition of table `t` differs"]
        );
    }

    #[test]
    fn an_index_that_is_spelled_out_is_no_other_one() {
        let index = |sql: &str| Schema {
            tables: Vec::new(),
            others: vec![Object {
                kind: ObjectKind::Index,
                name: "i".into(),
                table: "t".into(),
                sql: sql.into(),
            }],
        };
        let (short, long) = ("CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (a ASC)");
        assert_eq!(differences(&index(short), &index(long)), [""; 0]);
    }
}
