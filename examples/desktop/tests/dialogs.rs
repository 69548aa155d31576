//! The buttons are pressed without a window, and what is looked at is the data that is left.

mod common;

use common::{Desk, Row};
use heirloom::rusqlite::Connection;
use heirloom_desktop_example::sample::{OLD, Sample};

#[test]
fn an_update_keeps_every_note_and_says_what_it_did() {
    let desk = Desk::new(Sample::Old);
    let before = desk.notes();
    let mut app = desk.app();
    app.wait_for("4 changes in");
    app.wait_for("5000 notes");
    assert_eq!(desk.notes(), before);
    assert_ne!(desk.version(), Some(OLD));
}

#[test]
fn cancel_on_the_splash_leaves_the_old_notes() {
    let desk = Desk::new(Sample::Old);
    let before = desk.notes();
    let mut app = desk.app_held_at(0.6);
    app.wait_for("Update 2 of 4");
    app.press("Cancel");
    app.wait_for("The update was stopped");
    app.wait_for("was rolled back");
    assert_eq!((desk.version(), desk.notes()), (Some(OLD), before));
    let new = "SELECT count(*) FROM sqlite_schema WHERE name = 'templates'";
    assert_eq!(desk.number(new), 0);
}

#[test]
fn closing_the_window_on_the_splash_leaves_the_old_notes() {
    let desk = Desk::new(Sample::Old);
    let before = desk.notes();
    let mut app = desk.app_held_at(0.6);
    app.wait_for("Update 2 of 4");
    drop(app);
    assert_eq!((desk.version(), desk.notes()), (Some(OLD), before));
}

#[test]
fn a_restored_snapshot_brings_a_deleted_note_back_and_the_app_goes_on() {
    let desk = Desk::new(Sample::Old);
    let mut app = desk.app();
    app.wait_for("5000 notes");
    app.press("New note");
    app.wait_for("5001 notes");
    let before = desk.notes();
    app.press("Backups");
    app.wait_for("before an update");
    app.type_into("Name", "before tidying");
    app.press("Take a snapshot");
    app.wait_for("snapshot “before tidying”");
    app.press("< Notes");
    app.wait_for("5001 notes");
    app.press("Delete");
    app.wait_for("5000 notes");
    app.press("Backups");
    app.wait_for("snapshot “before tidying”");
    app.press_first("Restore…");
    app.wait_for("Restore this copy?");
    app.wait_for("5001");
    assert_eq!(desk.notes().len(), 5000, "nothing is restored before a yes");
    app.press("Restore");
    app.wait_for("5001 notes");
    assert_eq!(desk.notes(), before);
    app.press("Backups");
    app.wait_for("replaced by a restore");
}

#[test]
fn a_restore_that_is_not_wanted_changes_nothing() {
    let desk = Desk::new(Sample::Old);
    let mut app = desk.app();
    app.wait_for("5000 notes");
    app.press("Delete");
    app.wait_for("4999 notes");
    let before = desk.notes();
    app.press("Backups");
    app.wait_for("before an update");
    app.press_first("Restore…");
    app.wait_for("Restore this copy?");
    app.press("Keep the present notes");
    app.press("< Notes");
    app.wait_for("4999 notes");
    assert_eq!(desk.notes(), before);
}

#[test]
fn a_restored_copy_of_the_old_app_is_updated_again() {
    let desk = Desk::new(Sample::Old);
    let old = desk.notes();
    let mut app = desk.app();
    app.wait_for("5000 notes");
    let version = desk.version();
    app.press("Delete");
    app.press("Backups");
    app.wait_for("before an update");
    app.press_first("Restore…");
    app.wait_for("Restore this copy?");
    app.press("Restore");
    app.wait_for("4 changes in");
    app.wait_for("5000 notes");
    assert_eq!((desk.version(), desk.notes()), (version, old));
}

#[test]
fn a_snapshot_with_a_bad_name_is_refused_with_what_to_do() {
    let desk = Desk::new(Sample::Old);
    let mut app = desk.app();
    app.wait_for("5000 notes");
    app.press("Backups");
    app.wait_for("before an update");
    app.type_into("Name", "../outside");
    app.press("Take a snapshot");
    app.wait_for("The database was not changed.");
    assert!(!desk.folder.path().join("outside.db").exists());
}

#[test]
fn the_newer_changes_are_taken_back_and_every_note_stays() {
    let desk = Desk::new(Sample::Newer);
    let before = desk.notes();
    let mut app = desk.app();
    app.wait_for("add colours");
    app.press("Take the newer changes back");
    app.wait_for("5001 notes");
    assert_eq!(desk.notes(), before);
    assert_eq!(desk.number(COLOURS), 0);
}

#[test]
fn the_copy_from_before_the_newer_app_is_restored_and_the_present_notes_are_kept() {
    let desk = Desk::new(Sample::Newer);
    let mut before = desk.notes();
    let mut app = desk.app();
    app.wait_for("added since would be missing");
    app.press("Restore the copy from before");
    app.wait_for("5000 notes");
    let written_since: Row = before.pop().unwrap();
    assert_eq!(written_since.1, "Written in the newer app");
    assert_eq!(desk.notes(), before);
    app.press("Backups");
    app.wait_for("replaced by a restore");
}

#[test]
fn newer_notes_that_allow_it_are_opened_as_they_are() {
    let desk = Desk::new(Sample::Newer);
    let (version, before) = (desk.version(), desk.notes());
    let mut app = desk.app();
    app.wait_for("Open them anyway");
    app.press("Open them anyway");
    app.wait_for("5001 notes");
    assert_eq!((desk.version(), desk.notes()), (version, before));
    assert_eq!(desk.number(COLOURS), 1);
}

#[test]
fn an_app_that_is_open_twice_says_so_and_goes_on_when_it_is_not() {
    let desk = Desk::new(Sample::Old);
    let before = desk.notes();
    let other = Connection::open(&desk.database).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut app = desk.app();
    app.wait_for("The app is open twice");
    app.wait_for("The database was not changed.");
    drop(other);
    assert_eq!((desk.version(), desk.notes()), (Some(OLD), before));
    app.press("Try again");
    app.wait_for("5000 notes");
}

#[test]
fn a_damaged_file_is_replaced_by_the_copy_that_the_user_chooses() {
    let desk = Desk::new(Sample::Old);
    let old = desk.notes();
    let mut app = desk.app();
    app.wait_for("5000 notes");
    drop(app);
    std::fs::write(&desk.database, "no database at all".repeat(100)).unwrap();
    let mut app = desk.app();
    app.wait_for("The file of your notes cannot be read");
    app.press("Backups");
    app.wait_for("before an update");
    app.press_first("Restore…");
    app.wait_for("The present file cannot be read");
    app.press("Restore");
    app.wait_for("5000 notes");
    assert_eq!(desk.notes(), old);
}

const COLOURS: &str = "SELECT count(*) FROM pragma_table_info('notes') WHERE name = 'colour'";
