//! What was probably meant by a version or a folder that does not exist.

use heirloom::{Error, ErrorKind};

use crate::complete::names;
use crate::exit::Failure;
use crate::nearest::did_you_mean;
use crate::settings::gather::Settings;

/// Says which version was probably meant by one that does not exist.
pub(crate) fn or_meant_version(
    settings: &Settings,
    wanted: impl Into<Option<i64>>,
    error: Error,
) -> Failure {
    let wanted = wanted.into().map(|version| version.to_string());
    let known = names::versions(settings);
    let known = known.iter().map(|(version, _)| version.as_str());
    Failure::from(error).or_meant(&wanted.unwrap_or_default(), known)
}

/// Says of a folder of seeds that does not exist that it was given, and which environment was
/// probably meant.
pub(crate) fn or_no_seeds(settings: &Settings, environment: Option<&str>, error: Error) -> Failure {
    let folder = &settings.seeds.value;
    let (missing, help) = match environment {
        _ if !folder.is_dir() => (
            true,
            "give it with --seeds, or put the seed files there, as in seeds/users.sql".to_owned(),
        ),
        Some(environment) => {
            let known = names::environments(folder);
            let known = known.iter().map(String::as_str);
            let usual = "create the folder, and put the seed files of that environment there";
            (
                !folder.join(environment).is_dir(),
                did_you_mean(environment, known).unwrap_or_else(|| usual.to_owned()),
            )
        }
        None => (false, String::new()),
    };
    match missing && error.kind() == ErrorKind::NotFound {
        true => Failure::NotFound {
            message: error.to_string(),
            help,
        },
        false => error.into(),
    }
}
