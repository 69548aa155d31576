//! Values as a person types them, and as they come back from a form.

use crate::studio::read::value::{Stored, hex, real};

/// The types that can be chosen.
pub(crate) const TYPES: [&str; 5] = ["null", "text", "integer", "real", "blob"];

/// The longest value that is edited in a form, in bytes.
pub(crate) const LONGEST: usize = 60_000;

/// A value as a form shows it. None for one that would not come back as it is.
pub(crate) fn shown(value: &Stored) -> Option<String> {
    let survives = |text: &str| {
        let has_strange = text.chars().any(|c| c == '\0' || c == '\u{feff}');
        let lone = text.replace("\r\n", "").contains('\r');
        // A browser sends every end of a line as two characters.
        let mixed = text.contains("\r\n") && text.replace("\r\n", "").contains('\n');
        !has_strange && !lone && !mixed
    };
    match value {
        Stored::Null => Some(String::new()),
        Stored::Integer(number) => Some(number.to_string()),
        Stored::Real(number) => Some(real(*number)),
        Stored::Blob(bytes) => (bytes.len() <= LONGEST / 2).then(|| hex(bytes)),
        Stored::Text(bytes) => {
            let text = std::str::from_utf8(bytes).ok()?;
            (text.len() <= LONGEST && survives(text)).then(|| text.to_owned())
        }
    }
}

/// What was typed, as a value of a type. A number that cannot be held exactly is refused.
pub(crate) fn parse(kind: &str, text: &str, before: &Stored) -> Result<Stored, String> {
    match kind {
        "null" => Ok(Stored::Null),
        "integer" => text.trim().parse().map(Stored::Integer).map_err(|_| {
            format!("`{text}` is not a whole number between -9223372036854775808 and 9223372036854775807")
        }),
        "real" => {
            let number = text.trim().parse::<f64>().ok();
            let number = number.filter(|number| number.is_finite());
            number.map(Stored::Real).ok_or_else(|| format!("`{text}` is not a number"))
        }
        "blob" => {
            let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            Stored::decode(&format!("b:{digits}"))
                .ok_or_else(|| "a blob is written as pairs of hexadecimal digits".to_owned())
        }
        "text" => {
            let had_both = matches!(before, Stored::Text(bytes) if bytes.windows(2).any(|two| two == b"\r\n"));
            let text = match had_both {
                true => text.to_owned(),
                false => text.replace("\r\n", "\n"),
            };
            Ok(Stored::Text(text.into_bytes()))
        }
        _ => Err("choose a type".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_form_shows_comes_back_as_it_was() {
        for value in [
            Stored::Null,
            Stored::Integer(9_007_199_254_740_993),
            Stored::Real(0.1),
            Stored::Real(1e300),
            Stored::Text("a\nb".into()),
            Stored::Text("a\r\nb".into()),
            Stored::Text("\n".into()),
            Stored::Text(Vec::new()),
            Stored::Blob(vec![0, 1, 255]),
        ] {
            let text = shown(&value).unwrap();
            // As a browser sends it.
            let sent = text.replace("\r\n", "\n").replace('\n', "\r\n");
            assert_eq!(parse(value.kind(), &sent, &value), Ok(value));
        }
        for lost in ["a\0b", "a\rb", "a\r\nb\nc"] {
            assert_eq!(shown(&Stored::Text(lost.into())), None, "{lost:?}");
        }
        assert_eq!(shown(&Stored::Text(vec![0xff])), None);
    }

    #[test]
    fn what_cannot_be_held_exactly_is_refused() {
        let null = Stored::Null;
        for (kind, text) in [
            ("integer", "9223372036854775808"),
            ("integer", "1.0"),
            ("integer", ""),
            ("real", "x"),
            ("real", "inf"),
            ("blob", "0"),
            ("blob", "zz"),
            ("other", ""),
        ] {
            assert!(parse(kind, text, &null).is_err(), "{kind} {text}");
        }
    }
}
