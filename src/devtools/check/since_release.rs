//! The files compared with those of the last release: what was shipped must not change.

use crate::devtools::check::finding::{Checked, Finding, FindingKind};
use crate::devtools::check::last_release::Release;
use crate::migration::files::pair_up;
use crate::migration::set::{self, Migration};
use crate::sqlite::sql::script::Script;

/// Compares the files with those of the last release: what was shipped must not change.
pub(super) fn compare_with_release(
    migrations: &[Migration],
    release: Release,
    checked: &mut Checked,
) {
    let Release { tag, files } = release;
    let (released, _) = pair_up::sort_out(files);
    let mut find = |kind, migration: &Migration, message: String, help: &str| {
        checked.findings.push(Finding {
            kind,
            migration: Some(migration.label()),
            file: migration.up.file().to_owned(),
            message,
            help: help.to_owned(),
            remedies: Vec::new(),
        });
    };
    const HELP: &str = "databases that have it would refuse to be migrated; put it back, and make the change in a new migration";
    let same = |was: &Migration| {
        let mut now = migrations.iter().filter(|now| now.version == was.version);
        now.clone().find(|now| now.name == was.name).or(now.next())
    };
    for was in &released {
        let edited = FindingKind::EditedAfterRelease;
        if is_squashed_since(migrations, was) {
            continue;
        }
        match same(was) {
            None => find(
                edited,
                was,
                format!("was released in {tag} and is gone"),
                HELP,
            ),
            Some(now) if now.name != was.name => {
                let message = format!("was released in {tag} as {}", was.label());
                find(edited, now, message, HELP);
            }
            Some(now) if !same_text(&now.up, &was.up) => {
                let message = format!("was edited after its release in {tag}");
                find(edited, now, message, HELP);
            }
            Some(_) => {}
        }
    }
    let newest = released.last().map(|migration| migration.version);
    for new in migrations.iter().filter(|new| !new.any_order) {
        let known = released.iter().any(|was| was.version == new.version);
        if let Some(newest) = newest.filter(|newest| !known && new.version < *newest) {
            let message = format!("is new and older than version {newest}, released in {tag}");
            const HELP: &str =
                "databases that have that version would refuse it; give it a newer version";
            find(FindingKind::OutOfOrder, new, message, HELP);
        }
    }
    for was in &released {
        if let Some(now) = same(was)
            && now.name == was.name
            && let (Some(before), Some(after)) = (&was.down, &now.down)
            && !same_text(before, after)
        {
            checked.notes.push(format!(
                "{}: the down migration was edited after its release in {tag}; databases that have the migration keep the old one",
                now.label()
            ));
        }
    }
    checked.released_tag = Some(tag);
}

/// Whether a squashed migration replaces what was released, as it was released.
fn is_squashed_since(migrations: &[Migration], was: &Migration) -> bool {
    let gone = migrations
        .iter()
        .all(|now| (now.version, &now.name) != (was.version, &was.name));
    let mut replaced = migrations.iter().flat_map(|now| &now.replaces);
    gone && replaced.any(|replaced| {
        replaced.is(was.version, &was.name)
            && replaced.checksums.iter().any(|sum| was.recognises(*sum))
    })
}

fn same_text(one: &Script, other: &Script) -> bool {
    set::plain(one.text()) == set::plain(other.text())
}
