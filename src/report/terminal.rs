//! The matrix in a terminal: a row per design, a column per engine, then a paragraph per failing design.
//!
//! Every function returns text with ANSI styles; the caller strips them where they are not wanted.

use super::matrix::{Matrix, USUAL};
use super::phrase::{self, executions, forbidden, thousands};
use super::{Cell, DesignReport, Report, ScenarioReport, plain, selection, sentence};
use crate::base::outcome::OutcomeCount;
use crate::base::witness::Witness;
use crate::report::selection::Shown;
use crate::scenario::Engine;
use crate::verdict::{EvidenceKind, Opinion, Verdict};
use crate::witness::table;
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

const STRONG: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const FAILS: Style = AnsiColor::Yellow.on_default();
const WRONG: Style = AnsiColor::Red.on_default().bold();
const OPEN: Style = AnsiColor::Magenta.on_default();

/// A text of others or of ours in a style: no control character of the text's own comes through.
fn styled(style: Style, text: &str) -> String {
    format!("{style}{}{style:#}", plain::plain_lines(text))
}

/// All of a scenario; `verbose` with every outcome and what the workers printed.
pub(crate) fn scenario(scenario: &ScenarioReport, width: usize, verbose: bool) -> String {
    let engines = scenario.designs.first().into_iter().flat_map(|design| &design.cells);
    let engines: Vec<_> = engines.map(|cell| cell.engine).collect();
    let widest = scenario.designs.iter().map(|design| design.name.chars().count()).max().unwrap_or(0);
    let matrix = Matrix::new(width, widest, engines.len());
    let mut text = head(&scenario.name, &scenario.question, &matrix, &engines, width);
    for design in &scenario.designs {
        text += &row(design, &matrix);
        if verbose {
            text += &details(design, width);
        }
    }
    text + &foot(scenario, width)
}

/// The head of a scenario's matrix.
pub(crate) fn head(name: &str, question: &str, matrix: &Matrix, engines: &[Engine], width: usize) -> String {
    let (name, question) = (plain::name(name), plain::plain(question));
    let beside = name.chars().count() + 2 + question.chars().count() <= width;
    let question =
        if beside { format!("  {question}\n") } else { format!("\n{}", wrapped(&question, 2, width)) };
    format!("{}{question}\n{}", styled(STRONG, &name), matrix.head(engines, FAINT))
}

/// One row of the matrix.
pub(crate) fn row(design: &DesignReport, matrix: &Matrix) -> String {
    matrix.row(design, style)
}

fn style(cell: &Cell) -> Style {
    match (cell.judgement.as_expected, cell.judgement.verdict) {
        (Some(false), _) => WRONG,
        (None, _) => OPEN,
        (_, Verdict::NotApplicable) => FAINT,
        (_, Verdict::Safe) => GOOD,
        _ => FAILS,
    }
}

/// What follows a scenario's matrix: a paragraph per failing or unexpected design, and what did not run.
pub(crate) fn foot(scenario: &ScenarioReport, width: usize) -> String {
    let mut text = String::new();
    for design in scenario.designs.iter().filter(|design| needs_words(design)) {
        let _ = write!(text, "\n{}", styled(STRONG, &wrapped(&headline(design), 2, width)));
        for (engines, words) in grouped(design) {
            let _ = write!(text, "{}", wrapped(&format!("{engines}: {words}"), 4, width));
        }
        for line in selection::differences(design) {
            let _ = write!(text, "{}", wrapped(&line, 4, width));
        }
        for witness in selection::witnesses(design) {
            let _ = write!(text, "\n{}", witness.render_within(width));
            if !witness.witness.token.is_empty() {
                let token = styled(FAINT, &format!("selvedge replay {}", witness.witness.token));
                let _ = writeln!(text, "{token}");
            }
            if design.cells.iter().any(|cell| cell.judgement.as_expected == Some(false)) {
                text += &of_program(witness.witness, width);
            }
        }
    }
    let asides = phrase::not_applicable(scenario).into_iter().chain(phrase::misses(scenario));
    for (place, paragraph) in asides.enumerate() {
        text += if place == 0 { "\n" } else { "" };
        text += &styled(FAINT, &wrapped(&paragraph, 2, width));
    }
    text += &phrase::in_practice(scenario, width);
    text
}

fn needs_words(design: &DesignReport) -> bool {
    design.failed() || design.cells.iter().any(|cell| cell.judgement.as_expected != Some(true))
}

pub(super) fn headline(design: &DesignReport) -> String {
    let seen = if design.cells.iter().any(|cell| cell.judgement.as_expected == Some(false)) {
        "not as expected"
    } else if design.cells.iter().any(|cell| cell.judgement.as_expected.is_none()) {
        "inconclusive"
    } else {
        "as expected"
    };
    format!("{}: expected {}, {seen}", design.name, design.expected)
}

/// What each engine has to say, engines that say the same together.
fn grouped(design: &DesignReport) -> Vec<(String, String)> {
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    for cell in &design.cells {
        let Some(words) = words(design, cell) else { continue };
        match groups.iter_mut().find(|(_, known)| *known == words) {
            Some((engines, _)) => engines.push(cell.engine.name()),
            None => groups.push((vec![cell.engine.name()], words)),
        }
    }
    groups.into_iter().map(|(engines, words)| (engines.join(", "), words)).collect()
}

/// What a reader should know of a cell beyond its verdict, if anything.
pub(super) fn words(design: &DesignReport, cell: &Cell) -> Option<String> {
    let judgement = &cell.judgement;
    let mut words = match judgement.verdict {
        Verdict::NotApplicable => return None,
        Verdict::Safe if judgement.as_expected == Some(true) && cell.expected_because.is_none() => {
            return None;
        }
        Verdict::Safe => clean(cell),
        Verdict::Forbidden if cell.engine.is_checker() => format!("{}{}", phrase::failure(cell), share(cell)),
        Verdict::Forbidden => selection::sightings(design, cell).join("; "),
        Verdict::Inconclusive => format!("inconclusive: {}", phrase::failure(cell)),
        Verdict::DataRace if cell.observation.raced > 0 => format!(
            "data race, in {} of {}: {}",
            thousands(cell.observation.raced),
            executions(judgement.evidence.executions),
            phrase::failure(cell)
        ),
        verdict => format!(
            "{}, in execution {}: {}",
            verdict.word(),
            thousands(judgement.evidence.executions),
            phrase::failure(cell)
        ),
    };
    if judgement.as_expected == Some(false) {
        let _ = write!(words, "; {} was expected{}", cell.expected, perhaps(cell));
    }
    if let Some(reason) = &cell.expected_because {
        let _ = write!(words, "; expected here: {reason}");
    }
    match cell.opinion {
        Some(Opinion::Refuted) if judgement.verdict.is_failure() => {
            words += "; rc11 shows that this cannot happen"
        }
        Some(Opinion::Confirmed) if judgement.verdict.is_failure() => words += "; rc11 confirms it",
        _ => {}
    }
    for caveat in sentence::caveats(cell).filter(|_| cell.expected_because.is_none()) {
        let _ = write!(words, "; {caveat}");
    }
    Some(words)
}

/// Where a failure was expected, and was not found by a search that was not of everything.
pub(super) fn perhaps(cell: &Cell) -> &'static str {
    let partial = cell.judgement.evidence.kind != EvidenceKind::Exhaustive;
    if cell.judgement.verdict == Verdict::Safe && partial { ", and a larger budget may show it" } else { "" }
}

fn share(cell: &Cell) -> String {
    let (bad, all) = forbidden(cell);
    format!(", in {} of {}", thousands(bad), executions(all))
}

fn clean(cell: &Cell) -> String {
    let evidence = &cell.judgement.evidence;
    let how = match (evidence.kind, sentence::explored(&evidence.exploration)) {
        (EvidenceKind::Exhaustive, _) => "exhaustive".to_owned(),
        (EvidenceKind::Bounded, Some(by)) => format!("bounded by {by}"),
        (_, Some(by)) => format!("sampled by {by}"),
        (kind, None) => format!("{kind:?}").to_lowercase(),
    };
    let redundant = match evidence.redundant {
        0 => String::new(),
        redundant => format!(", and {} redundant", thousands(redundant)),
    };
    format!("safe, {how} ({}{redundant})", executions(evidence.executions))
}

/// The last lines of a run.
pub(crate) fn summary(report: &Report, seconds: f64, width: usize) -> String {
    let tally = report.tally();
    let designs: usize = report.scenarios.iter().map(|scenario| scenario.designs.len()).sum();
    let designs = if designs == 1 { "1 design".to_owned() } else { format!("{designs} designs") };
    let counts = [
        (tally.unexpected, WRONG, "not as expected"),
        (tally.inconclusive, OPEN, "inconclusive"),
        (tally.broken, WRONG, "where the harness failed"),
        (tally.not_applicable, FAINT, "not applicable"),
    ];
    let mut parts = vec![(GOOD, format!("{} as expected", tally.as_expected))];
    let counted = counts.into_iter().filter(|(count, ..)| *count > 0);
    parts.extend(counted.map(|(count, style, what)| (style, format!("{count} {what}"))));
    parts.push((Style::new(), format!("in {seconds:.1} s")));
    let mut text = listed(&format!("{designs}: "), &parts, width);
    for (scenario, design, cell) in report.cells() {
        if cell.judgement.as_expected == Some(false) {
            let words = format!(
                "! {} / {} on {}: {}, but {} was expected{}",
                plain::name(&scenario.name),
                plain::name(&design.name),
                cell.engine,
                cell.judgement.verdict.word(),
                cell.expected,
                perhaps(cell)
            );
            text += &wrapped(&words, 2, width).replacen('!', &styled(WRONG, "!"), 1);
        }
    }
    text
}

/// Parts with commas between them, on as many lines as they take.
fn listed(head: &str, parts: &[(Style, String)], width: usize) -> String {
    let (mut text, mut at) = (head.to_owned(), head.chars().count());
    for (number, (style, part)) in parts.iter().enumerate() {
        let comma = usize::from(number + 1 < parts.len());
        if number > 0 && at + 1 + part.chars().count() + comma > width {
            text += "\n  ";
            at = 2;
        } else if number > 0 {
            text.push(' ');
            at += 1;
        }
        text += &styled(*style, part);
        text += &","[..comma];
        at += part.chars().count() + comma;
    }
    text + "\n"
}

/// An execution that was replayed.
pub(crate) fn replayed(witness: &Witness, width: usize) -> String {
    format!("{}{}", styled(STRONG, &wrapped(&sentence::shown(witness), 0, width)), drawn(witness, width))
}

/// As [`replayed`], without styles.
pub(crate) fn plainly_replayed(witness: &Witness) -> String {
    format!("{}{}", wrapped(&sentence::shown(witness), 0, USUAL), drawn(witness, USUAL))
}

fn drawn(witness: &Witness, width: usize) -> String {
    format!("\n{}{}", execution(witness, width), of_program(witness, width))
}

/// A witness's table, below the program if that was generated, and what it comes to: without control characters.
pub(super) fn execution(witness: &Witness, width: usize) -> String {
    let program = witness.program.as_ref().map(|program| format!("{}\n", program.table)).unwrap_or_default();
    let table = table::within(witness, width);
    plain::plain_lines(&format!("{program}{table}")) + &wrapped(&witness.conclusion, 0, width)
}

/// What else there is to say of a generated program: its history, and a test to paste.
fn of_program(witness: &Witness, width: usize) -> String {
    let Some(program) = &witness.program else { return String::new() };
    let history = program.history.as_ref().map(|history| format!("\n{history}")).unwrap_or_default();
    let above = wrapped("a test to paste, which fails for as long as this program does:", 0, width);
    plain::plain_lines(&format!("{history}\n{above}\n{}", program.test))
}

/// What the marks and words of the matrix mean.
pub(crate) fn legend(width: usize) -> String {
    let words = "all N: every execution of the model, N of them · bound N: every one within a bound · may miss N: all N that \
                 loom has, and the language may have more · run N: found in execution N · N runs: executions of \
                 generated programs · a number alone: samples, and % of them that fail · n/N: executions that fail · \
                 n/a: not applicable · ! not as expected · ? inconclusive";
    styled(FAINT, &wrapped(words, 0, width))
}

/// Every outcome of a design with its count, and what its workers printed.
pub(crate) fn details(design: &DesignReport, width: usize) -> String {
    let mut text = String::new();
    for cell in design.cells.iter().filter(|cell| cell.judgement.verdict != Verdict::NotApplicable) {
        let evidence = match cell.judgement.verdict {
            Verdict::Safe => format!(": {}", clean(cell)),
            _ => String::new(),
        };
        text += &wrapped(&format!("{} in {:.2} s{evidence}", cell.engine, cell.seconds()), 4, width);
        for outcome in &cell.observation.outcomes {
            text += &counted(outcome, width);
        }
        for line in cell.log.lines() {
            let _ = writeln!(text, "      | {}", plain::plain(line));
        }
    }
    text
}

/// An outcome with its grade and how often it was seen, in one line if it fits.
fn counted(outcome: &OutcomeCount, width: usize) -> String {
    let grade = format!("{:?}", outcome.grade).to_lowercase();
    let count = thousands(outcome.count);
    let (value, sentence) = (plain::plain(&outcome.value), plain::plain(&outcome.sentence));
    let line = format!("      {value:<16} {grade:<11} {count:>14}  {sentence}");
    if line.chars().count() <= width {
        return format!("{line}\n");
    }
    let (value, above) = match value.chars().count() {
        ..=16 => (value, String::new()),
        _ => (String::new(), wrapped(&value, 6, width)),
    };
    let line = format!("      {value:<16} {grade:<11} {count:>14}");
    let below = above.is_empty() || line.chars().count() + 2 + sentence.chars().count() > width;
    let sentence =
        if below { format!("\n{}", wrapped(&sentence, 8, width)) } else { format!("  {sentence}\n") };
    format!("{above}{line}{sentence}")
}

/// One cell in words, for a test that fails.
pub(crate) fn cell_in_words(design: &DesignReport, cell: &Cell) -> String {
    let words = words(design, cell).unwrap_or_else(|| phrase::failure(cell));
    let mut text = wrapped(&format!("{} on {}: {words}", design.name, cell.engine), 0, USUAL);
    for witness in cell.observation.witnesses.iter().take(1) {
        let _ = write!(text, "\n{}", Shown { witness, engines: vec![cell.engine] }.render());
        let _ = writeln!(text, "replay it in a test: selvedge::replay(\"{}\")", witness.token);
        text += &of_program(witness, USUAL);
    }
    text += &details(design, USUAL);
    text
}

/// Breaks a paragraph into lines of at most `width` characters, indented; if at all, later lines by two more.
pub(crate) fn wrapped(paragraph: &str, indent: usize, width: usize) -> String {
    let mut text = String::new();
    let mut line = " ".repeat(indent);
    let mut empty = true;
    let paragraph = plain::plain(paragraph);
    for word in paragraph.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > width {
            let _ = writeln!(text, "{line}");
            line = " ".repeat(if indent == 0 { 0 } else { indent + 2 });
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(text, "{line}");
    text
}
