//! `selvedge run --for 8h --out DIR`: rounds of growing budgets, for as long as was asked.
//!
//! Each round runs the cells that are not settled yet, with twice the budget of the one before and with seeds of its
//! own. What comes of each cell is joined with what is known and written at once, as a whole, into two files: `state.json`, from
//! which the same command goes on after whatever ended it, and `report.json`, for readers.
//!
//! Limits: what was not written when the program was killed is run once more, which takes time and counts once. A
//! checker's search begins anew in each round. Time is that of the clock while the program runs.

use super::outputs::Outputs;
use super::progress::Progress;
use super::{INTERNAL, INTERRUPTED, USAGE, exit_code, fail, fail_to_print, file, report};
use crate::base::budget::Budget;
use crate::base::engine::Engine;
use crate::base::observation::{Bound, Exploration, Observation, Sampling, Stop};
use crate::base::shard::{Drawn, MAX_ROUNDS};
use crate::config::Settings;
use crate::registry::Found;
use crate::report::merge::{self, Voice};
use crate::report::{Cell, DesignReport, Report, ScenarioReport, json, plain, saved};
use crate::runner::plan::Plan;
use crate::runner::{Event, Message, cells_of, interrupt, judged, run_cells};
use crate::scenario::ErasedDesign;
use crate::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Of the state.
const VERSION: u32 = 1;

/// How often a budget is doubled at the most: a million times the first one is more than any machine does.
const MAX_DOUBLINGS: u32 = 20;

/// `90s`, `30m`, `8h`, `2d`, or several of them as in `1h30m`.
///
/// # Errors
/// If it is nothing of the kind, or nothing at all, or more than a year.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: 90s, 30m, 8h, 2d, 1h30m");
    let (mut seconds, mut number) = (0_u64, String::new());
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                number.push(letter);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u64 = std::mem::take(&mut number).parse().map_err(|_| wrong())?;
        seconds = count.checked_mul(unit).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
    }
    if !number.is_empty() || seconds == 0 || seconds > 366 * 86_400 {
        return Err(wrong());
    }
    Ok(Duration::from_secs(seconds))
}

/// A time as a reader would say it.
fn said(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// What goes on after whatever ended the program.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    /// What was asked for: scenarios, engines, and knobs.
    of: String,
    spent_ms: u64,
    round: u32,
    /// The cells of this round that are done, by their place in the plan.
    done: Vec<usize>,
    /// The document, as text.
    report: String,
}

/// A run under way.
struct Long<'a> {
    settings: &'a Settings,
    cells: Vec<(&'a Found, &'a ErasedDesign, Engine)>,
    engines: usize,
    folder: &'a Path,
    of: String,
    round: u32,
    done: Vec<usize>,
    report: Report,
    /// Before this process.
    spent: Duration,
    begun: Instant,
    /// Held for as long as this process writes here.
    _lock: File,
}

/// Runs a plan for so long.
pub(super) fn main(
    plan: &Plan<'_>,
    settings: &Settings,
    time: Duration,
    folder: &Path,
    outputs: &Outputs,
) -> ExitCode {
    let mut long = match Long::open(plan, settings, folder) {
        Ok(long) => long,
        Err(why) => return fail(USAGE, &why),
    };
    let left = time.saturating_sub(long.spent);
    let over = AtomicBool::new(false);
    let ended = std::thread::scope(|scope| {
        let (end, ends) = mpsc::channel::<()>();
        let over = &over;
        scope.spawn(move || {
            if ends.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                over.store(true, Ordering::Release);
                interrupt::now();
            }
        });
        let ended = long.rounds(time);
        drop(end);
        ended
    });
    if let Err(why) = ended {
        return fail(INTERNAL, &why);
    }
    let path = folder.join("report.json");
    if interrupt::interrupted() && !over.load(Ordering::Acquire) {
        let done = format_args!(
            "interrupted in round {} after {}; the same command goes on, and what there is so far is in {}",
            long.round + 1,
            said(long.spent()),
            path.display()
        );
        return fail(INTERRUPTED, &done);
    }
    eprintln!("{} rounds in {}; the report is {}", long.begun_rounds(), said(long.spent()), path.display());
    if let Err(error) = report::print(&long.report, settings.format, settings.verbose) {
        return fail_to_print(&error);
    }
    match outputs.write(&long.report) {
        Ok(()) => ExitCode::from(exit_code(&long.report)),
        Err(wrong) => fail(INTERNAL, &wrong),
    }
}

impl<'a> Long<'a> {
    /// Begins, or goes on where another process has ended.
    fn open(plan: &Plan<'a>, settings: &'a Settings, folder: &'a Path) -> Result<Self, String> {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let lock = File::options().create(true).append(true).open(folder.join("lock"));
        let lock = lock.map_err(|error| format!("cannot write into {}: {error}", folder.display()))?;
        lock.try_lock().map_err(|_| format!("another run is writing into {}", folder.display()))?;
        forget_half_files(folder);
        let cells = cells_of(plan);
        let mut long = Self {
            settings,
            of: identity(settings, &cells),
            report: blank(plan, settings),
            cells,
            engines: plan.engines.len(),
            folder,
            round: 0,
            done: Vec::new(),
            spent: Duration::ZERO,
            begun: Instant::now(),
            _lock: lock,
        };
        let path = long.state();
        match std::fs::read_to_string(&path) {
            Ok(text) => long.go_on(&text).map_err(|why| format!("{}: {why}", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => long.write()?,
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        }
        Ok(long)
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    fn go_on(&mut self, text: &str) -> Result<(), String> {
        let state: State =
            serde_json::from_str(text).map_err(|error| format!("this is no state of a run: {error}"))?;
        if state.version != VERSION {
            return Err(format!(
                "version {}, and {VERSION} was expected: choose another folder",
                state.version
            ));
        }
        if state.of != self.of {
            return Err(
                "a run of other scenarios, engines or knobs: choose another folder for this one".to_owned()
            );
        }
        let known = saved::read(&state.report).map_err(|wrong| format!("its report: {wrong}"))?;
        let shape = |report: &Report| report.cells().map(|(.., cell)| cell.engine).collect::<Vec<_>>();
        let sound = state.round < MAX_ROUNDS && state.done.iter().all(|cell| *cell < self.cells.len());
        if !sound || shape(&known) != shape(&self.report) {
            return Err("this is no state of this run: choose another folder".to_owned());
        }
        (self.round, self.done, self.report) = (state.round, state.done, known);
        self.spent = Duration::from_millis(state.spent_ms);
        Ok(())
    }

    /// With what came before this process.
    fn spent(&self) -> Duration {
        self.spent + self.begun.elapsed()
    }

    fn begun_rounds(&self) -> u32 {
        self.report.drawn.first().map_or(0, |drawn| drawn.rounds)
    }

    /// Writes both files, each as a whole. What is in the state is not run again.
    fn write(&self) -> Result<(), String> {
        let report = json::render(&self.report).map_err(|error| error.to_string())?;
        let report = plain::json(&report);
        let state = State {
            version: VERSION,
            of: self.of.clone(),
            spent_ms: u64::try_from(self.spent().as_millis()).unwrap_or(u64::MAX),
            round: self.round,
            done: self.done.clone(),
            report: report.clone(),
        };
        let state = serde_json::to_vec(&state).map_err(|error| error.to_string())?;
        file::write(&self.state(), &state)?;
        file::write(&self.folder.join("report.json"), report.as_bytes())
    }

    /// Round after round, until the time is over, all is settled, or the run is interrupted.
    fn rounds(&mut self, time: Duration) -> Result<(), String> {
        while self.round < MAX_ROUNDS && self.spent() < time && !interrupt::interrupted() {
            let open: Vec<_> = (0..self.cells.len()).filter(|cell| !settled(self.cell(*cell))).collect();
            if open.is_empty() {
                eprintln!("every cell is settled: nothing is left to explore");
                return Ok(());
            }
            let todo: Vec<_> = open.into_iter().filter(|cell| !self.done.contains(cell)).collect();
            let left = said(time.saturating_sub(self.spent()));
            eprintln!("round {}: {} cells, {left} left", self.round + 1, todo.len());
            self.report.drawn[0].rounds = self.round + 1;
            if !self.play(&todo)? {
                return Ok(());
            }
            self.round += 1;
            self.done.clear();
            self.write()?;
        }
        Ok(())
    }

    /// Runs these cells. Whether all of them came to their end.
    fn play(&mut self, todo: &[usize]) -> Result<bool, String> {
        let cells: Vec<_> = todo.iter().map(|cell| self.cells[*cell]).collect();
        let mut order: Vec<_> = (0..cells.len()).collect();
        // Checkers side by side, and then the real engines, which have the machine for themselves.
        order.sort_by_key(|cell| (todo[*cell] / self.engines / 8, !cells[*cell].2.is_checker()));
        let budget = raised(self.settings.drawn_in(self.round, self.settings.budget), self.round);
        let progress = Progress::new(cells.len());
        let mut trouble = None;
        let ran = run_cells(&cells, &order, budget, self.settings.jobs(), |place, message| {
            let (design, engine) = (cells[place].1.name.as_str(), cells[place].2);
            match message {
                Message::Begun => progress.note(&Event::Begun { design, engine }),
                Message::Shrinking(how_far) => progress.note(&Event::Shrinking { design, engine, how_far }),
                Message::Done(cell) => {
                    progress.note(&Event::Done);
                    self.enter(todo[place], *cell);
                    if let Err(error) = self.write() {
                        trouble.get_or_insert(error);
                        interrupt::now();
                    }
                }
            }
        });
        progress.end();
        match (trouble, ran) {
            (Some(trouble), _) => Err(trouble),
            (None, Err(_)) if interrupt::interrupted() => self.write().map(|()| false),
            (None, Err(error)) => Err(format!("{error:#}")),
            (None, Ok(())) => Ok(true),
        }
    }

    /// The scenario, the design in it and the engine of a cell, by their places.
    fn place(&self, cell: usize) -> (usize, usize, usize) {
        let (mut row, engine) = (cell / self.engines, cell % self.engines);
        for (number, scenario) in self.report.scenarios.iter().enumerate() {
            match row.checked_sub(scenario.designs.len()) {
                Some(left) => row = left,
                None => return (number, row, engine),
            }
        }
        unreachable!("the report has a place for every cell of the plan")
    }

    fn cell(&self, cell: usize) -> &Cell {
        let (scenario, design, engine) = self.place(cell);
        &self.report.scenarios[scenario].designs[design].cells[engine]
    }

    /// Joins what a round has seen of a cell with what is known.
    fn enter(&mut self, place: usize, seen: Cell) {
        let joined =
            merge::cell(&[Voice { cell: self.cell(place), shards: 0 }, Voice { cell: &seen, shards: 0 }]);
        let (scenario, design, engine) = self.place(place);
        let row = &mut self.report.scenarios[scenario].designs[design];
        let mut cells: Vec<_> = row.cells.iter().map(merge::judged_alone).collect();
        cells[engine] = joined;
        *row = DesignReport::of_cells(std::mem::take(&mut row.name), row.expected, cells);
        self.done.push(place);
    }
}

/// What a process that was killed had begun to write. No other process writes here now.
fn forget_half_files(folder: &Path) {
    for entry in folder.read_dir().into_iter().flatten().filter_map(Result::ok) {
        if entry.file_name().as_encoded_bytes().starts_with(file::HALF.as_bytes()) {
            // One that stays does no harm.
            let _left = std::fs::remove_file(entry.path());
        }
    }
}

/// Twice the budget of the round before.
fn raised(budget: Budget, round: u32) -> Budget {
    let more = |of: u64| of.saturating_mul(1 << round.min(MAX_DOUBLINGS));
    Budget {
        executions: more(budget.executions),
        random_executions: more(budget.random_executions),
        sampling_ms: more(budget.sampling_ms),
        wall_ms: more(budget.wall_ms),
        ..budget
    }
}

/// Whether a larger budget has nothing to add: a checker has explored all, or seen it fail; a real engine has seen it
/// fail; or the design cannot run there.
fn settled(cell: &Cell) -> bool {
    match cell.judgement.verdict {
        Verdict::NotApplicable => true,
        Verdict::Inconclusive => false,
        Verdict::Safe => match &cell.observation.exploration {
            Exploration::Exhaustive => true,
            Exploration::Bounded { by } => {
                !by.iter().any(|bound| matches!(bound, Bound::Preemptions(_) | Bound::Steps(_)))
            }
            Exploration::Sampled { .. } => false,
        },
        _ => true,
    }
}

/// A report in which no cell has been run.
fn blank(plan: &Plan<'_>, settings: &Settings) -> Report {
    let cell = |design: &ErasedDesign, engine: Engine| {
        let mut seen = Observation::new(Exploration::Sampled { how: Sampling::Nothing });
        seen.stopped = Some(Stop::NotYet);
        judged(engine, &design.facts, seen)
    };
    let scenario = |(found, designs): &(&Found, Vec<&ErasedDesign>)| {
        let mut scenario = ScenarioReport::new(found);
        for design in designs {
            let cells = plan.engines.iter().map(|engine| cell(design, *engine)).collect();
            scenario.designs.push(DesignReport::new(design, cells));
        }
        scenario
    };
    Report {
        budget: Some(settings.budget),
        drawn: vec![Drawn { rounds: 0, ..settings.drawn() }],
        scenarios: plan.scenarios.iter().map(scenario).collect(),
    }
}

/// What has to be the same for a run to go on.
fn identity(settings: &Settings, cells: &[(&Found, &ErasedDesign, Engine)]) -> String {
    let all: String = cells
        .iter()
        .map(|(found, design, engine)| {
            format!("{} {} {} {engine}\n", found.name, design.name, found.digest(design))
        })
        .collect();
    let Budget { preemptions, .. } = settings.budget;
    format!(
        "selvedge {}, {} cells {:08x}, budget {} from {} executions and {} ms, seed {}, shard {}, preemptions {preemptions:?}",
        env!("CARGO_PKG_VERSION"),
        cells.len(),
        crc32fast::hash(all.as_bytes()),
        settings.effort.name(),
        settings.budget.executions,
        settings.budget.sampling_ms,
        settings.seed,
        settings.shard
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::budget::Effort;

    #[test]
    fn times_are_read_as_they_are_said() {
        let check = |text, seconds| assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        check("90s", 90);
        check("30m", 1_800);
        check("8h", 28_800);
        check("2d", 172_800);
        check("1h30m", 5_400);
        for wrong in ["", "8", "h", "0s", "8x", "-1h", "1.5h", "400d", "99999999999999999999h", "8h "] {
            assert!(time(wrong).is_err_and(|why| why.contains("90s, 30m, 8h")), "{wrong}");
        }
        let check = |seconds, words: &str| assert_eq!(said(Duration::from_secs(seconds)), words);
        check(0, "0 s");
        check(119, "119 s");
        check(600, "10 min");
        check(28_799, "7 h 59 min");
    }

    #[test]
    fn budgets_double_and_never_wrap() {
        let first = Effort::Thorough.budget(1);
        assert_eq!(raised(first, 0), first);
        assert_eq!(raised(first, 3).executions, 8 * first.executions);
        assert_eq!(raised(first, 3).stall_ms, first.stall_ms);
        assert_eq!(raised(first, 4_000), raised(first, MAX_DOUBLINGS));
        assert_eq!(raised(Budget { executions: u64::MAX, ..first }, 9).executions, u64::MAX);
    }
}
