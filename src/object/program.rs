//! Programs: what each actor does to an object.

pub use crate::base::recipe::{MOST_OPERATIONS, MOST_PARTS};
use std::fmt::{self, Debug, Write as _};

/// A program: operations before the actors start, of each actor, and after all of them have ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program<Op> {
    /// Done one after the other, before any actor starts.
    pub prefix: Vec<Op>,
    /// One list for each actor; the actors run side by side.
    pub parts: Vec<Vec<Op>>,
    /// Done one after the other, when all actors have ended.
    pub suffix: Vec<Op>,
}

impl<Op> Program<Op> {
    /// How many operations there are.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.prefix.len() + self.parts.iter().map(Vec::len).sum::<usize>() + self.suffix.len()
    }

    /// The same program with each operation changed.
    pub(super) fn map<T>(&self, mut change: impl FnMut(&Op) -> T) -> Program<T> {
        let mut list = |operations: &Vec<Op>| operations.iter().map(&mut change).collect::<Vec<_>>();
        Program {
            prefix: list(&self.prefix),
            parts: self.parts.iter().map(&mut list).collect(),
            suffix: list(&self.suffix),
        }
    }

    /// Why no engine can run it, if none can.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.parts.is_empty() || self.parts.len() > MOST_PARTS {
            return Some(format!("{} parts; there can be 1 to {MOST_PARTS}", self.parts.len()));
        }
        let lists = self.parts.iter().chain([&self.prefix, &self.suffix]);
        let longest = lists.map(Vec::len).max().unwrap_or(0);
        (longest > MOST_OPERATIONS)
            .then(|| format!("a list of {longest} operations; there can be {MOST_OPERATIONS}"))
    }
}

impl<Op: Debug> Program<Op> {
    /// The program as Rust, for an operation type whose `Debug` is its source.
    #[must_use]
    pub fn as_code(&self) -> String {
        let list = |operations: &Vec<Op>| {
            let all: Vec<_> = operations.iter().map(|op| format!("{op:?}")).collect();
            format!("vec![{}]", all.join(", "))
        };
        let parts: Vec<_> = self.parts.iter().map(list).collect();
        format!(
            "Program {{ prefix: {}, parts: vec![{}], suffix: {} }}",
            list(&self.prefix),
            parts.join(", "),
            list(&self.suffix)
        )
    }
}

/// A, B, C, D.
pub(super) fn actor_name(part: usize) -> String {
    char::from(b'A' + u8::try_from(part % 26).unwrap_or(0)).to_string()
}

/// As a table: the prefix, a column for each actor, the suffix.
impl<Op: Debug> fmt::Display for Program<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |operations: &[Op]| {
            let all: Vec<_> = operations.iter().map(|op| format!("{op:?}")).collect();
            all.join(", ")
        };
        if !self.prefix.is_empty() {
            writeln!(f, "before  {}", list(&self.prefix))?;
        }
        let names = (0..self.parts.len()).map(actor_name);
        let columns: Vec<Vec<String>> = names
            .zip(&self.parts)
            .map(|(name, part)| [name].into_iter().chain(part.iter().map(|op| format!("{op:?}"))).collect())
            .collect();
        let widths: Vec<_> = columns
            .iter()
            .map(|column| column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0))
            .collect();
        for row in 0..columns.iter().map(Vec::len).max().unwrap_or(0) {
            let mut line = String::from("      ");
            for (column, width) in columns.iter().zip(&widths) {
                let cell = column.get(row).map_or("", String::as_str);
                write!(line, "  {cell:<width$}")?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        if !self.suffix.is_empty() {
            writeln!(f, "after   {}", list(&self.suffix))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Program;

    #[test]
    fn a_program_is_a_table_and_is_code() {
        let program =
            Program { prefix: vec![Some(1)], parts: vec![vec![None, Some(20)], vec![None]], suffix: vec![] };
        assert_eq!(
            program.to_string(),
            "before  Some(1)\n        A         B\n        None      None\n        Some(20)\n"
        );
        assert_eq!(
            program.as_code(),
            "Program { prefix: vec![Some(1)], parts: vec![vec![None, Some(20)], vec![None]], suffix: vec![] }"
        );
        assert_eq!(program.operations(), 4);
        assert_eq!(program.fault(), None);
        assert!(Program::<u8> { prefix: vec![], parts: vec![], suffix: vec![] }.fault().is_some());
        assert!(Program { prefix: vec![0; 9], parts: vec![vec![]], suffix: vec![] }.fault().is_some());
    }
}
