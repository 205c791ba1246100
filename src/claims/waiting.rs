//! Waits that overlap.

use super::child::Child;
use super::measure::{Spread, in_turn, ratio, seconds};
use super::plot::Chart;
use super::{Bench, Figure, Measured, Verdict};
use std::thread;
use std::time::Duration;

/// How long each waits: as for a disk that turns, or a server far away.
const WAIT: Duration = Duration::from_millis(20);
const REPETITIONS: usize = 3;
const WAITERS: [u32; 5] = [1, 4, 16, 64, 256];

fn by_threads(waiters: u32) -> f64 {
    seconds(|| {
        thread::scope(|scope| {
            for _ in 0..waiters {
                scope.spawn(|| thread::sleep(WAIT));
            }
        });
    })
}

fn by_processes(waiters: u32) -> anyhow::Result<f64> {
    let mut ended = Ok(());
    let spent = seconds(|| {
        ended = (0..waiters)
            .map(|_| {
                Child::new(|| {
                    thread::sleep(WAIT);
                    0
                })
            })
            .collect::<anyhow::Result<Vec<_>>>()
            .and_then(|children| children.into_iter().try_for_each(|child| child.wait().map(drop)));
    });
    ended.map(|()| spent)
}

pub(super) fn overlapped(_: &Bench<'_>) -> anyhow::Result<Measured> {
    let mut figures = Vec::new();
    let mut curves = [Vec::new(), Vec::new()];
    let mut most = None;
    for waiters in WAITERS {
        let [threads, processes] =
            in_turn(REPETITIONS, [&mut || Ok(by_threads(waiters)), &mut || by_processes(waiters)])?;
        let alone = vec![WAIT.as_secs_f64() * f64::from(waiters); REPETITIONS];
        let overlap = [ratio(&alone, &threads), ratio(&alone, &processes)];
        for ((who, overlap), curve) in ["threads", "processes"].iter().zip(overlap).zip(&mut curves) {
            let waits = if waiters == 1 { "wait" } else { "waits" };
            figures.push(Figure::ratio(
                format!("{waiters} {waits} by {who}: one after the other over overlapped"),
                overlap,
            ));
            curve.push((f64::from(waiters), overlap.median));
        }
        most = Some((overlap, ratio(&processes, &threads)));
    }
    let ([threads, processes], dearer) = most.expect("there are numbers of waiters");
    figures.push(Figure::ratio("256 waits: time of processes over threads", dearer));
    Ok(Measured {
        verdict: verdict(&threads),
        decided_by: format!(
            "256 waits of 20 ms overlap {:.0} times by threads, {:.0} times by processes",
            threads.median, processes.median
        ),
        figures,
        findings: Vec::new(),
        charts: vec![Chart::curves(
            "waits",
            "Waits of 20 ms that overlap",
            "waits",
            "one after the other / overlapped",
            ["threads", "processes"].map(str::to_owned).into_iter().zip(curves).collect(),
        )],
    })
}

fn verdict(overlap: &Spread) -> Verdict {
    if overlap.above(8.0) {
        Verdict::Holds
    } else if overlap.below(2.0) {
        Verdict::DoesNotHold
    } else {
        Verdict::Undecided("the overlap is between 2 and 8 times".to_owned())
    }
}
