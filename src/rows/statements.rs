//! Rows as the statements that write them.

use rusqlite::types::ValueRef;

use crate::sqlite::sql::name::quote;

/// A value as SQLite reads it back, bit for bit.
pub(crate) struct Literal<'v>(pub(crate) ValueRef<'v>);

impl std::fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hex = |f: &mut std::fmt::Formatter<'_>, bytes: &[u8]| {
            f.write_str("X'")?;
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))?;
            f.write_str("'")
        };
        match self.0 {
            ValueRef::Null => f.write_str("NULL"),
            // Its amount alone is not an integer.
            ValueRef::Integer(i64::MIN) => f.write_str("(-9223372036854775807 - 1)"),
            ValueRef::Integer(integer) => write!(f, "{integer}"),
            ValueRef::Real(real) if real == f64::INFINITY => f.write_str("9e999"),
            ValueRef::Real(real) if real == f64::NEG_INFINITY => f.write_str("-9e999"),
            ValueRef::Real(real) => write!(f, "{real:e}"),
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => write!(f, "'{}'", text.replace('\'', "''")),
                _ => {
                    f.write_str("CAST(")?;
                    hex(f, bytes)?;
                    f.write_str(" AS TEXT)")
                }
            },
            ValueRef::Blob(bytes) => hex(f, bytes),
        }
    }
}

/// The condition that finds one row.
fn row(key: &[(String, String)]) -> String {
    let parts: Vec<String> = key
        .iter()
        .map(|(name, value)| format!("{name} IS {value}"))
        .collect();
    parts.join(" AND ")
}

/// The statement that removes a row, by the names and the values of its key.
pub(crate) fn delete_row(table: &str, key: &[(String, String)]) -> String {
    format!("DELETE FROM {} WHERE {};", quote(table), row(key))
}

/// The statement that adds a row, by the names and the values of its columns.
pub(crate) fn insert_row(table: &str, values: &[(String, String)]) -> String {
    let names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<&str> = values.iter().map(|(_, value)| value.as_str()).collect();
    format!(
        "INSERT INTO {} ({}) VALUES ({});",
        quote(table),
        names.join(", "),
        values.join(", ")
    )
}

/// The statement that changes columns of a row.
pub(crate) fn update_row(
    table: &str,
    key: &[(String, String)],
    changes: &[(String, String)],
) -> String {
    let changes: Vec<String> = changes
        .iter()
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    format!(
        "UPDATE {} SET {} WHERE {};",
        quote(table),
        changes.join(", "),
        row(key)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;
    use rusqlite::types::Value;

    #[test]
    fn a_literal_is_read_back_as_the_value_it_was() {
        let connection = Connection::open_in_memory().unwrap();
        for value in [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Integer(-3),
            Value::Real(0.1),
            Value::Real(1e300),
            Value::Real(3.0),
            Value::Real(f64::NEG_INFINITY),
            Value::Text("it's \"é\"\n".into()),
            Value::Text("a\0b".into()),
            Value::Blob(vec![0, 255]),
        ] {
            let sql = format!("SELECT {}", Literal(ValueRef::from(&value)));
            let read: Value = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
            assert_eq!(read, value, "{sql}");
        }
    }
}
