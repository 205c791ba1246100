//! `selvedge check`: log files in, verdicts out.

mod page;

use super::{ALL_AS_EXPECTED, Format, INCONCLUSIVE, INTERNAL, UNEXPECTED, USAGE, fail, fail_to_print, file};
use crate::linearizability::log::{self, Log, Options};
use crate::linearizability::models::{
    Bank, Counter, Function, Keyed, Mutex, Pairs, Queue, Ready, Register, Registers, Set, Stack,
};
use crate::linearizability::{Answer, Checker, Criterion, Value, Violation};
use clap::{Args, ValueEnum};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 every history meets the criterion, 1 one does not, 2 wrong usage or a malformed \
                        log, 3 one could not be decided within its bounds, 4 a page could not be written."
)]
pub(super) struct Arguments {
    /// Logs to check, each a history of its own; `-` is the standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What the history is held against
    #[arg(long, value_enum)]
    model: ModelName,
    /// What it starts with, as JSON: a value, a list, or a map
    #[arg(long, value_name = "JSON")]
    initial: Option<String>,
    /// What an order has to respect
    #[arg(long, value_enum, default_value_t)]
    criterion: CriterionName,
    /// Give up on a file after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    timeout: f64,
    /// Give up on a file beyond so many mebibytes
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    memory: u32,
    /// How the logs are written [default: by how they begin]
    #[arg(long, value_enum)]
    log: Option<LogFormat>,
    /// What the log calls an operation, and what that is: `--map fetch=read`; can be given several times
    #[arg(long, value_name = "NAME=OPERATION", value_parser = mapping)]
    map: Vec<(String, Function)>,
    /// Values are pairs of a key and a value, each key an object of its own
    #[arg(long)]
    keyed_values: bool,
    /// How to print the verdicts
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Also write the history as a page for a browser; with one file only
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ModelName {
    /// read, write
    Register,
    /// read, write, cas
    CasRegister,
    /// txn of reads and writes
    MultiRegister,
    /// read (get), write (put), append, cas, by key
    KeyValue,
    /// enqueue, dequeue
    Queue,
    /// push, pop
    Stack,
    /// add, remove, contains, read
    Set,
    /// acquire, release
    Mutex,
    /// add, read
    Counter,
    /// transfer, read
    Bank,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum CriterionName {
    /// What returned before another was called comes before it
    #[default]
    Linearizability,
    /// Each client's operations stay in their order
    SequentialConsistency,
    /// Order counts across moments when nothing is in flight
    QuiescentConsistency,
    /// Transactions in any order
    Serializability,
    /// Linearizability, and what a crash cut off took effect before it or never
    DurableLinearizability,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// JSON lines
    Json,
    /// Histories of Jepsen and Knossos
    Edn,
    /// Lines of Jepsen's console
    Console,
}

impl CriterionName {
    fn criterion(self) -> Criterion {
        match self {
            CriterionName::Linearizability => Criterion::Linearizable,
            CriterionName::SequentialConsistency => Criterion::SequentiallyConsistent,
            CriterionName::QuiescentConsistency => Criterion::QuiescentlyConsistent,
            CriterionName::Serializability => Criterion::Serializable,
            CriterionName::DurableLinearizability => Criterion::DurablyLinearizable,
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().replace('-', " ")).unwrap_or_default()
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds".to_owned())?;
    (seconds > 0.0 && seconds <= 1e9).then_some(seconds).ok_or_else(|| "above 0 and at most 1e9".to_owned())
}

fn mapping(text: &str) -> Result<(String, Function), String> {
    let (theirs, ours) = text.split_once('=').ok_or("NAME=OPERATION")?;
    let function = Function::named(ours).ok_or_else(|| format!("no operation is called `{ours}`"))?;
    Ok((theirs.to_owned(), function))
}

/// A file and what became of it.
struct Checked {
    file: String,
    log: Log,
    answer: Answer,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    if arguments.html.is_some() && arguments.files.len() > 1 {
        return fail(USAGE, &"a page shows one history: --html takes one FILE");
    }
    if let Some(Err(wrong)) = arguments.html.as_deref().map(file::check_writable) {
        return fail(INTERNAL, &wrong);
    }
    let mut all = Vec::new();
    for file in &arguments.files {
        match check(arguments, file) {
            Ok(checked) => all.push(checked),
            Err(wrong) => return fail(USAGE, &wrong),
        }
    }
    if let (Some(path), [checked]) = (&arguments.html, all.as_slice()) {
        let page = page::page(&checked.file, &arguments.criterion.name(), &checked.log, &checked.answer);
        if let Err(error) = file::write(path, page.as_bytes()) {
            return fail(INTERNAL, &error);
        }
    }
    let text = match arguments.format {
        Format::Terminal => all.iter().map(|checked| in_words(checked, arguments.criterion)).collect(),
        Format::Json => json(&all, arguments.criterion),
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::from(exit_code(&all)),
        Err(error) => fail_to_print(&error),
    }
}

fn exit_code(all: &[Checked]) -> u8 {
    if all.iter().any(|checked| checked.answer.is_violation()) {
        UNEXPECTED
    } else if all.iter().any(|checked| matches!(checked.answer, Answer::Unknown(_))) {
        INCONCLUSIVE
    } else {
        ALL_AS_EXPECTED
    }
}

fn check(arguments: &Arguments, file: &Path) -> Result<Checked, String> {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let text = read(file, &name)?;
    let format = match arguments.log {
        Some(LogFormat::Json) => log::Format::Json,
        Some(LogFormat::Edn) => log::Format::Edn,
        Some(LogFormat::Console) => log::Format::Console,
        None => log::Format::of(&text).ok_or_else(|| {
            format!("{name}: line 1: a log was expected that begins as JSON, EDN or `INFO  jepsen.util` does")
        })?,
    };
    let options = Options { names: arguments.map.clone(), keyed_values: arguments.keyed_values };
    let log = log::read(&text, format, &options).map_err(|wrong| format!("{name}: {wrong}"))?;
    let initial = match &arguments.initial {
        None => Value::Nil,
        Some(json) => json.parse().map_err(|error| format!("--initial is no JSON: {error}"))?,
    };
    let answer = match arguments.model {
        ModelName::Register | ModelName::CasRegister => against::<Register>(arguments, &log, initial),
        ModelName::MultiRegister => against::<Registers>(arguments, &log, initial),
        ModelName::KeyValue => against::<Pairs>(arguments, &log, initial),
        ModelName::Queue => against::<Queue>(arguments, &log, initial),
        ModelName::Stack => against::<Stack>(arguments, &log, initial),
        ModelName::Set => {
            let mut sorted = log.clone();
            sorted.order_lists();
            against::<Set>(arguments, &sorted, initial)
        }
        ModelName::Mutex => against::<Mutex>(arguments, &log, initial),
        ModelName::Counter => against::<Counter>(arguments, &log, initial),
        ModelName::Bank => against::<Bank>(arguments, &log, initial),
    };
    match answer {
        Ok(answer) => Ok(Checked { file: name, log, answer }),
        Err(wrong) => Err(wrong.replace("FILE", &name)),
    }
}

/// The text of a file, or what is wrong with it.
fn read(file: &Path, name: &str) -> Result<String, String> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = bytes.map_err(|error| format!("cannot read {name}: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("{name}: line {line}: text in UTF-8 was expected, and there are bytes that are none")
    })
}

fn against<R: Ready>(arguments: &Arguments, log: &Log, initial: Value) -> Result<Answer, String> {
    log.suits::<R>().map_err(|wrong| format!("FILE: {wrong}"))?;
    let start = R::start(initial).map_err(|fits| format!("--initial has to be {fits} for this model"))?;
    let checker = Checker::new()
        .criterion(arguments.criterion.criterion())
        .timeout(Duration::from_secs_f64(arguments.timeout))
        .memory((arguments.memory as usize) << 20);
    Ok(checker.check(&Keyed::new(start), &log.history))
}

/// The name of a client, with its number among those of one name.
fn client(log: &Log, number: usize) -> String {
    let name = &log.clients[number];
    let earlier = log.clients[..number].iter().filter(|other| *other == name).count();
    if earlier == 0 { format!("client {name}") } else { format!("client {name} ({})", earlier + 1) }
}

fn in_words(checked: &Checked, criterion: CriterionName) -> String {
    let Checked { file, log, answer } = checked;
    let operations = log.history.operations();
    let pending = operations.iter().filter(|operation| operation.returned.is_none()).count();
    let verdict = match answer {
        Answer::Linearizable(_) => format!("meets {}", criterion.name()),
        Answer::NotLinearizable(_) => format!("violates {}", criterion.name()),
        Answer::Unknown(reason) => format!("unknown: {reason}"),
    };
    let mut text = format!(
        "{file}: {verdict} ({} operations of {} clients, {pending} never returned, {} failed and were left out, {} notes)\n",
        operations.len(),
        log.clients.len(),
        log.failed,
        log.notes.len()
    );
    if let Answer::NotLinearizable(violation) = answer {
        text += &violation.explain_with_names(&log.history, |number| client(log, number));
        if let Some(window) = &violation.window {
            text += &format!("It was called in line {} of the log.\n", log.lines[window.broken]);
        }
    }
    text
}

fn json(all: &[Checked], criterion: CriterionName) -> String {
    let of = |checked: &Checked| {
        let Checked { file, log, answer } = checked;
        let operations = log.history.operations();
        let (verdict, reason) = match answer {
            Answer::Linearizable(_) => ("ok", None),
            Answer::NotLinearizable(_) => ("violation", None),
            Answer::Unknown(reason) => ("unknown", Some(reason.to_string())),
        };
        let violation = match answer {
            Answer::NotLinearizable(violation) => Some(violation_in_json(log, violation)),
            _ => None,
        };
        serde_json::json!({
            "file": file,
            "verdict": verdict,
            "reason": reason,
            "operations": operations.len(),
            "pending": operations.iter().filter(|operation| operation.returned.is_none()).count(),
            "failed": log.failed,
            "clients": log.clients.len(),
            "notes": log.notes.len(),
            "violation": violation,
        })
    };
    let histories: Vec<_> = all.iter().map(of).collect();
    let document = serde_json::json!({ "version": 1, "criterion": criterion.name(), "histories": histories });
    format!("{document:#}\n")
}

/// Operations are named by the lines of their calls.
fn violation_in_json(log: &Log, violation: &Violation) -> serde_json::Value {
    let line = |place: &usize| log.lines[*place];
    let window = violation.window.as_ref().map(|window| {
        serde_json::json!({
            "broken": line(&window.broken),
            "operations": window.operations.iter().map(line).collect::<Vec<_>>(),
            "settled": window.settled,
            "situations": window.situations,
            "situation_count": window.situation_count,
        })
    });
    let longest = violation.longest.iter().map(|(order, stuck)| {
        serde_json::json!({ "order": order.iter().map(line).collect::<Vec<_>>(), "stuck": line(stuck) })
    });
    serde_json::json!({
        "window": window,
        "no_window": violation.no_window.map(|reason| reason.to_string()),
        "longest": longest.collect::<Vec<_>>(),
        "left_out": violation.left_out,
        "explanation": violation.explain_with_names(&log.history, |number| client(log, number)),
    })
}
