//! Which of some names was meant.

/// The name that is the fewest edits away from what was written, if they are few enough for a slip of the hand: a
/// third of the letters.
pub(crate) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &str| edits(&written.to_lowercase(), &name.to_lowercase());
    let (distance, name) = names.map(|name| (distance(name), name)).min()?;
    (distance <= 1.max(written.chars().count().max(name.chars().count()) / 3)).then_some(name)
}

/// Letters put in, left out, changed, or swapped with a neighbour: the optimal string alignment distance (Damerau, "A
/// Technique for Computer Detection and Correction of Spelling Errors", CACM 7(3), 1964).
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<_>, Vec<_>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=from.len() {
        for j in 1..=to.len() {
            let changed = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_through_and_other_words_are_not() {
        let names = || ["budget", "seed", "jobs", "sampling-ms", "wall-ms"].into_iter();
        let check = |written, name| assert_eq!(nearest(written, names()), name, "{written}");
        check("buget", Some("budget"));
        check("bugdet", Some("budget"));
        check("BUDGET", Some("budget"));
        check("seeds", Some("seed"));
        check("sampling_ms", Some("sampling-ms"));
        check("job", Some("jobs"));
        check("colour", None);
        check("", None);
        assert_eq!(nearest("x", std::iter::empty()), None);
    }

    #[test]
    fn edits_are_counted_as_the_paper_does() {
        for (from, to, count) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 1)] {
            assert_eq!((edits(from, to), edits(to, from)), (count, count), "{from} {to}");
        }
    }
}
