//! Times as text.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// A time as it is written into the database and into records.
pub(crate) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The same for what may follow within a second.
pub(crate) fn to_the_millisecond(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The last second that RFC 3339 can name.
const LAST: i64 = 253_402_300_799;

/// Now. A clock that was never set, or that is set to another age, is held to the years that a
/// time can be written in; nothing depends on it but what people read.
pub(crate) fn now() -> DateTime<Utc> {
    of(SystemTime::now())
}

/// The same of a given time.
pub(crate) fn of(time: SystemTime) -> DateTime<Utc> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let (seconds, nanoseconds) = since.map_or((0, 0), |since| {
        let seconds = i64::try_from(since.as_secs()).unwrap_or(LAST);
        (seconds.min(LAST), since.subsec_nanos())
    });
    DateTime::from_timestamp(seconds, nanoseconds).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// The battery of the clock was empty: the app, which had something to migrate, ended in a
    /// panic.
    #[test]
    fn a_clock_before_1970_or_after_9999_is_held_to_what_can_be_written() {
        let year = |time| of(time).format("%Y").to_string();
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(year(epoch - Duration::from_secs(86_400 * 365 * 30)), "1970");
        assert_eq!(year(epoch + Duration::from_secs(1 << 38)), "9999");
        assert_eq!(year(epoch + Duration::from_secs(1_700_000_000)), "2023");
    }
}
