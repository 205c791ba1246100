//! Running a plan: several cells at a time, reported in order.

use super::fatal;
use super::plan::Plan;
use super::supervise::{Assignment, Supervised, supervise};
use crate::base::budget::Budget;
use crate::base::observation::{Exploration, Observation, Sampling, Stop};
use crate::engine::{Name, Shrinking};
use crate::registry::Found;
use crate::report::{Cell, DesignReport, Report, ScenarioReport};
use crate::scenario::{Engine, ErasedDesign, Facts};
use crate::verdict::{Expectation, judge};
use anyhow::Context as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What happens during a run, in the order in which a reader wants it.
pub(crate) enum Event<'a> {
    /// A cell has been begun.
    Begun { design: &'a str, engine: Engine },
    /// A program that failed is being shrunk.
    Shrinking { design: &'a str, engine: Engine, how_far: Shrinking },
    /// A cell is done.
    Done,
    /// All cells of a design are done, and so are all designs before it.
    Row { scenario: &'a Found, design: &'a DesignReport, first: bool },
    /// All designs of a scenario are done.
    Finished(&'a ScenarioReport),
}

/// What a thread that runs cells has to tell of one.
pub(crate) enum Message {
    Begun,
    Shrinking(Shrinking),
    Done(Box<Cell>),
}

/// The most rows of which all checkers run before the first real engine.
const ROWS_AT_ONCE: usize = 64;

/// The cells in the order in which they are run: of some rows first the checkers, side by side, and then the real
/// engines, each of which has the machine for itself. At each change cores wait for each other, so changes become
/// fewer as the run goes on. The first row, which the user waits for, is run before all others.
fn in_turn(cells: &[(&Found, &ErasedDesign, Engine)], engines: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by_key(|&cell| (turn(cell / engines), !cells[cell].2.is_checker()));
    order
}

/// The rows that belong together: one, then twice as many each time.
fn turn(row: usize) -> usize {
    let growing = ROWS_AT_ONCE.ilog2() as usize;
    match (row + 1).ilog2() as usize {
        turn if turn < growing => turn,
        _ => growing + (row + 1 - ROWS_AT_ONCE) / ROWS_AT_ONCE,
    }
}

/// Runs a plan with up to `jobs` workers at a time, their helpers included. `listen` is called on this thread.
///
/// # Errors
/// If the run is interrupted. A cell whose harness fails is inconclusive, and says why.
pub(crate) fn run(
    plan: &Plan<'_>,
    budget: Budget,
    jobs: usize,
    mut listen: impl FnMut(Event<'_>),
) -> anyhow::Result<Report> {
    let cells = cells_of(plan);
    let order = in_turn(&cells, plan.engines.len());
    let mut board = Board::new(plan, budget, cells.len());
    run_cells(&cells, &order, budget, jobs, |index, message| {
        let (design, engine) = (cells[index].1.name.as_str(), cells[index].2);
        match message {
            Message::Begun => listen(Event::Begun { design, engine }),
            Message::Shrinking(how_far) => listen(Event::Shrinking { design, engine, how_far }),
            Message::Done(cell) => {
                listen(Event::Done);
                board.enter(index, *cell, &mut listen);
            }
        }
    })?;
    Ok(board.report)
}

/// Runs these cells in this order with up to `jobs` workers at a time, their helpers included. `listen` is called on
/// this thread, with the place of the cell.
///
/// # Errors
/// If the run is interrupted, or no thread can be started.
pub(crate) fn run_cells(
    cells: &[(&Found, &ErasedDesign, Engine)],
    order: &[usize],
    budget: Budget,
    jobs: usize,
    mut listen: impl FnMut(usize, Message),
) -> anyhow::Result<()> {
    super::seat::limit(jobs);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let work = |sender: mpsc::Sender<(usize, Message)>| {
        loop {
            let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            let (scenario, design, engine) = &cells[index];
            if super::interrupt::interrupted() || sender.send((index, Message::Begun)).is_err() {
                return;
            }
            // Nothing listens to a run that has ended, and the next message will tell.
            let listen = |shrinking| drop(sender.send((index, Message::Shrinking(shrinking))));
            let cell = run_cell(scenario, design, *engine, budget, &listen);
            if sender.send((index, Message::Done(Box::new(cell)))).is_err() {
                return;
            }
        }
    };
    let mut unstarted = None;
    std::thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..jobs.clamp(1, order.len().max(1)) {
            let sender = sender.clone();
            match std::thread::Builder::new().spawn_scoped(scope, || work(sender)) {
                Ok(_) => started += 1,
                // With fewer it takes longer, and with none it cannot be done.
                Err(error) if started == 0 => unstarted = Some(error),
                Err(_) => break,
            }
        }
        drop(sender);
        for (index, message) in &receiver {
            // What an interrupted worker has seen says nothing about its design.
            if !super::interrupt::interrupted() {
                listen(index, message);
            }
        }
    });
    if super::interrupt::interrupted() {
        anyhow::bail!("interrupted");
    }
    unstarted.map_or(Ok(()), |error| Err(error).context("cannot start a thread"))
}

/// The cells of a plan, row by row.
pub(crate) fn cells_of<'a>(plan: &Plan<'a>) -> Vec<(&'a Found, &'a ErasedDesign, Engine)> {
    let rows =
        plan.scenarios.iter().flat_map(|(found, designs)| designs.iter().map(|design| (*found, *design)));
    rows.flat_map(|(scenario, design)| plan.engines.iter().map(move |engine| (scenario, design, *engine)))
        .collect()
}

/// Executes and judges one cell. `listen` is told how far shrinking is, while a program is being shrunk.
pub(crate) fn run_cell(
    scenario: &Found,
    design: &ErasedDesign,
    engine: Engine,
    budget: Budget,
    listen: &dyn Fn(Shrinking),
) -> Cell {
    let name = Name {
        scenario: &scenario.name,
        design: &design.name,
        digest: scenario.digest(design),
        program: None,
    };
    let assignment = Assignment {
        name,
        litmus: scenario.litmus.as_deref(),
        facts: &design.facts,
        engine,
        budget,
        until: None,
    };
    let (supervised, broken) = match observe(&assignment, listen) {
        Ok(supervised) => (supervised, false),
        Err(error) => {
            let mut observation = Observation::new(Exploration::Sampled { how: Sampling::Nothing });
            observation.stopped = Some(Stop::HarnessFailed(format!("{error:#}")));
            (Supervised { observation, log: String::new(), milliseconds: 0, met: None }, true)
        }
    };
    let Supervised { observation, log, milliseconds, .. } = supervised;
    Cell { log, milliseconds, broken, ..judged(engine, &design.facts, observation) }
}

/// What a worker observes; where it dies of it under a checker, with a witness, for which others may die too.
fn observe(assignment: &Assignment<'_>, listen: &dyn Fn(Shrinking)) -> anyhow::Result<Supervised> {
    let mut supervised = supervise(assignment, listen)?;
    if let Some(met) = supervised.met.as_ref().filter(|_| assignment.engine.is_checker()) {
        // Showing the failure takes no longer than finding it may.
        let until = Instant::now().checked_add(Duration::from_millis(assignment.budget.wall_ms / 2));
        supervised.observation.witnesses.extend(fatal::witness(&Assignment { until, ..*assignment }, met)?);
    }
    Ok(supervised)
}

/// An observation, judged against what is expected of a design.
pub(crate) fn judged(engine: Engine, facts: &Facts, observation: Observation) -> Cell {
    let (expected, reason) = facts.expected_on(engine);
    let must_see = facts.must_see.contains(&engine);
    Cell {
        engine,
        expected,
        expected_because: reason.map(str::to_owned),
        must_see,
        actors: facts.actors.clone(),
        judgement: judge(Expectation { engine, expected, must_see }, &observation),
        opinion: None,
        observation,
        log: String::new(),
        milliseconds: 0,
        broken: false,
    }
}

/// Puts cells that arrive in any order into rows that leave in the plan's order.
struct Board<'a> {
    plan: &'a Plan<'a>,
    cells: Vec<Option<Cell>>,
    rows: usize,
    report: Report,
}

impl<'a> Board<'a> {
    fn new(plan: &'a Plan<'a>, budget: Budget, cells: usize) -> Self {
        let cells = std::iter::repeat_with(|| None).take(cells).collect();
        let report = Report { budget: Some(budget), ..Report::default() };
        Self { plan, cells, rows: 0, report }
    }

    fn enter(&mut self, index: usize, cell: Cell, listen: &mut impl FnMut(Event<'_>)) {
        self.cells[index] = Some(cell);
        let width = self.plan.engines.len();
        while let Some(row) = self.cells.get_mut(self.rows * width..(self.rows + 1) * width)
            && !row.is_empty()
            && row.iter().all(Option::is_some)
        {
            let cells = row.iter_mut().filter_map(Option::take).collect();
            self.complete(cells, listen);
            self.rows += 1;
        }
    }

    /// Reports the next row of the plan.
    fn complete(&mut self, cells: Vec<Cell>, listen: &mut impl FnMut(Event<'_>)) {
        let mut row = self.rows;
        for (number, (found, designs)) in self.plan.scenarios.iter().enumerate() {
            if row >= designs.len() {
                row -= designs.len();
                continue;
            }
            if self.report.scenarios.len() == number {
                self.report.scenarios.push(ScenarioReport::new(found));
            }
            let scenario = &mut self.report.scenarios[number];
            scenario.designs.push(DesignReport::new(designs[row], cells));
            let design = &scenario.designs[row];
            listen(Event::Row { scenario: found, design, first: row == 0 });
            if row + 1 == designs.len() {
                listen(Event::Finished(scenario));
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ROWS_AT_ONCE, turn};

    #[test]
    fn the_first_row_comes_alone_and_turns_grow_up_to_a_limit() {
        let turns: Vec<_> = (0..400).map(turn).collect();
        assert!(turns.is_sorted(), "a row is never run before one that is above it: {turns:?}");
        let lengths: Vec<_> = turns.chunk_by(|one, next| one == next).map(<[usize]>::len).collect();
        assert_eq!(lengths[..8], [1, 2, 4, 8, 16, 32, ROWS_AT_ONCE, ROWS_AT_ONCE]);
    }
}
