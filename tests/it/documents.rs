//! What README, guide and project files say is there: files, messages.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder with one of these endings, and its text.
fn texts(folder: &Path, ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(texts(&path, ending));
        } else if path.extension().is_some_and(|other| other == ending) {
            found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

fn documents() -> Vec<(PathBuf, String)> {
    let mut found = texts(&root().join("src/guide"), "md");
    for name in [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ] {
        let path = root().join(name);
        found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
    }
    found
}

/// What stands between two texts, each time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before)
        .skip(1)
        .filter_map(|rest| rest.split_once(after).map(|(inside, _)| inside))
        .collect()
}

/// What is in backticks, outside of blocks.
fn code_in(text: &str) -> Vec<String> {
    let mut in_block = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !fence && !in_block
    });
    let prose = lines.collect::<Vec<_>>().join("\n");
    let code = prose.split('`').skip(1).step_by(2);
    code.map(str::to_owned).collect()
}

#[test]
fn every_file_that_a_document_links_or_names_is_there() {
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        let folder = path.parent().unwrap();
        let links = between(&text, "](", ")")
            .into_iter()
            .filter(|link| !link.contains("::") && !link.contains(':') && !link.starts_with('#'));
        let definitions = text
            .lines()
            .filter(|line| line.starts_with('['))
            .filter_map(|line| line.split_once("]: "));
        for link in links.chain(definitions.map(|(_, file)| file)) {
            if !folder.join(link).is_file() {
                wrong.push(format!("{}: {link}", path.display()));
            }
        }
        let homes = [
            root().to_owned(),
            root().join("examples/desktop"),
            root().join("bindings/tauri/example"),
        ];
        for code in code_in(&text) {
            let is_path = [
                "src/",
                "tests/",
                "examples/",
                "bindings/",
                "benches/",
                "fuzz/",
                ".ci/",
                ".cargo/",
            ]
            .iter()
            .any(|folder| code.starts_with(folder));
            let is_name = code.contains([' ', '\n', '*', '<']) || code.contains("VERSION");
            if is_path && !is_name && !homes.iter().any(|home| home.join(&code).exists()) {
                wrong.push(format!("{}: {code}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// rustdoc takes the definitions in `src/guide/mod.rs`, a reader of the files those at their ends.
#[test]
fn the_links_of_the_guide_work_in_the_documentation_and_in_the_files() {
    let pages = texts(&root().join("src/guide"), "md");
    let module = std::fs::read_to_string(root().join("src/guide/mod.rs")).unwrap();
    let mut wrong = Vec::new();
    for (path, text) in &pages {
        let lines = text.lines().filter(|line| line.starts_with('['));
        let names = lines.filter_map(|line| line[1..].split_once("]: ").map(|(name, _)| name));
        let unknown = names.filter(|name| {
            let of_the_api = module.contains(&format!("\n[{name}]: crate::{name}\n"));
            !of_the_api && !module.contains(&format!("\n    {name},\n"))
        });
        wrong.extend(unknown.map(|name| format!("{}: [{name}]", path.display())));
        if text.contains("](crate::") {
            wrong.push(format!("{}: ](crate::", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_that_mutants_are_left_out_of_is_there() {
    let text = std::fs::read_to_string(root().join(".cargo/mutants.toml")).unwrap();
    let files = between(&text, "    \"src/", ".rs.*");
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let path = root().join(format!("src/{file}.rs"));
        assert!(path.is_file(), "{}", path.display());
    }
}

/// Scripts ask for these words; the enums that have them may grow.
#[test]
fn every_kind_that_json_has_is_explained_in_the_guide() {
    let mut missing = Vec::new();
    for (source, page) in [
        ("src/inspect/problem.rs", "src/guide/looking.md"),
        ("src/devtools/check/finding.rs", "src/guide/checking.md"),
        ("src/report/error.rs", "src/guide/command_line.md"),
    ] {
        let source = std::fs::read_to_string(root().join(source)).unwrap();
        let page_text = std::fs::read_to_string(root().join(page)).unwrap();
        let names = between(&source, "fn as_str(self)", "\n    }\n").concat();
        let names = between(&names, "=> \"", "\"");
        assert!(names.len() > 5, "{names:?}");
        missing.extend(
            names
                .into_iter()
                .filter(|name| !page_text.contains(&format!("`{name}`")))
                .map(|name| format!("{page}: {name}")),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A user reads a message, and support looks for it in the README.
#[test]
fn the_messages_that_the_emergency_section_quotes_are_those_of_the_program() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let section = between(&readme, "\n## Emergency\n", "\n## ").concat();
    let source: String = texts(&root().join("src"), "rs")
        .into_iter()
        .flat_map(|(_, text)| {
            let lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
            lines
        })
        .collect::<Vec<_>>()
        .join("\n")
        .replace("\\\n", "");
    let cells = section.lines().filter_map(|line| line.strip_prefix("| \""));
    let mut quoted = Vec::new();
    for cell in cells {
        let cell = cell.split(" | ").next().unwrap();
        quoted.extend(cell.split("\", \"").flat_map(|message| {
            let message = message
                .rsplit_once('"')
                .map_or(message, |(inside, _)| inside);
            message.split('…').map(str::trim)
        }));
    }
    quoted.retain(|part| !part.is_empty());
    assert!(quoted.len() > 8, "{quoted:?}");
    // SQLite's own words.
    quoted.retain(|part| !["file is not a database", "malformed"].contains(part));
    quoted.retain(|part| !source.contains(part));
    assert!(quoted.is_empty(), "{quoted:#?}");
}
