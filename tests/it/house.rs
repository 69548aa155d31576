//! The house stands: imports go downward only, and one room alone writes files.

use std::path::{Path, PathBuf};

const FLOORS: [&[&str]; 6] = [
    &[
        "migration",
        "file_name",
        "listing",
        "comparison",
        "replaced",
        "claim",
        "script",
        "plan",
        "schema",
        "layout",
        "lineage",
        "definition",
        "create_table",
        "clauses",
        "normal",
        "note",
        "diff",
        "change",
        "rebuild",
        "condition",
        "writer",
        "rename",
        "scope",
        "retention",
        "report",
        "event",
        "error",
        "estimate",
        "task",
        "token",
        "statement",
        "record",
        "finding",
        "log_entry",
        "inspected",
        "measured",
        "problem",
    ],
    &[
        "history",
        "catalog",
        "component",
        "source",
        "lock",
        "disk",
        "foreign",
        "connect",
        "options",
        "pages",
        "progress",
        "refinery",
        "rust_migration",
        "seeds",
        "sqlite",
        "statistics",
        "git",
        "log_table",
        "tables",
    ],
    &[
        "apply",
        "attachments",
        "backup",
        "compose",
        "replay",
        "copy",
        "dump",
        "filling",
        "foresee",
        "log_file",
        "look",
        "sample",
        "session",
        "take_back",
        "take_over",
    ],
    &[
        "run",
        "backfill",
        "template",
        "newer",
        "adopt",
        "baseline",
        "rehearsal",
        "restore",
        "revert",
        "status",
        "create",
        "generate",
        "squash",
        "alteration",
        "check",
        "inspect",
        "stats",
        "doctor",
        "logbook",
        "seed",
        "push",
        "reset",
        "init",
    ],
    &["migrator", "fuzzing"],
    &["cli", "main"],
];
const TERMINAL: usize = 5;

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// Every source file with its module at the top level and its text, tests and comments
/// left out.
fn sources() -> Vec<(PathBuf, String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&root).unwrap();
            let first = relative.components().next().unwrap().as_os_str();
            let module = Path::new(first)
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let code: Vec<&str> = text
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap()
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            (relative.to_owned(), module, code.join("\n"))
        })
        .filter(|(_, module, _)| module != "lib")
        .collect()
}

/// The modules named directly behind each `crate::`, also in `use crate::{a, b::c}`.
fn imports(code: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(word(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (index, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    found.push(word(group[start..index].trim_start()));
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    found.push(word(group[start..index].trim_start()));
                    start = index + 1;
                }
                _ => {}
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn imports_are_read_in_every_form() {
    assert_eq!(
        imports("use crate::{a, b::{c, d}, e as f};\nfn x() { crate::g::h() }\nuse crate::i;"),
        ["a", "b", "e", "g", "i"]
    );
}

#[test]
fn every_file_is_on_a_floor_and_looks_only_down() {
    let mut wrong = Vec::new();
    for (path, module, code) in sources() {
        let Some(floor) = floor_of(&module) else {
            wrong.push(format!("{} is on no floor", path.display()));
            continue;
        };
        for import in imports(&code) {
            let allowed = match floor_of(&import) {
                _ if import == module => true,
                // The terminal sees what an app sees.
                Some(_) if floor == TERMINAL => import == "cli",
                // On one floor they know each other; only the order of floors counts.
                Some(other) => other <= floor,
                None => false,
            };
            if !allowed {
                wrong.push(format!("{} imports {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_library_knows_nothing_of_the_terminal() {
    for (path, module, code) in sources() {
        if floor_of(&module) == Some(TERMINAL) {
            continue;
        }
        for word in [
            "println!",
            "eprintln!",
            "process::exit",
            "env::var",
            "clap",
            "anstream",
        ] {
            assert!(!code.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn one_module_alone_writes_files() {
    const WRITING: &[&str] = &[
        "fs::write",
        "File::create",
        "OpenOptions",
        "fs::rename",
        "fs::remove",
        "create_dir",
        "DirBuilder",
        "fs::copy",
        "fs::set_permissions",
        "fs::hard_link",
        "set_len(",
    ];
    for (path, module, code) in sources() {
        if module == "disk" {
            continue;
        }
        for word in WRITING {
            let its_own_file = module == "lock" && ["OpenOptions", "set_len("].contains(word);
            assert!(
                its_own_file || !code.contains(word),
                "{} has {word}",
                path.display()
            );
        }
    }
}
