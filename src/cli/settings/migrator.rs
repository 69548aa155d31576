//! The library's migrator as the settings say.

use heirloom::{Component, Migrator};

use crate::exit::Failure;
use crate::settings::gather::Settings;

/// A migrator over the settings' folder, which must be there.
pub(crate) fn migrator<'a>(settings: &Settings) -> Result<Migrator<'a>, Failure> {
    let folder = &settings.migrations.value;
    if !folder.is_dir() {
        return Err(Failure::NotFound {
            message: format!("the migrations folder {} does not exist", folder.display()),
            help: "give it with --migrations, or start a project with `heirloom init`".into(),
        });
    }
    keeper(settings)
}

/// The same, with permission to destroy or without.
pub(crate) fn allowing<'a>(
    settings: &Settings,
    allow_destructive: bool,
) -> Result<Migrator<'a>, Failure> {
    Ok(permitted(migrator(settings)?, allow_destructive))
}

/// A migrator with permission to destroy, where that was given.
pub(crate) fn permitted(migrator: Migrator<'_>, allow_destructive: bool) -> Migrator<'_> {
    match allow_destructive {
        true => migrator.allow_destructive(),
        false => migrator,
    }
}

/// A migrator for what needs no migrations: in an emergency they are not looked for.
pub(crate) fn keeper<'a>(settings: &Settings) -> Result<Migrator<'a>, Failure> {
    let mut migrator = Migrator::new(settings.source(&settings.app_migrations))
        .history_table(&settings.history_table.value);
    for part in &settings.components {
        let component = Component::new(&part.name, settings.source(&part.migrations));
        migrator = migrator.component(match &part.history_table {
            Some(table) => component.history_table(table),
            None => component,
        });
    }
    if let Some(name) = &settings.component {
        migrator = migrator.only(name)?;
    }
    let migrator = migrator
        .schema_file(&settings.schema.value)
        .keep_last(settings.keep.value)
        .lock_timeout(settings.lock_timeout.value);
    Ok(match &settings.backups {
        Some(backups) => migrator.backups(&backups.value),
        None => migrator,
    })
}

/// Refuses a schema file that does not exist.
pub(crate) fn schema_file(settings: &Settings) -> Result<(), Failure> {
    let schema = &settings.schema;
    match schema.value.is_file() {
        true => Ok(()),
        false => Err(Failure::NotFound {
            message: format!("there is no schema file at {}", schema.value.display()),
            help: "give it with --schema, or write the desired schema there as CREATE statements; `heirloom inspect --sql` prints the present one".into(),
        }),
    }
}
