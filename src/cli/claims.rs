//! `selvedge claims`: the thirteen statements, measured here.

use super::{ALL_AS_EXPECTED, Format, INTERNAL, USAGE, fail, fail_to_print};
use crate::base::budget::{DEFAULT_SEED, Effort};
use crate::base::engine::Engine;
use crate::claims::{self, Bench, Books, Judged, Row};
use crate::registry::Found;
use crate::runner::plan::{Plan, Selection};
use crate::runner::run;
use crate::verdict::Verdict;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Measure and explain this statement only, 1 to 13
    #[arg(value_name = "N")]
    number: Option<usize>,
    /// How to print what was measured
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Also write charts as SVG files into this folder
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
}

/// Measures, prints each row as soon as it is known, and says with which code to exit.
pub(super) fn main(found: &[Found], arguments: &Arguments) -> ExitCode {
    let numbers = match arguments.number {
        Some(number) if (1..=claims::COUNT).contains(&number) => vec![number],
        Some(number) => {
            let range = format!("there is no statement {number}: they are numbered 1 to {}", claims::COUNT);
            return fail(USAGE, &range);
        }
        None => (1..=claims::COUNT).collect(),
    };
    if let Some(folder) = &arguments.plot
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        return fail(USAGE, &format_args!("{}: {error}", folder.display()));
    }
    let books = Shipped { found };
    let rows = match measured(&numbers, &Bench { books: &books }, arguments) {
        Ok(rows) => rows,
        Err(error) => return fail_to_print(&error),
    };
    if let Some(folder) = &arguments.plot {
        for chart in rows.iter().flat_map(Row::charts) {
            match chart.write(folder) {
                Ok(path) => eprintln!("{}", path.display()),
                Err(error) => return fail(INTERNAL, &format_args!("{error:#}")),
            }
        }
    }
    ExitCode::from(ALL_AS_EXPECTED)
}

fn measured(numbers: &[usize], bench: &Bench<'_>, arguments: &Arguments) -> io::Result<Vec<Row>> {
    let bar = ProgressBar::with_draw_target(Some(numbers.len() as u64), ProgressDrawTarget::stderr());
    // No ticks in the background: a process that forks has one thread.
    if let Ok(style) = ProgressStyle::with_template("{pos}/{len} statements, {elapsed}  {wide_msg}") {
        bar.set_style(style);
    }
    let mut rows = Vec::new();
    for number in numbers {
        bar.set_message(claims::words(*number));
        bar.tick();
        let row = claims::measure(*number, bench);
        if arguments.format == Format::Terminal {
            let text = if arguments.number.is_some() { claims::explanation(&row) } else { claims::row(&row) };
            bar.suspend(|| io::stdout().lock().write_all(text.as_bytes()))?;
        }
        rows.push(row);
        bar.inc(1);
    }
    bar.finish_and_clear();
    if arguments.format == Format::Json {
        writeln!(io::stdout().lock(), "{:#}", claims::json(&rows))?;
    }
    Ok(rows)
}

/// The scenarios of this program, run under the checkers with a small budget.
struct Shipped<'a> {
    found: &'a [Found],
}

impl Books for Shipped<'_> {
    fn verdicts(&self, scenario: &str) -> anyhow::Result<Option<Vec<Judged>>> {
        let selection = Selection {
            scenarios: vec![scenario.to_owned()],
            engines: vec![Engine::Shuttle],
            ..Selection::default()
        };
        let Ok(plan) = Plan::new(self.found, &selection) else { return Ok(None) };
        let report = run(&plan, Effort::Quick.budget(DEFAULT_SEED), 1, |_| ())?;
        let isolated = |name: &str| {
            let designs = self.found.iter().filter(|found| found.name == scenario);
            let mut designs = designs.flat_map(|found| &found.scenario.designs);
            designs.any(|design| design.name == name && design.facts.isolated)
        };
        let judged = report.scenarios.iter().flat_map(|scenario| &scenario.designs).filter_map(|design| {
            let verdict = design.cells.first()?.judgement.verdict;
            let applies = verdict != Verdict::NotApplicable;
            applies.then(|| Judged {
                design: design.name.clone(),
                isolated: isolated(&design.name),
                verdict: verdict.word(),
            })
        });
        Ok(Some(judged.collect()))
    }
}
