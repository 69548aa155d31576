//! What git knows of the last release. It is asked through the `git` program and never
//! needed: without it, without a repository or without a tag there is no answer.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::migration::files::source::SCHEMA_FILE;
use crate::sqlite::sql::script::Script;

/// The last tag that HEAD descends from, and the SQL files that a folder held in it.
pub(crate) struct Release {
    pub(crate) tag: String,
    pub(crate) files: Vec<Script>,
}

/// Looks the last release up, of the repository in which a folder lies.
pub(crate) fn last_release(folder: &Path) -> Option<Release> {
    let tag = git(folder, &["describe", "--tags", "--abbrev=0"], String::new())?;
    let tag = std::str::from_utf8(&tag).ok()?.trim_end().to_owned();
    // A branch may have the same name.
    let commit = format!("refs/tags/{tag}");
    // Run in the folder, it lists what is below, by paths from there.
    let listed = git(folder, &["ls-tree", "-r", "-z", &commit], String::new())?;
    let listed: Vec<(&str, &str)> = listed
        .split(|&byte| byte == 0)
        .filter_map(|entry| sql_file(std::str::from_utf8(entry).ok()?))
        .collect();
    let wanted = listed.iter().map(|(object, _)| format!("{object}\n"));
    let answer = git(folder, &["cat-file", "--batch"], wanted.collect())?;
    let blobs = blobs(&answer)?;
    let files = listed.iter().map(|(object, path)| {
        let text = String::from_utf8_lossy(blobs.get(object)?).into_owned();
        Some(Script::new((*path).to_owned(), text))
    });
    Some(Release {
        tag,
        files: files.collect::<Option<_>>()?,
    })
}

/// Object and path of an entry, `100644 blob 587be6b…<TAB>path`, where it is an SQL file.
fn sql_file(entry: &str) -> Option<(&str, &str)> {
    let (facts, path) = entry.split_once('\t')?;
    let mut facts = facts.split(' ');
    let regular = facts.next()?.starts_with("100");
    let object = facts.nth(1)?;
    (regular && path.ends_with(".sql") && path != SCHEMA_FILE).then_some((object, path))
}

/// The contents by object of what `cat-file --batch` says: `OBJECT blob LENGTH`, a line
/// break, the bytes, a line break.
fn blobs(mut answer: &[u8]) -> Option<HashMap<&str, &[u8]>> {
    let mut found = HashMap::new();
    while !answer.is_empty() {
        let end = answer.iter().position(|&byte| byte == b'\n')?;
        let mut head = std::str::from_utf8(&answer[..end]).ok()?.split(' ');
        let (object, length) = (head.next()?, head.nth(1)?.parse::<usize>().ok()?);
        let bytes = answer.get(end + 1..end + 1 + length)?;
        answer = answer.get(end + length + 2..)?;
        found.insert(object, bytes);
    }
    Some(found)
}

/// What git prints. None when it fails, or is not there.
fn git(folder: &Path, arguments: &[&str], input: String) -> Option<Vec<u8>> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        // In a hook these speak of the repository that is being committed to.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env_remove("GIT_PREFIX")
        // A partial clone would fetch what it lacks.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    // Beside the reading: git answers while it is still being asked, and both pipes fill up.
    let asking = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().ok()?;
    let asked = asking.join().is_ok();
    (asked && output.status.success()).then_some(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_answers_of_git_are_taken_apart_by_length() {
        assert_eq!(
            sql_file("100644 blob 58\told tags/V1__a.sql"),
            Some(("58", "old tags/V1__a.sql"))
        );
        assert_eq!(sql_file("120000 blob 58\tV1__a.sql"), None);
        assert_eq!(sql_file("100644 blob 58\tREADME.md"), None);
        assert_eq!(sql_file("100644 blob 58\tschema.sql"), None);
        let answer = blobs(b"58 blob 5\na\nb;\n\n59 blob 0\n\n").unwrap();
        assert_eq!(answer["58"], b"a\nb;\n");
        assert_eq!(answer["59"], b"");
        assert!(blobs(b"58 missing\n").is_none());
        assert!(blobs(b"58 blob 9\nshort\n").is_none());
    }
}
