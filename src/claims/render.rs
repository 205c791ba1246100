//! Rows as text and as JSON. Pure: what was measured goes in, text comes out.

use super::{Figure, Reading, Row, Verdict};
use crate::report::wrapped;
use serde_json::{Value, json};
use std::fmt::Write as _;

const WIDTH: usize = 100;

/// The verdict as a reader reads it.
fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Holds => "holds".to_owned(),
        Verdict::HoldsIf(condition) => format!("holds if {condition}"),
        Verdict::DoesNotHold => "does not hold".to_owned(),
        Verdict::Undecided(why) => format!("undecided here: {why}"),
    }
}

/// One statement in the table.
pub(crate) fn row(row: &Row) -> String {
    let mut text = format!("{:>2}  {}\n", row.number, row.statement);
    text += &wrapped(&verdict(&row.measured.verdict), 4, WIDTH);
    text += &wrapped(&row.measured.decided_by, 6, WIDTH);
    text += &wrapped(&format!("more: {}", row.more), 6, WIDTH);
    text
}

/// One statement with all that was measured.
pub(crate) fn explanation(row: &Row) -> String {
    let mut text = format!("{}  {}\n\n", row.number, row.statement);
    text += &wrapped(&verdict(&row.measured.verdict), 2, WIDTH);
    text += &wrapped(&row.measured.decided_by, 2, WIDTH);
    let _ = writeln!(text, "\n{}", wrapped(row.explained, 2, WIDTH).trim_end());
    if !row.measured.figures.is_empty() {
        text += "\n  measured (median, and the quartiles around it)\n";
        row.measured.figures.iter().for_each(|measured| text += &figure(measured));
    }
    if !row.measured.findings.is_empty() {
        text += "\n  observed\n";
        for finding in &row.measured.findings {
            let mark = if finding.so { "yes" } else { "NO" };
            let _ = writeln!(text, "    {mark:<4} {}", finding.what);
        }
    }
    let _ = writeln!(text, "\n  more: {}", row.more);
    text
}

fn figure(figure: &Figure) -> String {
    match &figure.reading {
        Reading::Measured(spread) => format!(
            "    {:<62} {:>9} {} ({} to {}, {} repetitions)\n",
            figure.what,
            number(spread.median),
            figure.unit,
            number(spread.lower_quartile),
            number(spread.upper_quartile),
            spread.repetitions
        ),
        Reading::NotRun(why) => format!("    {:<62} not run: {why}\n", figure.what),
    }
}

/// Three significant digits or so.
fn number(number: f64) -> String {
    match number.abs() {
        large if large >= 100.0 => format!("{number:.0}"),
        middle if middle >= 10.0 => format!("{middle:.1}"),
        small => format!("{small:.2}"),
    }
}

/// All rows as one document.
pub(crate) fn json(rows: &[Row]) -> Value {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "number": row.number,
                "statement": row.statement,
                "verdict": row.measured.verdict,
                "decided_by": row.measured.decided_by,
                "figures": row.measured.figures,
                "observed": row.measured.findings,
                "explained": row.explained,
                "more": row.more,
            })
        })
        .collect();
    json!({ "version": 1, "claims": rows })
}

#[cfg(test)]
mod tests {
    use super::super::measure::Spread;
    use super::super::{COUNT, Finding, Measured, STATEMENTS};
    use super::*;

    /// A row with figures that no machine has measured.
    fn shown(number: usize, verdict: Verdict) -> Row {
        let statement = &STATEMENTS[number - 1];
        let figures = vec![
            Figure::ratio("one over the other", Spread::of(vec![1.0, 2.0, 4.0])),
            Figure::not_run("CPython", "times", "no python3"),
        ];
        let findings = vec![Finding::new("it was seen", true), Finding::new("it was not seen", false)];
        let decided_by = "one is 2.0 times the other".to_owned();
        Row {
            number,
            statement: statement.words,
            explained: statement.explained,
            more: statement.more,
            measured: Measured { verdict, decided_by, figures, findings, charts: Vec::new() },
        }
    }

    #[test]
    fn the_form_of_statements_and_verdicts() {
        let verdicts = [
            Verdict::Holds,
            Verdict::HoldsIf("the condition is met".to_owned()),
            Verdict::DoesNotHold,
            Verdict::Undecided("the spread is too wide".to_owned()),
        ];
        let mut page: String = (1..=COUNT)
            .map(|number| row(&shown(number, verdicts[number % verdicts.len()].clone())))
            .collect();
        page += &format!("\n{}", explanation(&shown(4, Verdict::Holds)));
        for (place, statement) in STATEMENTS.iter().enumerate() {
            assert!(page.contains(&format!("{:>2}  {}\n", place + 1, statement.words)), "{page}");
        }
        let lines = [
            "    holds\n",
            "    holds if the condition is met\n",
            "    does not hold\n",
            "    undecided here: the spread is too wide\n",
            "      one is 2.0 times the other\n",
            "2.00 times (1.50 to 3.00, 3 repetitions)\n",
            "not run: no python3\n",
            "    NO   it was not seen\n",
        ];
        for line in lines {
            assert!(page.contains(line), "`{line}` is not in\n{page}");
        }
    }
}
