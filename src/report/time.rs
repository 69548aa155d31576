//! Times as text.

use chrono::{DateTime, SecondsFormat, Utc};

/// A time as it is written into the database and into records.
pub(crate) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The same for what may follow within a second.
pub(crate) fn to_the_millisecond(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
