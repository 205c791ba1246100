//! The scenarios as tests: one per scenario, design and engine, and one snapshot per scenario.
//!
//! Built on libtest-mimic, so filters, `--list`, `--exact` and cargo-nextest work as for any test.

use super::filters;
use super::register::{self, Registered};
use super::run::run_cell;
use super::worker;
use crate::base::budget::{Budget, Effort};
use crate::base::name::slug;
use crate::config::{self, Knob, Settings};
use crate::registry::{self, Found, Registration};
use crate::report::{Cell, DesignReport, ScenarioReport, snapshot, terminal};
use crate::scenario::{Engine, ErasedDesign};
use crate::verdict::Verdict;
use libtest_mimic::{Failed, Trial};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How long a real engine samples a cell where tests run under the normal budget, in milliseconds: as the main job does
/// where many cells share its time. Tests run often, and wait for nothing else as long.
const SAMPLING_MS: u64 = 20;

/// How long it samples once more if it must see a failure and has not.
const LONGER_MS: u64 = 1_000;

/// Compares a page with the accepted snapshot of this name in this folder, or panics.
pub(crate) type AssertSnapshot = fn(name: &str, folder: &Path, page: &str);

/// Runs the registered scenarios of the package at `manifest_dir` as tests; see
/// [`harness!`](crate::harness).
#[must_use]
pub fn main(
    manifest_dir: &'static str,
    assert_snapshot: fn(name: &str, folder: &Path, page: &str),
) -> ExitCode {
    worker::enter_if_asked();
    let (mut arguments, filters) = filters::parse(std::env::args_os());
    let settings = match config::load(Path::new(manifest_dir), Vec::new()) {
        Ok(config) => config.settings,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    super::slow::say_if_unoptimised();
    let Registered { found, failed } = match register::all() {
        Ok(registered) => registered,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    let files: BTreeSet<_> = registry::registrations().into_iter().map(Registration::file).collect();
    let folder = Path::new(manifest_dir).join("scenarios");
    let mut trials = vec![{
        let folder = folder.clone();
        Trial::test("every_scenario_file_is_compiled_in", move || missing(&folder, &files))
    }];
    for failed in failed {
        let name = format!("{}::registration", failed.name);
        trials.push(Trial::test(name, move || Err(failed.why.into())));
    }
    arguments.test_threads = arguments.test_threads.or(settings.jobs.map(usize::from));
    let cells = Arc::new(Cells { settings, known: Mutex::default() });
    for scenario in found {
        trials.extend(trials_of(Arc::new(scenario), &cells, folder.join("snapshots"), assert_snapshot));
    }
    if let Some(threads) = arguments.test_threads {
        super::seat::limit(threads);
    }
    libtest_mimic::run(&arguments, filters.choose(trials)).exit_code()
}

/// A file that lies in the folder, or in one below it, but registers nothing would silently not run: the worst
/// of bugs.
fn missing(folder: &Path, registered: &BTreeSet<String>) -> Result<(), Failed> {
    let entries = |folder: &Path| -> Result<Vec<PathBuf>, String> {
        let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
    };
    let mut files = entries(folder)?;
    for below in files.clone().iter().filter(|path| path.is_dir()) {
        files.extend(entries(below)?);
    }
    let absent = |file: &PathBuf| {
        // Two folders may have files of one name: the path from the scenario folder on is what counts.
        let below = file.strip_prefix(folder).unwrap_or(file).display();
        let path = format!("scenarios/{below}");
        file.extension().is_some_and(|extension| extension == "rs")
            && !registered.iter().any(|known| known.ends_with(&path))
    };
    let absent: Vec<_> = files.into_iter().filter(absent).map(|file| file.display().to_string()).collect();
    if absent.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}: no scenario of this file is compiled in. Does it call `selvedge::scenario!`, and does build.rs \
         print `cargo::rerun-if-changed=scenarios`?",
        absent.join(", ")
    )
    .into())
}

fn trials_of(
    scenario: Arc<Found>,
    cells: &Arc<Cells>,
    snapshots: PathBuf,
    assert_snapshot: AssertSnapshot,
) -> Vec<Trial> {
    let designs = 0..scenario.scenario.designs.len();
    let engines = cells.engines();
    let mut all: Vec<_> =
        designs.flat_map(|design| engines.iter().map(move |engine| (design, *engine))).collect();
    // Checkers run side by side and real engines alone: they had better not take turns.
    all.sort_by_key(|(_, engine)| !engine.is_checker());
    let mut trials = Vec::new();
    for (design, engine) in all {
        let name = test_name(&scenario.name, &scenario.scenario.designs[design].name, engine.name());
        let (scenario, cells) = (Arc::clone(&scenario), Arc::clone(cells));
        trials.push(Trial::test(name, move || {
            let mut cell = cells.get(&scenario, design, engine);
            if engine != Engine::Rc11 && cell.judgement.as_expected == Some(false) {
                cell.hold_against(&cells.get(&scenario, design, Engine::Rc11).judgement);
            }
            verdict_is_as_expected(&scenario.scenario.designs[design], &cell)
        }));
    }
    // The pages are those of the usual knobs; others explore more or less, or elsewhere, and say so.
    if cells.settings.is_of_pages() {
        let cells = Arc::clone(cells);
        trials.push(Trial::test(format!("{}::snapshot", scenario.name), move || {
            is_text(&snapshots.join(format!("{}.snap", scenario.name)))?;
            assert_snapshot(&scenario.name, &snapshots, &snapshot::render(&cells.report(&scenario)));
            Ok(())
        }));
    }
    trials
}

/// A page that is damaged is for its reader to see to: it would be taken for none, and another written in its place.
fn is_text(page: &Path) -> Result<(), Failed> {
    match std::fs::read(page) {
        Ok(bytes) if std::str::from_utf8(&bytes).is_err() => {
            let what = "text in UTF-8 was expected, and there are bytes that are none";
            Err(format!("{}: {what}: restore it, or remove it to have it written anew", page.display())
                .into())
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// `shared_counter::load_then_store::loom`.
fn test_name(scenario: &str, design: &str, engine: &str) -> String {
    format!("{scenario}::{}::{engine}", slug(design))
}

fn verdict_is_as_expected(design: &ErasedDesign, cell: &Cell) -> Result<(), Failed> {
    if cell.judgement.as_expected == Some(true) {
        return Ok(());
    }
    let report = DesignReport::new(design, vec![cell.clone()]);
    let words = terminal::cell_in_words(&report, cell);
    Err(anstream::adapter::strip_str(&words).to_string().into())
}

/// Scenario, place of the design in it, and engine.
type CellName = (String, usize, Engine);

/// Every cell is executed once per process, whichever test asks first.
struct Cells {
    settings: Settings,
    known: Mutex<HashMap<CellName, Arc<OnceLock<Cell>>>>,
}

impl Cells {
    fn get(&self, found: &Found, design: usize, engine: Engine) -> Cell {
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry((found.name.clone(), design, engine)).or_default())
        };
        slot.get_or_init(|| self.run(found, &found.scenario.designs[design], engine)).clone()
    }

    fn run(&self, found: &Found, design: &ErasedDesign, engine: Engine) -> Cell {
        let budget = self.budget();
        let cell = run_cell(found, design, engine, budget, &|_| ());
        let missed = cell.must_see && cell.judgement.verdict == Verdict::Safe;
        if !missed || budget.sampling_ms >= LONGER_MS {
            return cell;
        }
        run_cell(found, design, engine, Budget { sampling_ms: LONGER_MS, ..budget }, &|_| ())
    }

    fn budget(&self) -> Budget {
        let budget = self.settings.budget;
        match self.settings.effort {
            Effort::Normal if !self.settings.sets(Knob::SamplingMs) => {
                Budget { sampling_ms: SAMPLING_MS, ..budget }
            }
            _ => budget,
        }
    }

    fn engines(&self) -> Vec<Engine> {
        let engines = self.settings.engines_of_model();
        if engines.is_empty() { Engine::ALL.to_vec() } else { engines }
    }

    fn report(&self, found: &Found) -> ScenarioReport {
        let mut report = ScenarioReport::new(found);
        for (index, design) in found.scenario.designs.iter().enumerate() {
            let cells = Engine::ALL.map(|engine| self.get(found, index, engine)).to_vec();
            report.designs.push(DesignReport::new(design, cells));
        }
        report
    }
}

/// Makes a test target of the scenarios in the package's `scenarios` folder.
///
/// Put it into `tests/scenarios.rs`, and into `Cargo.toml`:
/// ```toml
/// [[test]]
/// name = "scenarios"
/// harness = false
/// ```
/// with a `build.rs` that prints `cargo::rerun-if-changed=scenarios`, so that cargo notices new files. A folder
/// in that folder is a chapter; where there are chapters, they are named, and all files lie in them:
/// ```text
/// selvedge::harness!(
///     basics: "scenarios/basics",
///     locks: "scenarios/locks",
/// );
/// ```
#[macro_export]
macro_rules! harness {
    () => {
        #[path = "../scenarios"]
        mod scenarios {
            $crate::__private::automod::dir!("scenarios");
        }

        $crate::harness!(@main);
    };
    ($($chapter:ident: $folder:literal),+ $(,)?) => {
        #[path = "../scenarios"]
        mod scenarios {
            $(mod $chapter {
                $crate::__private::automod::dir!($folder);
            })+
        }

        $crate::harness!(@main);
    };
    (@main) => {
        fn main() -> ::std::process::ExitCode {
            $crate::harness!(@run)
        }
    };
    (@run) => {
        $crate::__private::harness_main(env!("CARGO_MANIFEST_DIR"), |name, folder, page| {
            let mut settings = $crate::__private::insta::Settings::clone_current();
            settings.set_snapshot_path(folder);
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.bind(|| $crate::__private::insta::assert_snapshot!(name, page));
        })
    };
}
