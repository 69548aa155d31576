//! Every command and option is explained: in its help, by an example that can be typed, in the
//! guide. Nothing is left out.

use clap::{Arg, Command, CommandFactory, Parser};

use crate::commands::{Args, GROUPS, command_line};

const GUIDE: &str = include_str!("../../guide/command_line.md");

/// Every command below one, with the words that call it.
fn commands(path: &str, command: &Command, found: &mut Vec<(String, Command)>) {
    for below in command.get_subcommands() {
        let path = format!("{path} {}", below.get_name());
        found.push((path.trim().to_owned(), below.clone()));
        commands(&path, below, found);
    }
}

fn all() -> Vec<(String, Command)> {
    let mut found = Vec::new();
    commands("", &Args::command(), &mut found);
    assert!(found.len() > 10);
    found
}

#[test]
fn every_command_is_in_one_group_of_the_help_and_no_line_is_wider_than_80() {
    let mut grouped: Vec<&str> = GROUPS
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    let all = all();
    let mut names: Vec<&str> = all.iter().map(|(path, _)| path.as_str()).collect();
    names.push("help");
    grouped.sort_unstable();
    names.sort_unstable();
    assert_eq!(grouped, names);
    let help = command_line().term_width(80).render_help().to_string();
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

/// The row of the guide's table of commands.
fn row(path: &str) -> Option<&'static str> {
    GUIDE.lines().find(|line| {
        let rest = line
            .strip_prefix("| `")
            .and_then(|rest| rest.strip_prefix(path));
        rest.is_some_and(|rest| rest.starts_with(['`', ' ']))
    })
}

/// Words as a shell splits them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for letter in line.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => quote = Some(letter),
            (' ', None) => words.push(String::new()),
            (letter, _) => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn spelt(option: &Arg) -> String {
    match option.get_long() {
        Some(long) => format!("`--{long}"),
        None => option.get_value_names().unwrap()[0].to_string(),
    }
}

#[test]
fn every_command_has_help_an_example_that_parses_and_a_row_in_the_guide() {
    let mut wrong = Vec::new();
    for (path, command) in all() {
        let mut say = |what: &str| wrong.push(format!("{path}: {what}"));
        if command.get_about().is_none() {
            say("no help");
        }
        let help = command
            .get_long_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        match help.split("Example: ").nth(1) {
            None => say("no example"),
            Some(example) => {
                let line = example.lines().next().unwrap();
                if !line.starts_with(&format!("heirloom {path}")) {
                    say("the example is another command's");
                }
                if let Err(error) = Args::try_parse_from(words(line)) {
                    say(&format!("the example is wrong: {error}"));
                }
            }
        }
        match row(&path) {
            None => say("no row in the guide"),
            Some(row) => {
                for alias in command.get_visible_aliases() {
                    if !row.contains(&format!("`{alias}`")) {
                        say(&format!("its row in the guide lacks the alias {alias}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_option_has_help_and_stands_in_the_guide() {
    let mut wrong = Vec::new();
    let globals = Args::command();
    let globals = globals
        .get_arguments()
        .map(|option| (String::new(), option.clone()));
    let options = all().into_iter().flat_map(|(path, command)| {
        let options: Vec<Arg> = command.get_arguments().cloned().collect();
        options
            .into_iter()
            .map(move |option| (path.clone(), option))
    });
    for (path, option) in globals.chain(options) {
        let name = spelt(&option);
        if option.get_help().is_none() {
            wrong.push(format!("{path} {name}: no help"));
        }
        let place = match path.is_empty() {
            true => Some(GUIDE),
            false => row(&path),
        };
        if !place.is_some_and(|place| place.contains(&name)) {
            wrong.push(format!("{path} {name}: not in the guide"));
        }
        let short = option.get_short().map(|short| format!("`-{short}`"));
        if short.is_some_and(|short| !GUIDE.contains(&short)) {
            wrong.push(format!("{path} {name}: its short form is not in the guide"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_clap_adds_stands_in_the_guide_too() {
    for word in ["`help", "`-h`", "`--help`", "`-V`", "`--version`"] {
        assert!(GUIDE.contains(word), "{word}");
    }
}
