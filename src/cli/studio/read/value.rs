//! Values: as they are stored, as an address holds them, as a cell shows them.

use heirloom::rusqlite::ToSql;
use heirloom::rusqlite::types::{ToSqlOutput, ValueRef};

/// How much of a text and of a blob a cell of a list shows.
pub(crate) const CHARACTERS: usize = 80;
pub(crate) const BYTES: usize = 16;

/// The longest text that is shown as a whole, in characters, and how much of a blob is.
pub(crate) const LONGEST: usize = 100_000;
pub(crate) const DUMP: usize = 512;

/// A value with the type it has. A text need not be UTF-8.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl ToSql for Stored {
    fn to_sql(&self) -> heirloom::rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Stored::Null => ValueRef::Null,
            Stored::Integer(number) => ValueRef::Integer(*number),
            Stored::Real(number) => ValueRef::Real(*number),
            Stored::Text(bytes) => ValueRef::Text(bytes),
            Stored::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<ValueRef<'_>> for Stored {
    fn from(value: ValueRef<'_>) -> Stored {
        match value {
            ValueRef::Null => Stored::Null,
            ValueRef::Integer(number) => Stored::Integer(number),
            ValueRef::Real(number) => Stored::Real(number),
            ValueRef::Text(bytes) => Stored::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Stored::Blob(bytes.to_vec()),
        }
    }
}

impl Stored {
    /// The value for an address: `1`, `'1'`, `1.0` and NULL stay apart.
    pub(crate) fn encode(&self) -> String {
        match self {
            Stored::Null => "n".to_owned(),
            Stored::Integer(number) => format!("i:{number}"),
            Stored::Real(number) => format!("r:{:016x}", number.to_bits()),
            Stored::Text(bytes) => format!("t:{}", hex(bytes)),
            Stored::Blob(bytes) => format!("b:{}", hex(bytes)),
        }
    }

    /// None for what is not a value.
    pub(crate) fn decode(text: &str) -> Option<Stored> {
        if text == "n" {
            return Some(Stored::Null);
        }
        let (kind, rest) = text.split_once(':')?;
        Some(match kind {
            "i" => Stored::Integer(rest.parse().ok()?),
            "r" => Stored::Real(f64::from_bits(u64::from_str_radix(rest, 16).ok()?)),
            "t" => Stored::Text(unhex(rest)?),
            "b" => Stored::Blob(unhex(rest)?),
            _ => return None,
        })
    }

    /// Several of them.
    pub(crate) fn encode_all(values: &[Stored]) -> String {
        let all: Vec<String> = values.iter().map(Stored::encode).collect();
        all.join("~")
    }

    pub(crate) fn decode_all(text: &str) -> Option<Vec<Stored>> {
        text.split('~').map(Stored::decode).collect()
    }

    /// SQLite's name of its type.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Stored::Null => "null",
            Stored::Integer(_) => "integer",
            Stored::Real(_) => "real",
            Stored::Text(_) => "text",
            Stored::Blob(_) => "blob",
        }
    }

    /// As a person reads it, in one line.
    pub(crate) fn plain(&self) -> String {
        match self {
            Stored::Null => "NULL".to_owned(),
            Stored::Integer(number) => number.to_string(),
            Stored::Real(number) => real(*number),
            Stored::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Stored::Blob(bytes) => format!("x'{}'", hex(bytes)),
        }
    }
}

/// A number that is read as a REAL again.
pub(crate) fn real(number: f64) -> String {
    format!("{number:?}")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() % 2 == 1 {
        return None;
    }
    let digits = (0..text.len()).step_by(2);
    digits
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

/// What a cell of a list shows: the beginning of a value, and how long it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    /// Of a text the first characters, of a blob the first bytes.
    pub(crate) start: Stored,
    /// Characters of a text, bytes of a blob.
    pub(crate) length: u64,
}

impl Cell {
    pub(crate) fn of(value: ValueRef<'_>, length: Option<i64>) -> Cell {
        Cell {
            start: value.into(),
            length: length.unwrap_or_default().unsigned_abs(),
        }
    }

    /// One whose value is here as a whole.
    pub(crate) fn whole(value: ValueRef<'_>) -> Cell {
        let (start, length) = match value {
            ValueRef::Text(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                let start: String = text.chars().take(CHARACTERS).collect();
                (Stored::Text(start.into_bytes()), text.chars().count())
            }
            ValueRef::Blob(bytes) => {
                let start = bytes.get(..BYTES).unwrap_or(bytes);
                (Stored::Blob(start.to_vec()), bytes.len())
            }
            other => (other.into(), 0),
        };
        Cell {
            start,
            length: length as u64,
        }
    }

    /// How many bytes of a page it is about.
    pub(crate) fn weight(&self) -> usize {
        match &self.start {
            Stored::Text(bytes) => bytes.len() + 40,
            Stored::Blob(bytes) => bytes.len() * 2 + 60,
            _ => 40,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_every_value_with_its_type() {
        let values = [
            Stored::Null,
            Stored::Integer(i64::MIN),
            Stored::Integer(9_007_199_254_740_993),
            Stored::Real(1.0),
            Stored::Real(-0.0),
            Stored::Real(f64::INFINITY),
            Stored::Text("~:%é\0'".into()),
            Stored::Text(vec![0xff, 0xfe]),
            Stored::Text(Vec::new()),
            Stored::Blob(vec![0, 255]),
        ];
        let text = Stored::encode_all(&values);
        assert_eq!(Stored::decode_all(&text).as_deref(), Some(&values[..]));
        for wrong in ["", "x:1", "i:1.5", "t:é0", "b:0", "i", "r:zz"] {
            assert_eq!(Stored::decode(wrong), None, "{wrong}");
        }
    }
}
