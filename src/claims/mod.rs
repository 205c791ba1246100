//! The thirteen statements about threads and processes that the project began from, put to the test.
//!
//! Each is measured on the machine that this runs on, with repetitions. A verdict follows from ratios with wide
//! margins, or from observations that are either so or not; where the spread allows no verdict, it says
//! "undecided here". Limits: Linux; the figures are of this machine, this hour and this program (a fork copies its
//! page tables), and nothing here tells why a statement was made.
//!
//! The process that measures has one thread whenever it forks: each measurement ends the threads that it starts.

mod child;
mod combined;
mod cost;
mod cpu;
mod measure;
pub(crate) mod plot;
mod python;
mod races;
mod render;
mod shape;
mod waiting;

pub(crate) use races::{Books, Judged};
pub(crate) use render::{explanation, json, row};

use measure::Spread;
use serde::Serialize;

/// How a statement turned out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "word", content = "because")]
pub(crate) enum Verdict {
    /// It holds as it stands.
    Holds,
    /// It holds under this condition.
    HoldsIf(String),
    /// It does not hold.
    DoesNotHold,
    /// The figures of this run do not allow a verdict, for this reason.
    Undecided(String),
}

/// A quantity that was measured, or why it was not.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    what: String,
    /// `times` for a ratio, else a unit.
    unit: &'static str,
    #[serde(flatten)]
    reading: Reading,
}

/// What a measurement gave.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Reading {
    /// Median and quartiles.
    Measured(Spread),
    /// Nothing, for this reason.
    NotRun(String),
}

/// Something that is so or is not.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    what: String,
    so: bool,
}

/// What one statement's measurement gave.
#[derive(Clone, Debug)]
struct Measured {
    verdict: Verdict,
    /// The figure or observation that decides, in a sentence.
    decided_by: String,
    figures: Vec<Figure>,
    findings: Vec<Finding>,
    charts: Vec<plot::Chart>,
}

/// A statement with what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) number: usize,
    statement: &'static str,
    explained: &'static str,
    more: &'static str,
    measured: Measured,
}

impl Row {
    /// The charts that belong to the statement.
    pub(crate) fn charts(&self) -> &[plot::Chart] {
        &self.measured.charts
    }
}

/// What a measurement may need.
pub(crate) struct Bench<'a> {
    /// The scenarios of this program, and how to run them.
    pub(crate) books: &'a dyn Books,
}

/// A statement and how it is put to the test.
struct Statement {
    words: &'static str,
    explained: &'static str,
    more: &'static str,
    measure: fn(&Bench<'_>) -> anyhow::Result<Measured>,
}

/// How many statements there are.
pub(crate) const COUNT: usize = STATEMENTS.len();

/// The words of a statement, numbered from 1.
pub(crate) fn words(number: usize) -> &'static str {
    STATEMENTS[number - 1].words
}

/// Puts a statement, numbered from 1, to the test. One that the machine refuses to measure is undecided.
pub(crate) fn measure(number: usize, bench: &Bench<'_>) -> Row {
    let Statement { words, explained, more, measure } = &STATEMENTS[number - 1];
    let measured = measure(bench).unwrap_or_else(|error| Measured {
        verdict: Verdict::Undecided(format!("not measured: {error:#}")),
        decided_by: "nothing was measured".to_owned(),
        figures: Vec::new(),
        findings: Vec::new(),
        charts: Vec::new(),
    });
    Row { number, statement: words, explained, more, measured }
}

static STATEMENTS: [Statement; 13] = [
    Statement {
        words: "Threads run inside one process",
        explained: "A thread is scheduled on its own (it has an id of its own) but belongs to a process: one \
            process id, one address space, one table of files. An address means the same to all of them.",
        more: "selvedge show process_isolation",
        measure: shape::one_process,
    },
    Statement {
        words: "All threads of a process share its memory",
        explained: "What one thread writes, another reads at the same address. A forked process has a copy; it \
            shares what was mapped as shared, and nothing else. Seeing a write in order is another matter: \
            that takes release and acquire.",
        more: "selvedge show message_passing; selvedge show shared_counter",
        measure: shape::shared_memory,
    },
    Statement {
        words: "A thread has no call stack of its own",
        explained: "Each thread has a stack: a range of addresses that overlaps no other thread's, and a depth of \
            its own. What is shared is the address space that the stacks lie in, so that another thread can read \
            a local variable through a reference, which is what scoped threads are for.",
        more: "selvedge claims 8",
        measure: shape::thread_stacks,
    },
    Statement {
        words: "Threads cost less to create and to communicate between",
        explained: "A thread needs a stack and a kernel task; a fork also copies page tables, and a program is \
            loaded and linked. Memory that is shared anyway needs no kernel to carry a word, so a round trip \
            through it costs a fraction of one through a pipe. Where a receiver sleeps, waking it is the price, \
            and a channel pays that as a pipe does. Memory is proportional set size; what the kernel keeps is \
            not in it.",
        more: "selvedge claims 9; selvedge claims --plot DIR",
        measure: cost::threads_cost_less,
    },
    Statement {
        words: "Threads suit work that waits",
        explained: "A thread that waits takes no core, so as many waits overlap as there are threads. Processes \
            overlap as well; they take longer to start, and more memory while they wait.",
        more: "selvedge claims 10",
        measure: waiting::overlapped,
    },
    Statement {
        words: "Processes are independent instances of a program",
        explained: "What a thread does to its process, all threads of it meet: a crash, an exit, another working \
            directory, a signal's disposition, the environment. A forked process has its own of each.",
        more: "selvedge show process_isolation; selvedge show crash_contained",
        measure: shape::independent,
    },
    Statement {
        words: "Each process has its own memory",
        explained: "After a fork the same address holds a copy; a write by either is the other's no longer. A \
            mapping made as shared is the exception that one asks for.",
        more: "selvedge show shared_mapping",
        measure: shape::own_memory,
    },
    Statement {
        words: "Each process has its own call stack",
        explained: "A fork copies the stack with all else: the local variable of the same address is another one.",
        more: "selvedge claims 3",
        measure: shape::process_stacks,
    },
    Statement {
        words: "Processes cost more to create and to communicate between",
        explained: "Creating: as in statement 4. Communicating: what goes through the kernel costs; a word in a \
            shared mapping costs two processes what it costs two threads.",
        more: "selvedge claims 4; selvedge claims --plot DIR",
        measure: cost::processes_cost_more,
    },
    Statement {
        words: "Processes suit CPU-bound work",
        explained: "They do, and so do native threads: both use every core. In CPython one thread at a time runs \
            byte code (but for free-threaded builds), so that there processes are the way to use the cores.",
        more: "selvedge claims 13; selvedge claims --plot DIR",
        measure: cpu::cores,
    },
    Statement {
        words: "Threads are light, but exposed to races",
        explained: "Where memory is shared, each access that is not ordered is a bug that may never show. The \
            designs of the shipped scenarios with isolated memory have no data race: there is nothing to race \
            for.",
        more: "selvedge run shared_counter; selvedge list",
        measure: races::exposed,
    },
    Statement {
        words: "Processes isolate, at the price of communication",
        explained: "The same job by both: workers that send many small messages to one that adds them up. Through \
            pipes each message is a call of the kernel. Then one of four workers crashes: of threads nothing is \
            left, of processes the other three's work.",
        more: "selvedge show crash_contained",
        measure: combined::price_of_isolation,
    },
    Statement {
        words: "A combination of both is often best, and an interpreter lock is why",
        explained: "Work that computes and waits wants cores and overlap. Native threads give both. In CPython \
            threads give overlap and processes give cores, so that a few processes of a few threads beat either \
            alone. The lock is no protection: it can be released between the byte codes of `x += f()`.",
        more: "selvedge show interpreter_lock",
        measure: combined::both,
    },
];
