//! The command line: arguments in, exit code out.

mod check;
mod claims;
mod config;
mod contents;
pub(crate) mod file;
mod init;
mod knobs;
mod litmus;
mod long;
mod manual;
mod merge;
mod new;
mod outputs;
mod package;
mod progress;
mod report;

use crate::base::budget::{DEFAULT_SEED, Effort};
use crate::config::Format;
use crate::registry::Found;
use crate::report::matrix::{self, Matrix};
use crate::report::{Report, json, plain, snapshot, terminal};
use crate::runner::plan::{Plan, Selection};
use crate::runner::register::{self, Failed, RegisterError, Registered};
use crate::runner::replay::ReplayError;
use crate::runner::{Event, interrupt, replay, run, slow, worker};
use crate::witness::token::{self, Token};
use anstream::AutoStream;
use clap::{Args, Parser, Subcommand};
use knobs::Knobs;
use progress::Progress;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Every verdict was as expected.
const ALL_AS_EXPECTED: u8 = 0;
/// A verdict was not as expected.
const UNEXPECTED: u8 = 1;
/// The arguments, or the scenarios themselves, are wrong; nothing was run.
const USAGE: u8 = 2;
/// Nothing was unexpected, but something was inconclusive.
const INCONCLUSIVE: u8 = 3;
/// The harness could not do its work.
const INTERNAL: u8 = 4;
/// Interrupted by SIGINT or SIGTERM.
const INTERRUPTED: u8 = 130;

/// Runs every design of every scenario under loom and shuttle, on real threads and on real processes, and
/// shows where data races arise and which designs avoid them.
#[derive(Debug, Parser)]
#[command(
    name = "selvedge",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 0 every verdict as expected, 1 a verdict not as expected, 2 wrong usage or a wrong \
                  scenario, 3 nothing unexpected but something inconclusive, 4 the harness failed or could not print, 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios and show the matrix (the default)
    Run(RunArguments),
    /// Put thirteen statements about threads and processes to the test, on this machine
    Claims(claims::Arguments),
    /// Run one scenario and print its page
    Show {
        /// The scenario
        #[arg(value_name = "SCENARIO")]
        name: String,
    },
    /// Print the table of contents: folder, name, question, verdicts at a glance
    List {
        /// How to print the list
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Run litmus tests on every engine and say which final states there are
    Litmus(litmus::Arguments),
    /// Check log files against a sequential model
    Check(check::Arguments),
    /// Show a report that was saved as JSON
    Report(report::Arguments),
    /// Write a first version of a scenario, an object or a litmus test, with comments
    New(new::Arguments),
    /// Add to a package what it needs for scenarios
    Init(init::Arguments),
    /// Print every knob with the value in force, and what sets it
    Config(config::Arguments),
    /// Print a script that completes command lines in a shell
    Completions(manual::Arguments),
    /// Print the manual page
    Man,
    /// Join the reports of the shards of a run into one
    Merge(merge::Arguments),
    /// Execute once more what a witness shows, and print it
    Replay {
        /// The token that stands below the witness
        token: String,
        /// How to print the execution
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Debug, Args)]
struct RunArguments {
    /// Scenarios to run; all if none is named
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Run this design only; can be given several times
    #[arg(long = "design", value_name = "DESIGN")]
    designs: Vec<String>,
    /// Go on for so long, in rounds of growing budgets: 90s, 30m, 8h, 2d
    #[arg(long = "for", value_name = "TIME", requires = "out", value_parser = long::time)]
    time: Option<Duration>,
    /// Keep the report, and what it takes to go on after an interruption, in this folder
    #[arg(long, value_name = "DIR", requires = "time")]
    out: Option<PathBuf>,
    #[command(flatten)]
    knobs: Knobs,
    #[command(flatten)]
    outputs: outputs::Outputs,
}

/// Columns of the terminal that is printed to, or of a page.
fn width() -> usize {
    let terminal = terminal_size::terminal_size_of(io::stdout());
    terminal.map_or(matrix::USUAL, |(width, _)| usize::from(width.0).clamp(matrix::NARROWEST, matrix::WIDEST))
}

/// Whether these are arguments that the program understands. If not, it can say why not.
///
/// # Panics
/// If it cannot.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn understands<'a>(arguments: impl Iterator<Item = &'a str>) -> bool {
    let parsed = Cli::try_parse_from(std::iter::once("selvedge").chain(arguments));
    assert!(parsed.as_ref().err().is_none_or(|error| !error.to_string().is_empty()));
    parsed.is_ok()
}

/// The whole program: reads its arguments, runs, prints, and says with which code to exit.
#[must_use]
pub fn main() -> ExitCode {
    worker::enter_if_asked();
    let cli = Cli::parse();
    if let Some(code) = cli.command.as_ref().and_then(without_scenarios) {
        return code;
    }
    if let Err(error) = interrupt::install() {
        return fail(INTERNAL, &format_args!("cannot handle signals: {error}"));
    }
    if let Some(Command::Litmus(arguments)) = &cli.command {
        return litmus::start(arguments);
    }
    let Registered { found, failed } = match register::all() {
        Ok(registered) => registered,
        Err(error) if interrupt::interrupted() => return fail(INTERRUPTED, &error),
        Err(error @ RegisterError::Wrong(_)) => return fail(USAGE, &error),
        Err(error @ RegisterError::Harness(_)) => return fail(INTERNAL, &error),
    };
    let code = match cli.command {
        Some(Command::List { format }) => match list(&found, format) {
            Ok(()) => ExitCode::from(ALL_AS_EXPECTED),
            Err(error) => fail_to_print(&error),
        },
        Some(Command::Claims(arguments)) => claims::main(&found, &arguments),
        Some(Command::Show { name }) => show(&found, &name),
        Some(Command::Replay { token, format }) => again(&found, &token, format),
        Some(Command::Run(arguments)) => start(&found, arguments),
        None => start(&found, cli.run),
        Some(other) => without_scenarios(&other).unwrap_or(ExitCode::from(INTERNAL)),
    };
    and_failed(code, &failed)
}

/// The commands that run nothing.
fn without_scenarios(command: &Command) -> Option<ExitCode> {
    Some(match command {
        Command::Check(arguments) => check::main(arguments),
        Command::Report(arguments) => report::main(arguments),
        Command::Merge(arguments) => merge::main(arguments),
        Command::New(arguments) => new::main(arguments),
        Command::Init(arguments) => init::main(arguments),
        Command::Config(arguments) => config::main(arguments),
        Command::Completions(arguments) => manual::completions(arguments),
        Command::Man => manual::page(),
        _ => return None,
    })
}

/// Says which scenarios could not be registered; the others have run.
fn and_failed(code: ExitCode, failed: &[Failed]) -> ExitCode {
    for failed in failed {
        fail(USAGE, &failed.why);
    }
    let graver = [INTERNAL, INTERRUPTED].map(ExitCode::from).contains(&code);
    if failed.is_empty() || graver { code } else { ExitCode::from(USAGE) }
}

fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    let error = plain::plain_lines(&error.to_string());
    anstream::eprintln!("{}error:{} {error}", anstyle::AnsiColor::Red.on_default().bold(), anstyle::Reset);
    ExitCode::from(code)
}

/// What was not printed is no success, even if the reader has closed the pipe.
fn fail_to_print(error: &io::Error) -> ExitCode {
    fail(INTERNAL, &format_args!("cannot print: {error}"))
}

fn list(found: &[Found], format: Format) -> io::Result<()> {
    let text = match format {
        Format::Terminal => contents::text(found, width()),
        Format::Json => plain::json(&format!("{:#}\n", contents::json(found))),
    };
    io::stdout().lock().write_all(text.as_bytes())
}

/// Runs one scenario and prints its page.
fn show(found: &[Found], name: &str) -> ExitCode {
    let selection = Selection { scenarios: vec![name.to_owned()], ..Selection::default() };
    let plan = match Plan::new(found, &selection) {
        Ok(plan) => plan,
        Err(unknown) => return fail(USAGE, &unknown),
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let progress = Progress::new(plan.cells());
    let report = run(&plan, Effort::Normal.budget(DEFAULT_SEED), cores, |event| progress.note(&event));
    progress.end();
    let report = match report {
        Ok(report) => report,
        Err(error) if interrupt::interrupted() => return fail(INTERRUPTED, &error),
        Err(error) => return fail(INTERNAL, &error),
    };
    let pages: String = report.scenarios.iter().map(snapshot::render).collect();
    match io::stdout().lock().write_all(pages.as_bytes()) {
        Ok(()) => ExitCode::from(exit_code(&report)),
        Err(error) => fail_to_print(&error),
    }
}

/// What a token belongs to.
fn heading(token: &str) -> String {
    let decoded = token::decode(token);
    let words = |token: Token| format!("{} / {} on {}\n", token.scenario, token.design, token.engine);
    decoded.map_or_else(|_| String::new(), words)
}

fn again(found: &[Found], token: &str, format: Format) -> ExitCode {
    let witness = match replay::in_worker(found, token) {
        Ok(witness) => witness,
        Err(error) if interrupt::interrupted() => return fail(INTERRUPTED, &error),
        Err(error @ ReplayError::Harness(_)) => return fail(INTERNAL, &error),
        Err(error) => return fail(USAGE, &error),
    };
    let text = match format {
        Format::Terminal => heading(token) + &terminal::replayed(&witness, width()),
        Format::Json => match json::witness(&witness) {
            Ok(text) => text,
            Err(error) => return fail(INTERNAL, &error),
        },
    };
    let mut out = AutoStream::auto(io::stdout()).lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::from(ALL_AS_EXPECTED),
        Err(error) => fail_to_print(&error),
    }
}

fn start(found: &[Found], arguments: RunArguments) -> ExitCode {
    let settings = match arguments.knobs.settings() {
        Ok(settings) => settings,
        Err(wrong) => return fail(USAGE, &wrong),
    };
    slow::say_if_unoptimised();
    let engines = settings.engines_of_model();
    let selection = Selection { scenarios: arguments.scenarios, designs: arguments.designs, engines };
    let plan = match Plan::new(found, &selection) {
        Ok(plan) => plan,
        Err(unknown) => return fail(USAGE, &unknown),
    };
    if let Err(wrong) = arguments.outputs.check() {
        return fail(USAGE, &wrong);
    }
    if let (Some(time), Some(folder)) = (arguments.time, &arguments.out) {
        return long::main(&plan, &settings, time, folder, &arguments.outputs);
    }
    let (format, budget) = (settings.format, settings.shared_among(plan.sampled_cells()));
    let begun = Instant::now();
    let progress = Progress::new(plan.cells());
    let mut printer = Printer { progress: &progress, plan: &plan, verbose: settings.verbose, failed: None };
    let report = run(&plan, budget, settings.jobs(), |event| {
        progress.note(&event);
        if format == Format::Terminal {
            printer.note(&event);
        }
        if printer.failed.is_some() {
            interrupt::now();
        }
    });
    progress.end();
    if let Some(error) = printer.failed {
        return fail_to_print(&error);
    }
    let report = match report {
        Ok(report) => Report { drawn: vec![settings.drawn()], ..report },
        Err(error) if interrupt::interrupted() => return fail(INTERRUPTED, &error),
        Err(error) => return fail(INTERNAL, &error),
    };
    if let Err(error) = finish(&report, format, begun.elapsed().as_secs_f64()) {
        return fail_to_print(&error);
    }
    match arguments.outputs.write(&report) {
        Ok(()) => ExitCode::from(exit_code(&report)),
        Err(wrong) => fail(INTERNAL, &wrong),
    }
}

fn finish(report: &Report, format: Format, seconds: f64) -> io::Result<()> {
    let mut out = AutoStream::auto(io::stdout()).lock();
    match format {
        Format::Terminal => {
            let width = width();
            write!(out, "{}{}", terminal::legend(width), terminal::summary(report, seconds, width))
        }
        Format::Json => out.write_all(plain::json(&json::render(report)?).as_bytes()),
    }?;
    out.flush()
}

fn exit_code(report: &Report) -> u8 {
    let tally = report.tally();
    match (tally.broken, tally.unexpected, tally.inconclusive) {
        (1.., ..) => INTERNAL,
        (_, 1.., _) => UNEXPECTED,
        (_, _, 1..) => INCONCLUSIVE,
        (..) => ALL_AS_EXPECTED,
    }
}

/// Prints the matrix row by row, while the run goes on.
struct Printer<'a> {
    progress: &'a Progress,
    plan: &'a Plan<'a>,
    verbose: bool,
    failed: Option<io::Error>,
}

impl Printer<'_> {
    fn note(&mut self, event: &Event<'_>) {
        let text = match event {
            Event::Begun { .. } | Event::Shrinking { .. } | Event::Done => return,
            Event::Row { scenario, design, first } => {
                let designs = &scenario.scenario.designs;
                let widest = designs.iter().map(|design| design.name.chars().count()).max().unwrap_or(0);
                let (width, engines) = (width(), &self.plan.engines);
                let matrix = Matrix::new(width, widest, engines.len());
                let mut text = String::new();
                if *first {
                    text +=
                        &terminal::head(&scenario.name, &scenario.scenario.question, &matrix, engines, width);
                }
                text += &terminal::row(design, &matrix);
                if self.verbose {
                    text += &terminal::details(design, width);
                }
                text
            }
            Event::Finished(scenario) => format!("{}\n", terminal::foot(scenario, width())),
        };
        let written = self.progress.suspend(|| {
            let mut out = AutoStream::auto(io::stdout()).lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        });
        self.failed = self.failed.take().or(written.err());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::engine::Engine;
    use crate::base::failure::Failure;
    use crate::base::observation::{Exploration, Observation, Stop};
    use crate::report::{Cell, DesignReport, ScenarioReport};
    use crate::scenario::Expected;
    use crate::verdict::{Expectation, judge};

    /// A report of cells that were safe, failed, stopped early, or met a harness that failed.
    fn report(cells: &[&str]) -> Report {
        let cell = |kind: &&str| {
            let mut observation = Observation::new(Exploration::Exhaustive);
            match *kind {
                "failed" => observation.fail(Failure::DEADLOCK),
                "safe" => {
                    observation.executions = 1;
                    observation.outcomes.push(crate::base::outcome::OutcomeCount {
                        value: "1".to_owned(),
                        grade: crate::scenario::Grade::Acceptable,
                        sentence: "fine".to_owned(),
                        count: 1,
                    });
                }
                _ => observation.stopped = Some(Stop::NoOperation),
            }
            let expectation = Expectation { engine: Engine::Loom, expected: Expected::Safe, must_see: false };
            Cell {
                engine: Engine::Loom,
                expected: Expected::Safe,
                expected_because: None,
                must_see: false,
                actors: Vec::new(),
                judgement: judge(expectation, &observation),
                opinion: None,
                observation,
                log: String::new(),
                milliseconds: 0,
                broken: *kind == "broken",
            }
        };
        let design = DesignReport {
            name: "design".to_owned(),
            expected: Expected::Safe,
            cells: cells.iter().map(cell).collect(),
        };
        let scenario = ScenarioReport {
            name: "scenario".to_owned(),
            file: "scenarios/scenario.rs".to_owned(),
            question: "Well?".to_owned(),
            grades: Vec::new(),
            designs: vec![design],
            in_practice: None,
        };
        Report { scenarios: vec![scenario], ..Report::default() }
    }

    #[test]
    fn the_worst_cell_decides_the_exit_code() {
        let check = |cells: &[&str], code| assert_eq!(exit_code(&report(cells)), code, "{cells:?}");
        check(&["safe", "safe"], 0);
        check(&["safe", "stopped"], 3);
        check(&["stopped", "failed", "safe"], 1);
        check(&["failed", "broken", "stopped"], 4);
    }
}
