//! `selvedge completions` and `selvedge man`: what the program says of its own arguments, for shells and for `man`.

use super::{ALL_AS_EXPECTED, Cli, INTERNAL, fail, fail_to_print};
use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use std::io::{self, Write as _};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    after_help = "bash: selvedge completions bash > ~/.local/share/bash-completion/completions/selvedge\n\
                  zsh:  selvedge completions zsh > DIR/_selvedge, with DIR in fpath\n\
                  fish: selvedge completions fish > ~/.config/fish/completions/selvedge.fish"
)]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Name,
}

/// The shells that the completions are tested for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    Bash,
    Zsh,
    Fish,
}

/// Prints the script for a shell.
pub(super) fn completions(arguments: &Arguments) -> ExitCode {
    let shell = match arguments.shell {
        Name::Bash => Shell::Bash,
        Name::Zsh => Shell::Zsh,
        Name::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "selvedge", &mut script);
    print(&script)
}

/// Prints the manual page: of the program, and then of each command.
pub(super) fn page() -> ExitCode {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    match render(&command, &mut page) {
        Ok(()) => print(&page),
        Err(error) => fail(INTERNAL, &format_args!("cannot write the manual page: {error}")),
    }
}

fn render(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        writeln!(page, ".SH {}", sub.get_name().to_uppercase())?;
        let of_sub = Man::new(sub.clone());
        let mut sections = Vec::new();
        of_sub.render_synopsis_section(&mut sections)?;
        of_sub.render_description_section(&mut sections)?;
        of_sub.render_options_section(&mut sections)?;
        of_sub.render_extra_section(&mut sections)?;
        // One section of the page for each command: what are sections of its own are below it.
        for line in sections.split_inclusive(|byte| *byte == b'\n') {
            let below = line.strip_prefix(b".SH ").map(|title| [b".SS ", title].concat());
            page.extend(below.as_deref().unwrap_or(line));
        }
    }
    man.render_extra_section(page)?;
    man.render_version_section(page)
}

fn print(text: &[u8]) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::from(ALL_AS_EXPECTED),
        Err(error) => fail_to_print(&error),
    }
}
