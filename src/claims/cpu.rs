//! Work that computes, on several cores: native threads, native processes, CPython.

use super::child::Child;
use super::measure::{Spread, in_turn, ratio, seconds};
use super::plot::Chart;
use super::python;
use super::{Bench, Figure, Finding, Measured, Verdict};
use std::hint::black_box;
use std::thread;

const REPETITIONS: usize = 7;
/// More cores than these tell nothing more.
const CORES: usize = 4;
/// Rounds of [`burn`]: some 20 ms.
const ROUNDS: u64 = 12_000_000;

/// Computes, and touches no memory.
pub(super) fn burn(rounds: u64) -> u64 {
    (0..rounds).fold(black_box(1_u64), |x, round| x.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(round))
}

fn by_threads(workers: usize) -> f64 {
    seconds(|| {
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| black_box(burn(ROUNDS)));
            }
        });
    })
}

fn by_processes(workers: usize) -> anyhow::Result<f64> {
    let work = || {
        black_box(burn(ROUNDS));
        0
    };
    let mut ended = Ok(());
    let spent = seconds(|| {
        ended = (0..workers)
            .map(|_| Child::new(work))
            .collect::<anyhow::Result<Vec<_>>>()
            .and_then(|children| children.into_iter().try_for_each(|child| child.wait().map(drop)));
    });
    ended.map(|()| spent)
}

fn alone(workers: usize) -> f64 {
    seconds(|| {
        (0..workers).for_each(|_| {
            black_box(burn(ROUNDS));
        })
    })
}

/// Of native workers: the curves, and the last points in full.
struct Native {
    curves: [Vec<(f64, f64)>; 2],
    threads: Spread,
    processes: Spread,
    processes_over_threads: Spread,
    workers: usize,
}

fn native() -> anyhow::Result<Native> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(CORES);
    let mut curves = [Vec::new(), Vec::new()];
    let mut last = None;
    for workers in 1..=cores {
        let [alone, threads, processes] = in_turn(
            REPETITIONS,
            [&mut || Ok(alone(workers)), &mut || Ok(by_threads(workers)), &mut || by_processes(workers)],
        )?;
        let speedups = [ratio(&alone, &threads), ratio(&alone, &processes)];
        for (curve, speedup) in curves.iter_mut().zip(&speedups) {
            #[expect(clippy::cast_precision_loss, reason = "a few workers")]
            curve.push((workers as f64, speedup.median));
        }
        last = Some((speedups, ratio(&threads, &processes)));
    }
    let ([threads, processes], processes_over_threads) = last.expect("there is a core");
    Ok(Native { curves, threads, processes, processes_over_threads, workers: cores })
}

pub(super) fn cores(_: &Bench<'_>) -> anyhow::Result<Measured> {
    let native = native()?;
    let scaling = python::scaling();
    let workers = native.workers;
    let mut figures = vec![
        Figure::ratio(format!("native threads, {workers} workers: speed-up"), native.threads),
        Figure::ratio(format!("native processes, {workers} workers: speed-up"), native.processes),
        Figure::ratio("native: speed of processes over that of threads", native.processes_over_threads),
    ];
    figures.extend(python::speedups(&scaling));
    let mut curves: Vec<_> = ["native threads", "native processes"]
        .map(str::to_owned)
        .into_iter()
        .zip(native.curves.clone())
        .collect();
    let mut findings = Vec::new();
    let mut advantage = None;
    let interpreter = "CPython: speed of processes over that of threads";
    match &scaling {
        Ok(scaling) => {
            let last = scaling.workers.len().saturating_sub(1);
            let spread = ratio(&scaling.threads[last], &scaling.processes[last]);
            figures.push(Figure::ratio(interpreter, spread));
            findings.push(Finding::new(scaling.interpreter.name(), true));
            curves.push(("CPython threads".to_owned(), python::curve(scaling, &scaling.threads)));
            curves.push(("CPython processes".to_owned(), python::curve(scaling, &scaling.processes)));
            advantage = Some((spread, scaling.interpreter.lock));
        }
        Err(why) => figures.push(Figure::not_run(interpreter, "times", why)),
    }
    let decided_by = decided_by(&native, &scaling);
    let verdict = verdict(&native, advantage);
    let charts = vec![Chart::curves("scaling", "Work that computes", "workers", "speed-up", curves)];
    Ok(Measured { verdict, decided_by, figures, findings, charts })
}

fn decided_by(native: &Native, scaling: &Result<python::Scaling, String>) -> String {
    let python = match scaling {
        Ok(scaling) => {
            let last = scaling.workers.len().saturating_sub(1);
            let speedup = |samples: &[Vec<f64>]| ratio(&scaling.alone[last], &samples[last]).median;
            let (threads, processes) = (speedup(&scaling.threads), speedup(&scaling.processes));
            format!("CPython {}: threads {threads:.1}, processes {processes:.1}", scaling.interpreter.version)
        }
        Err(why) => format!("CPython: not run: {why}"),
    };
    format!(
        "speed-up by {} workers: native threads {:.1}, native processes {:.1}; {python}",
        native.workers, native.threads.median, native.processes.median
    )
}

/// What native workers and the interpreter (its advantage of processes, and whether it has a lock) decide.
fn verdict(native: &Native, python: Option<(Spread, bool)>) -> Verdict {
    let alike = native.processes_over_threads.above(0.6) && native.processes_over_threads.below(1.6);
    if native.workers < 2 {
        return Verdict::Undecided("there is one core".to_owned());
    }
    if !alike {
        return Verdict::Undecided(
            "native threads and processes differ, or the spread is too wide".to_owned(),
        );
    }
    match python {
        Some((advantage, true)) if advantage.above(1.15) => Verdict::HoldsIf(
            "threads cannot use the cores, as in CPython: native threads scale as well".to_owned(),
        ),
        Some((_, true)) if !native.processes.above(1.3) => {
            Verdict::Undecided("other programs have the second core".to_owned())
        }
        Some((_, true)) => Verdict::Undecided("the spread of CPython's figures is too wide".to_owned()),
        Some((_, false)) | None if native.processes.above(1.3) => {
            Verdict::HoldsIf("threads cannot use the cores: native threads scale as well".to_owned())
        }
        Some((_, false)) | None => Verdict::Undecided("other programs have the second core".to_owned()),
    }
}
