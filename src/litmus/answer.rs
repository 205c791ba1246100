//! What a litmus file says its own answers are, in a comment that begins with `answers`:
//!
//! ```text
//! (* answers
//!    rc11: allowed, 4 states
//!    sc: forbidden, 3 states
//!    loom: allowed, 4 states; it takes SeqCst accesses as acquire and release
//!    from: Lahav et al., PLDI 2017, section 1
//! *)
//! ```
//! A line is for a memory model (`rc11`, `sc`) or for one engine that differs from its model, then with the
//! reason. It says how often the condition's proposition is true (`forbidden` never, `allowed` sometimes,
//! `always`) and how many final states there are, or that there is a data race and so nothing else to say.

use super::condition::Frequency;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `rc11`, `sc`, the name of an engine, or `from` and `note`, which state nothing.
    pub of: String,
    /// What it states.
    pub statement: Statement,
    /// Why an engine differs; or the text of `from` and `note`.
    pub reason: String,
}

/// What a model says of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Some execution has a data race.
    Race,
    /// None has one, and how they end.
    States {
        /// Of how many final states the proposition is true.
        frequency: Frequency,
        /// How many final states there are.
        count: usize,
    },
    /// Nothing: a remark.
    Remark,
}

/// Reads a comment. `None` if it states no answers.
///
/// # Errors
/// With the line in the comment, from 0, and what was expected there.
pub(super) fn read(comment: &str) -> Result<Option<Vec<Answer>>, (usize, String)> {
    let mut lines = comment.lines().enumerate();
    let first = lines.next().map_or("", |(_, line)| line.trim());
    if first != "answers" {
        return Ok(None);
    }
    let mut answers: Vec<Answer> = Vec::new();
    for (number, line) in lines {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        answers.push(one(line).map_err(|expected| (number, expected))?);
    }
    Ok(Some(answers))
}

fn one(line: &str) -> Result<Answer, String> {
    let expected = || "`model: answer`, as in `rc11: allowed, 4 states`".to_owned();
    let (of, text) = line.split_once(':').ok_or_else(expected)?;
    let (of, text) = (of.trim().to_owned(), text.trim());
    if of == "from" || of == "note" {
        return Ok(Answer { of, statement: Statement::Remark, reason: text.to_owned() });
    }
    let (stated, reason) = text.split_once(';').unwrap_or((text, ""));
    let statement = match stated.split_once(',') {
        None if stated.trim() == "race" => Statement::Race,
        None => {
            return Err("`race`, or a frequency and a number of states, as in `allowed, 4 states`".to_owned());
        }
        Some((frequency, count)) => {
            Statement::States { frequency: frequency_of(frequency)?, count: count_of(count)? }
        }
    };
    Ok(Answer { of, statement, reason: reason.trim().to_owned() })
}

fn frequency_of(word: &str) -> Result<Frequency, String> {
    match word.trim() {
        "forbidden" => Ok(Frequency::Never),
        "allowed" => Ok(Frequency::Sometimes),
        "always" => Ok(Frequency::Always),
        other => Err(format!("`forbidden`, `allowed` or `always`, not `{other}`")),
    }
}

fn count_of(text: &str) -> Result<usize, String> {
    let number = text.trim().strip_suffix("states").or_else(|| text.trim().strip_suffix("state"));
    let number = number.and_then(|number| number.trim().parse().ok());
    number.ok_or_else(|| format!("a number of states, as in `4 states`, not `{}`", text.trim()))
}
