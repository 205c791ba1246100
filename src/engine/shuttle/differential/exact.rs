//! The same programs on the exact engine: under sequential consistency it sees what the reduced search sees, in as many
//! executions where both count the same classes, and under RC11 it sees all of that, too.
//!
//! Two searches that share no code check each other, on locks, channels, heap and all. `SELVEDGE_EXACT_PROGRAMS` says
//! how many programs there are to be, instead of a few hundred.

use super::program::{FAMILIES, Family, Program, programs, programs_of_atomics};
use super::{End, TooMany, ends, over};
use crate::engine::shuttle::reduced::Reduced;
use crate::engine::shuttle::search::Counters;
use crate::explore::rc11::Model;
use crate::rt::Checker;
use crate::rt::context::{self, Context};
use crate::rt::execution;
use crate::rt::rc11::{self, Explorer};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// The environment variable for the number of programs.
const PROGRAMS: &str = "SELVEDGE_EXACT_PROGRAMS";

/// Executions under either engine after which a program is left out: in `cargo test` fewer.
fn too_many() -> u64 {
    if std::env::var_os(PROGRAMS).is_some() { 3_000 } else { 300 }
}

/// All ends of a program's executions under the exact engine, and how many there were. `None` if there are too many.
fn explore(program: &Program, model: Model) -> Result<Option<(BTreeSet<End>, u64)>, String> {
    crate::rt::panics::install_once();
    let mut explorer = Explorer::new(model);
    let (mut found, mut executions, mut runs) = (BTreeSet::new(), 0, 0);
    loop {
        let values = Arc::new(Mutex::new(None));
        let main = {
            let (program, values) = (program.clone(), Arc::clone(&values));
            Box::new(move || {
                execution::begin();
                let seen = program.execute();
                rc11::wait_for_others();
                *values.lock().unwrap() = Some(seen);
                execution::end();
            })
        };
        let entered = context::enter(Context::Model(Checker::Rc11));
        let end = explorer.execute(main);
        drop(entered);
        let Some(end) = end else { return Ok(Some((found, executions))) };
        runs += 1;
        if runs > 10 * too_many() {
            return Ok(None);
        }
        found.insert(match end {
            rc11::End::Complete => End::Values(values.lock().unwrap().take().ok_or("no values")?),
            rc11::End::Deadlock => End::Deadlock,
            rc11::End::Race(_) => End::Race,
            rc11::End::Failed(payload) => {
                End::Other(crate::rt::panics::text(payload.as_ref()).unwrap_or("?").to_owned())
            }
            rc11::End::Dropped | rc11::End::Unseen => continue,
            rc11::End::Endless => return Err("no program has a loop".to_owned()),
            rc11::End::Trouble(trouble) => return Err(format!("{trouble:?}")),
            rc11::End::Restart => {
                explorer.restart();
                found.clear();
                executions = 0;
                continue;
            }
        });
        executions += 1;
    }
}

/// The same under shuttle's reduced search, redundant executions left out of the number.
fn reduce(program: &Program) -> Option<(BTreeSet<End>, u64)> {
    let counters = Arc::<Counters>::default();
    let scheduler = Reduced::new(too_many(), None, Arc::clone(&counters), None);
    let left = scheduler.left();
    let too_many = TooMany { executions: usize::MAX, failures: 100 };
    let found = ends(program, scheduler, too_many, &counters);
    let state = left.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    let started = counters.started.load(Ordering::Relaxed);
    let raced = found.contains(&End::Race);
    (raced || state.complete).then(|| (found, started - state.progress().redundant))
}

/// What was compared so far.
#[derive(Default, Debug)]
struct Tally {
    programs: usize,
    /// Programs whose numbers of executions were compared.
    counted: usize,
    /// Programs whose ends were compared under both models.
    synchronised: usize,
    deadlocks: usize,
    races: usize,
    executions: u64,
    /// Ends that only the weaker model allows.
    weak: usize,
    families: [usize; FAMILIES.len()],
}

/// Compares the engines on a program. `Ok(false)` if it is left out.
fn compare(program: &Program, tally: &mut Tally) -> Result<bool, String> {
    // The exact engine ends an execution at its first race.
    let mut program = program.clone();
    program.options.past_races = false;
    let program = &program;
    let Some((reduced, classes)) = reduce(program) else { return Ok(false) };
    let Some((sc, executions)) = explore(program, Model::Sc)? else { return Ok(false) };
    let Some((rc11, _)) = explore(program, Model::Rc11)? else { return Ok(false) };
    // A race ends the reduced search: what else there is was not looked for.
    let raced = reduced.contains(&End::Race);
    if raced != sc.contains(&End::Race) || (!raced && sc != reduced) {
        let missed: Vec<_> = reduced.difference(&sc).collect();
        let made_up: Vec<_> = sc.difference(&reduced).collect();
        return Err(format!("under sequential consistency: missed {missed:?}, made up {made_up:?}"));
    }
    if !raced && program.is_of_atomics() {
        tally.counted += 1;
        if executions != classes {
            return Err(format!("{executions} executions, and {classes} for the reduced search"));
        }
    }
    // An execution with a race is over there, also where others would go on.
    if let Some(missed) = sc.iter().find(|end| !raced && !rc11.contains(end)) {
        return Err(format!("under RC11: missed {missed:?}"));
    }
    if program.is_synchronised() {
        tally.synchronised += 1;
        if rc11 != sc {
            return Err(format!("RC11 allows more: {:?}", rc11.difference(&sc).collect::<Vec<_>>()));
        }
    }
    tally.programs += 1;
    tally.deadlocks += usize::from(sc.contains(&End::Deadlock));
    tally.races += usize::from(raced);
    tally.executions += executions;
    tally.weak += rc11.difference(&sc).count();
    for (count, family) in tally.families.iter_mut().zip(FAMILIES) {
        *count += usize::from(program.has(family));
    }
    Ok(true)
}

impl Tally {
    /// Sees to it that the programs were of all kinds.
    fn check(&self, wanted: usize) {
        assert_eq!(self.programs, wanted);
        let left_out = [Family::PastRaces];
        let families = self.families.iter().zip(FAMILIES).filter(|(_, family)| !left_out.contains(family));
        for (count, family) in families {
            assert!(count * 25 >= wanted, "only {count} of {wanted} programs are about {family:?}");
        }
        assert!(self.synchronised * 20 >= wanted, "{self:?}");
        assert!(self.deadlocks * 20 >= wanted && self.races * 50 >= wanted, "{self:?}");
        assert!(self.executions >= 5 * wanted as u64 && self.weak > 0, "{self:?}");
    }
}

/// How many programs there are to be, `by_default` if nothing is asked for.
fn wanted(by_default: u32) -> u32 {
    let asked = std::env::var(PROGRAMS).ok().and_then(|number| number.parse().ok());
    asked.unwrap_or(by_default)
}

/// Compares the engines on so many programs.
fn compare_all(wanted: u32, programs: impl Strategy<Value = Program>) -> Tally {
    let tally = RefCell::new(Tally::default());
    let result = over(wanted, 0x2a, &programs, |program| compare(program, &mut tally.borrow_mut()));
    let tally = tally.into_inner();
    if let Err(error) = result {
        panic!("after {} programs: {error}", tally.programs);
    }
    println!("{tally:?}");
    tally
}

#[test]
fn the_exact_engine_sees_what_the_reduced_search_sees() {
    let wanted = wanted(300);
    compare_all(wanted, programs()).check(wanted as usize);
}

#[test]
fn both_searches_make_as_many_executions() {
    let wanted = wanted(300);
    let tally = compare_all(wanted, programs_of_atomics());
    assert_eq!(tally.counted, wanted as usize);
    assert!(tally.executions >= 15 * u64::from(wanted), "{tally:?}");
}
