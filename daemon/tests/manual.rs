//! The manual and the completions say what `--help` says.

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::collections::BTreeSet;
use std::fs;

use common::{run, sluicebox, text};

/// The long options in a text, without what stands in front of them.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    // Every command has `--help`, and pages leave it out where there is nothing else.
    let names = words.filter(|word| word.len() > 2 && word.starts_with("--") && *word != "--help");
    names.map(str::to_owned).collect()
}

#[test]
fn every_subcommand_has_a_page_with_the_options_of_its_help() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run(sluicebox().args(["man", "--out"]).arg(directory.path())).status.success());
    let mut pages = 0;
    for entry in fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let command = name.split('-').skip(1);
        let help = text(&run(sluicebox().args(command).arg("--help")).stdout);
        // In a page a hyphen is escaped, and fonts change inside of words.
        let page = fs::read_to_string(&path).unwrap();
        let page = ["\\fB", "\\fI", "\\fR"]
            .iter()
            .fold(page, |page, font| page.replace(font, " "))
            .replace('\\', "");
        let usage: BTreeSet<String> =
            help.lines().filter(|line| line.trim_start().starts_with('-')).flat_map(options).collect();
        let missing: Vec<_> = usage.difference(&options(&page)).cloned().collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
        pages += 1;
    }
    assert!(pages > 15, "{pages} pages");
}

#[test]
fn completions_know_every_subcommand() {
    let help = text(&run(sluicebox().arg("--help")).stdout);
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split(' ').next())
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&run(sluicebox().args(["completions", shell])).stdout);
        for command in &commands {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}
