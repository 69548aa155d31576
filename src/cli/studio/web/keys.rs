//! What tells the person who started the studio from everybody else on this machine.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::exit::Failure;

/// How long the address that the browser is opened with can be used, once.
const OPENING: Duration = Duration::from_secs(60);

/// Secrets of one start of the studio. They end with it.
pub(crate) struct Keys {
    /// In the printed address.
    entry: String,
    /// In the address given to the browser, which other users may read from a list of processes.
    opening: Mutex<Option<(String, Instant)>>,
    /// The cookie, which every other server on this host is sent too.
    cookie_name: String,
    cookie: String,
    /// In every form. No other server is sent this one.
    form: String,
}

impl Keys {
    pub(crate) fn new(port: u16) -> Result<Keys, Failure> {
        Ok(Keys {
            entry: random()?,
            opening: Mutex::new(Some((random()?, Instant::now()))),
            cookie_name: format!("heirloom_{port}_{}", &random()?[..8]),
            cookie: random()?,
            form: random()?,
        })
    }

    /// The key of the printed address.
    pub(crate) fn entry(&self) -> &str {
        &self.entry
    }

    /// The key that is good for one entry.
    pub(crate) fn opening(&self) -> Option<String> {
        let opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        opening.as_ref().map(|(key, _)| key.clone())
    }

    /// Whether a key opens the door. The one for the browser does it once.
    pub(crate) fn admits(&self, key: &str) -> bool {
        if same(key, &self.entry) {
            return true;
        }
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = opening
            .as_ref()
            .is_some_and(|(once, since)| same(key, once) && since.elapsed() < OPENING);
        if admitted {
            *opening = None;
        }
        admitted
    }

    /// The header that lets a browser come back. No `Secure`: Safari drops such a cookie here.
    pub(crate) fn set_cookie(&self) -> String {
        format!(
            "{}={}; HttpOnly; SameSite=Strict; Path=/",
            self.cookie_name, self.cookie
        )
    }

    /// Whether a `Cookie` header holds the cookie.
    pub(crate) fn is_in(&self, header: &str) -> bool {
        header.split(';').any(|pair| {
            pair.trim()
                .split_once('=')
                .is_some_and(|(name, value)| name == self.cookie_name && same(value, &self.cookie))
        })
    }

    /// The key in every form.
    pub(crate) fn form(&self) -> &str {
        &self.form
    }

    /// Whether a form holds it.
    pub(crate) fn is_form(&self, given: &str) -> bool {
        same(given, &self.form)
    }
}

/// Compared by digests, which takes the same time wherever they differ.
fn same(one: &str, other: &str) -> bool {
    blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

/// 32 bytes of the system's random numbers, as text.
fn random() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::NotFound {
        message: format!("the system gives no random numbers: {error}"),
        help: "without them anybody on this machine could get in".into(),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_key_for_the_browser_opens_once_and_the_printed_one_as_often_as_it_is_used() {
        let keys = Keys::new(1).unwrap();
        let once = keys.opening().unwrap();
        assert!(keys.admits(&once) && !keys.admits(&once) && keys.opening().is_none());
        let entry = keys.entry().to_owned();
        assert!(keys.admits(&entry) && keys.admits(&entry));
        assert!(!keys.admits("") && !keys.admits(keys.form()));
    }

    #[test]
    fn a_cookie_of_another_name_or_value_is_not_ours() {
        let keys = Keys::new(1).unwrap();
        let set = keys.set_cookie();
        let pair = set.split(';').next().unwrap();
        assert!(keys.is_in(pair) && keys.is_in(&format!("a=b; {pair}; c=d")));
        let (name, value) = pair.split_once('=').unwrap();
        assert!(!keys.is_in(&format!("{name}=x")) && !keys.is_in(&format!("x={value}")));
        assert!(!keys.is_in("") && !keys.is_in(name));
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"));
    }
}
