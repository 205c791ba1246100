//! The filters of a test run: `cargo test a b` runs what contains either, as libtest does.

use crate::config::nearest;
use libtest_mimic::{Arguments, Trial};
use std::ffi::OsString;

/// Options of libtest's that take the next argument for their value.
const WITH_VALUE: [&str; 6] = ["--test-threads", "--logfile", "--color", "--format", "--skip", "-Z"];

/// What a test's name must contain, or be if it is `exact`: one of these.
pub(super) struct Filters {
    any: Vec<String>,
    exact: bool,
}

/// Takes the filters out of the arguments of the test program, its own name among them. Ends the program if the rest
/// is not as it should be.
pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> (Arguments, Filters) {
    let (options, any) = split(arguments);
    let parsed = Arguments::from_iter(options);
    let exact = parsed.exact;
    (parsed, Filters { any, exact })
}

fn split(arguments: impl Iterator<Item = OsString>) -> (Vec<OsString>, Vec<String>) {
    let (mut options, mut filters) = (Vec::new(), Vec::new());
    let mut is_value = true;
    let mut only_filters = false;
    for argument in arguments {
        let text = argument.to_string_lossy().into_owned();
        if only_filters || !is_value && !text.starts_with('-') {
            filters.push(text);
        } else if text == "--" {
            only_filters = true;
        } else {
            is_value = !is_value && WITH_VALUE.contains(&text.as_str());
            options.push(argument);
        }
    }
    (options, filters)
}

impl Filters {
    fn admit(&self, name: &str) -> bool {
        self.any.is_empty()
            || self.any.iter().any(|filter| if self.exact { name == filter } else { name.contains(filter) })
    }

    /// Leaves the trials that are asked for. Where a filter finds none and looks like a slip, standard error says so;
    /// where it looks like none, it may be meant for another of cargo's test programs.
    pub(super) fn choose(&self, trials: Vec<Trial>) -> Vec<Trial> {
        for filter in &self.any {
            let alone = Filters { any: vec![filter.clone()], exact: self.exact };
            let parts = trials.iter().flat_map(|trial| trial.name().split("::"));
            if !trials.iter().any(|trial| alone.admit(trial.name()))
                && let Some(meant) = nearest(filter, parts)
            {
                eprintln!("no scenario's test is named `{filter}`; did you mean `{meant}`?");
            }
        }
        trials.into_iter().filter(|trial| self.admit(trial.name())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_words(words: &str) -> (Vec<String>, Vec<String>) {
        let (options, filters) = split(words.split(' ').map(OsString::from));
        (options.into_iter().map(|option| option.to_string_lossy().into_owned()).collect(), filters)
    }

    #[test]
    fn filters_are_what_no_option_takes() {
        let (options, filters) =
            split_words("program one --test-threads 2 two --skip slow --exact three -- --odd");
        assert_eq!(options, ["program", "--test-threads", "2", "--skip", "slow", "--exact"]);
        assert_eq!(filters, ["one", "two", "three", "--odd"]);
        assert_eq!(split_words("program --list --format terse").1, [""; 0]);
        assert_eq!(split_words("program --test-threads=2 one").1, ["one"]);
    }

    #[test]
    fn a_test_that_one_filter_admits_is_run() {
        let admitted = |any: &[&str], exact| {
            let filters = Filters { any: any.iter().map(ToString::to_string).collect(), exact };
            ["a::one", "a::two", "b::one"].into_iter().filter(|name| filters.admit(name)).collect::<Vec<_>>()
        };
        assert_eq!(admitted(&[], false), ["a::one", "a::two", "b::one"]);
        assert_eq!(admitted(&["two", "b::"], false), ["a::two", "b::one"]);
        assert_eq!(admitted(&["one"], true), [""; 0]);
        assert_eq!(admitted(&["a::one", "b::one"], true), ["a::one", "b::one"]);
    }
}
