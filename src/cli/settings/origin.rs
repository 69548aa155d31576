//! A setting, and where it came from: flag over environment over file over default.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::args::variable;
use crate::exit::Failure;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Environment(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) => write!(f, "--{}", name.replace('_', "-")),
            Origin::Environment(variable) => write!(f, "{variable}"),
            Origin::File(file) => write!(f, "{}", file.display()),
            Origin::Default => write!(f, "default"),
        }
    }
}

impl Origin {
    /// 0 for what wins over everything.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Origin::Flag(_) => 0,
            Origin::Environment(_) => 1,
            Origin::File(_) => 2,
            Origin::Default => 3,
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl<T> Setting<T> {
    pub(super) fn by_default(value: T) -> Setting<T> {
        Setting {
            value,
            origin: Origin::Default,
        }
    }

    pub(super) fn map<U>(self, map: impl FnOnce(T) -> U) -> Setting<U> {
        Setting {
            value: map(self.value),
            origin: self.origin,
        }
    }
}

impl Setting<String> {
    /// The value as what it stands for.
    ///
    /// # Errors
    /// Where it is something else, with where it was said.
    pub(super) fn parse<T>(
        self,
        name: &str,
        what: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Setting<T>, Failure> {
        let said = match &self.origin {
            Origin::File(file) => format!("`{name}` in {}", file.display()),
            origin => origin.to_string(),
        };
        match read(&self.value) {
            Some(value) => Ok(self.map(|_| value)),
            None => Err(usage(
                format!("{said} is `{}`, which is not {what}", self.value),
                format!("give {what}"),
            )),
        }
    }

    /// The same for what can read itself.
    pub(super) fn parse_as<T: FromStr>(
        self,
        name: &str,
        what: &str,
    ) -> Result<Setting<T>, Failure> {
        self.parse(name, what, |text| text.parse().ok())
    }
}

/// What was given outside of the settings file, and which file that is.
pub(super) struct Sources<'s> {
    pub(super) matches: &'s ArgMatches,
    pub(super) file: &'s Path,
}

impl Sources<'_> {
    /// Where the value of an argument came from, the settings file aside.
    fn origin(&self, argument: &'static str) -> Origin {
        match self.matches.value_source(argument) {
            Some(ValueSource::CommandLine) => Origin::Flag(argument),
            Some(ValueSource::EnvVariable) => Origin::Environment(variable(argument)),
            _ => Origin::Default,
        }
    }

    /// The value that wins, of an argument that has a default.
    pub(super) fn choose<T>(
        &self,
        argument: &'static str,
        said: T,
        in_file: Option<T>,
    ) -> Setting<T> {
        match (self.origin(argument), in_file) {
            (Origin::Default, Some(value)) => Setting {
                value,
                origin: Origin::File(self.file.to_owned()),
            },
            (origin, _) => Setting {
                value: said,
                origin,
            },
        }
    }

    /// The value that wins, of an argument whose default comes from other settings.
    pub(super) fn choose_some<T>(
        &self,
        argument: &'static str,
        said: Option<T>,
        in_file: Option<T>,
    ) -> Option<Setting<T>> {
        let Setting { value, origin } = self.choose(argument, said, in_file.map(Some));
        value.map(|value| Setting { value, origin })
    }
}

pub(super) fn usage(message: impl Into<String>, help: impl Into<String>) -> Failure {
    Failure::Usage {
        message: message.into(),
        help: help.into(),
    }
}
