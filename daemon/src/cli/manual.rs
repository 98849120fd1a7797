//! `sluicebox completions` and `sluicebox man`: made of the same definitions as the parser.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Outcome;

/// Print the completions for a shell
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// For which
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the manual pages into a directory
#[derive(Debug, Args)]
pub(super) struct Manual {
    /// The directory; made if missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn completions(typed: &Completions) -> Outcome {
    let mut command = super::Typed::command();
    clap_complete::generate(typed.shell, &mut command, "sluicebox", &mut io::stdout());
    Outcome::Clean
}

/// One page for the whole and one for each subcommand, as `man sluicebox-feeds-update`.
pub(super) fn manual(typed: &Manual) -> Result<Outcome> {
    let directory = typed.out.as_path();
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the directory: {}", directory.display()))?;
    let mut command = super::Typed::command();
    // Fills in what is said of subcommands, and what every one of them takes.
    command.build();
    write(&command, "sluicebox", directory)?;
    Ok(Outcome::Clean)
}

fn write(command: &Command, name: &str, directory: &Path) -> Result<()> {
    let path = directory.join(format!("{name}.1"));
    let mut page = Vec::new();
    let titled = command.clone().name(name.to_owned()).bin_name(name.replace('-', " "));
    Man::new(titled).title(name.to_uppercase()).render(&mut page)?;
    fs::write(&path, page).with_context(|| format!("cannot write the page: {}", path.display()))?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        write(subcommand, &format!("{name}-{}", subcommand.get_name()), directory)?;
    }
    Ok(())
}
