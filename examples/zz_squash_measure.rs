#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]
use heirloom::include_dir::{Dir, DirEntry, File};
use heirloom::{Migrator, SquashOptions};
use std::time::Instant;

fn embed(folder: &std::path::Path, prefix: &str) -> &'static [DirEntry<'static>] {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            let below = embed(&path, &format!("{name}/"));
            all.push(DirEntry::Dir(Dir::new(String::leak(name), below)));
        } else {
            let text: &'static str = String::leak(std::fs::read_to_string(&path).unwrap());
            all.push(DirEntry::File(File::new(
                String::leak(name),
                text.as_bytes(),
            )));
        }
    }
    Vec::leak(all)
}
fn main() {
    let folder = tempfile::tempdir().unwrap();
    let m = folder.path().join("m");
    std::fs::create_dir(&m).unwrap();
    for n in 1..=200 {
        std::fs::write(
            m.join(format!("V{n}__t{n}.sql")),
            format!(
                "CREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER);"
            ),
        )
        .unwrap();
    }
    let plain: &'static Dir<'static> = Box::leak(Box::new(Dir::new("", embed(&m, ""))));
    let old = folder.path().join("old.db");
    let new = folder.path().join("new.db");
    Migrator::new(plain).migrate(&old).unwrap();
    Migrator::new(m.as_path())
        .squash(&SquashOptions::new())
        .unwrap()
        .write()
        .unwrap();
    let squashed: &'static Dir<'static> = Box::leak(Box::new(Dir::new("", embed(&m, ""))));
    std::fs::remove_dir_all(m.join("squashed")).unwrap();
    let alone: &'static Dir<'static> = Box::leak(Box::new(Dir::new("", embed(&m, ""))));
    Migrator::new(alone).migrate(&new).unwrap();
    let cases = [
        ("plain folder, old database", plain, &old),
        ("squashed+originals, old database", squashed, &old),
        ("squashed+originals, new database", squashed, &new),
        ("squashed alone, old database", alone, &old),
        ("squashed alone, new database", alone, &new),
    ];
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..1500 {
        for (i, (_, dir, path)) in cases.iter().enumerate() {
            let start = Instant::now();
            let opened = Migrator::new(*dir).open(path).unwrap();
            times[i].push(start.elapsed());
            assert!(opened.report.is_up_to_date());
        }
    }
    for ((name, ..), mut t) in cases.into_iter().zip(times) {
        t.sort();
        println!("{name}: {:?}", t[t.len() / 2]);
    }
}
