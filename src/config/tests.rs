use super::*;

fn entries(source: &Source, pairs: &[(&str, &str)]) -> Vec<Entry> {
    let entry = |(name, text): &(&str, &str)| {
        let knob = Knob::of_name(name).expect("a knob");
        Entry { knob, text: (*text).to_owned(), source: source.clone() }
    };
    pairs.iter().map(entry).collect()
}

fn file(text: &str) -> Result<Vec<Entry>, Wrong> {
    read_file(Path::new("selvedge.toml"), text)
}

fn variables(pairs: &[(&str, &str)]) -> Result<Vec<Entry>, Wrong> {
    load::variables(pairs.iter().map(|(name, value)| (name.into(), value.into())))
}

fn shown(config: &Config, name: &str) -> (String, String) {
    let entry = config.entries.iter().find(|entry| entry.knob.name() == name).expect("a knob");
    (entry.text.clone(), entry.set_by())
}

#[track_caller]
fn check(config: &Config, name: &str, text: &str, source: &str) {
    assert_eq!(shown(config, name), (text.to_owned(), source.to_owned()), "{name}");
}

#[test]
fn flags_outdo_variables_and_those_the_file() {
    let text = "# comments stay\n[selvedge]\nseed = 1\nbudget = \"quick\"\njobs = 3\nengine = [\"loom\", \"rc11\"]\n";
    let layers = || {
        let mut layers = file(text).expect("a file");
        layers.extend(
            variables(&[("SELVEDGE_SEED", "2"), ("SELVEDGE_BUDGET", "Thorough"), ("OTHER", "x")])
                .expect("set"),
        );
        layers
    };
    let with_flags =
        |flags| resolve([layers(), entries(&Source::Flag, flags)].concat(), None).expect("in force");
    let config = with_flags(&[("seed", "3")]);
    check(&config, "seed", "3", "--seed");
    check(&config, "budget", "thorough", "SELVEDGE_BUDGET");
    check(&config, "jobs", "3", "selvedge.toml:5");
    check(&config, "engine", "loom,rc11", "selvedge.toml:6");
    check(&config, "executions", "1000000", "budget thorough");
    check(&config, "preemptions", "any", "default");
    assert_eq!(config.settings.budget, Effort::Thorough.budget(3));
    check(&with_flags(&[]), "seed", "2", "SELVEDGE_SEED");
    let of_file = resolve(file(text).expect("a file"), None).expect("in force");
    check(&of_file, "seed", "1", "selvedge.toml:3");
}

#[test]
fn nothing_set_is_the_usual() {
    let config = resolve(Vec::new(), None).expect("in force");
    assert_eq!(config.settings, usual());
    assert!(config.settings.is_of_pages());
    assert_eq!(config.entries.len(), Knob::ALL.len());
    for Entry { knob, source, .. } in &config.entries {
        let usual = if knob.is_part_of_budget() { Source::Effort(Effort::Normal) } else { Source::Default };
        assert_eq!(*source, usual, "{}", knob.name());
        assert!(!knob.unit().is_empty() && !knob.about().is_empty());
    }
}

/// What is printed of each knob sets it to the same again.
#[test]
fn every_knob_is_understood_as_it_is_listed() {
    let pairs = [
        ("engine", "shuttle,threads"),
        ("model", "sc"),
        ("budget", "quick"),
        ("preemptions", "2"),
        ("seed", "18446744073709551615"),
        ("shard", "2/3"),
        ("jobs", "7"),
        ("executions", "10"),
        ("random-executions", "0"),
        ("sampling-ms", "11"),
        ("shrinking-ms", "12"),
        ("stall-ms", "1300"),
        ("wall-ms", "1400"),
        ("memory-mib", "1500"),
        ("format", "json"),
        ("verbose", "true"),
        ("replay", "sv5_x"),
    ];
    assert_eq!(pairs.len(), Knob::ALL.len());
    let config = resolve(entries(&Source::Flag, &pairs), None).expect("in force");
    for (name, text) in pairs {
        check(&config, name, text, &format!("--{name}"));
    }
    let again = resolve(config.entries.clone(), None).expect("in force");
    assert_eq!(again.settings, config.settings);
    assert_ne!(config.settings.budget, usual().budget);
    assert!(config.settings.budget.again);
    let shown = |config: &Config| config.entries.iter().map(|entry| entry.text.clone()).collect::<Vec<_>>();
    assert_eq!(shown(&again), shown(&config));
}

#[test]
fn a_part_of_the_budget_outlives_its_level() {
    let mut layers = file("[selvedge]\nexecutions = 7\n").expect("a file");
    layers.extend(entries(&Source::Flag, &[("budget", "quick")]));
    let settings = resolve(layers, None).expect("in force").settings;
    assert_eq!(settings.budget, Budget { executions: 7, ..Effort::Quick.budget(DEFAULT_SEED) });
    assert!(settings.sets(Knob::Executions) && !settings.sets(Knob::WallMs));
}

#[test]
fn what_is_wrong_is_said_in_a_sentence_with_its_place() {
    let of_file = |text: &str| file(text).and_then(|entries| resolve(entries, None)).map(drop);
    let check = |said: Result<(), Wrong>, words: &str| {
        let said = said.expect_err(words).to_string();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.starts_with(words), "`{words}` is not how this begins:\n{said}");
    };
    let unknown = "selvedge.toml:2: there is no key `buget`; did you mean `budget`?";
    check(of_file("[selvedge]\nbuget = 1\n"), unknown);
    check(
        of_file("[selvedge]\ncolour = 1\n"),
        "selvedge.toml:2: there is no key `colour`; there are `engine`, ",
    );
    check(
        of_file("\n[selvege]\nseed = 1"),
        "selvedge.toml:2: there is no table `[selvege]`; did you mean `[selvedge]`?",
    );
    check(of_file("seed = 1\n"), "selvedge.toml:1: `seed` belongs below a line `[selvedge]`");
    check(of_file("[other]\n"), "selvedge.toml:1: `other` is nothing that this file has");
    check(of_file("selvedge = 1\n"), "selvedge.toml:1: `selvedge` is nothing that this file has");
    check(of_file("[selvedge]\nseed = 1.5\n"), "selvedge.toml:2: `seed` takes a number, a word");
    check(
        of_file("[selvedge]\nseed = -1\n"),
        "selvedge.toml:2: seed = -1: a whole number from 0 on was expected",
    );
    check(of_file("[selvedge]\n\nseed = {\n"), "selvedge.toml:3: ");
    check(of_file("[selvedge]\nseed = 1\nseed = 2\n"), "selvedge.toml:");
    check(
        of_file("[selvedge]\nengine = \"lom\""),
        "selvedge.toml:2: engine = lom: `lom` is no engine: there are rc11, ",
    );
    check(of_file("[selvedge]\nreplay = \"x\""), "selvedge.toml:2: `replay` is for one call");
    check(of_file("[selvedge]\nshard = \"4/3\""), "selvedge.toml:2: shard = 4/3: `4/3` is no shard");
    let of_variable =
        |name, value| variables(&[(name, value)]).and_then(|entries| resolve(entries, None)).map(drop);
    check(
        of_variable("SELVEDGE_BUDGET", "huge"),
        "SELVEDGE_BUDGET=huge: it can be quick, normal or thorough",
    );
    check(
        of_variable("SELVEDGE_BUDGET", "qick"),
        "SELVEDGE_BUDGET=qick: it can be quick, normal or thorough; did you mean quick?",
    );
    check(
        of_variable("SELVEDGE_BUGET", "quick"),
        "SELVEDGE_BUGET: there is no such variable; did you mean SELVEDGE_BUDGET?",
    );
    check(of_variable("SELVEDGE_JOBS", "0"), "SELVEDGE_JOBS=0: a whole number from 1 to 65535 was expected");
    check(of_variable("SELVEDGE_SEED", "+1"), "SELVEDGE_SEED=+1: a whole number from 0 on");
    assert_eq!(of_variable("SELVEDGE_BUDGET", ""), Ok(()), "an empty one sets nothing");
    assert_eq!(of_variable("SELVEDGE_TEST_MARK", "x"), Ok(()), "our own tests' are no knobs");
}

#[test]
fn pages_are_of_what_every_run_sees() {
    let settings =
        |pairs: &[(&str, &str)]| resolve(entries(&Source::Flag, pairs), None).expect("in force").settings;
    assert!(settings(&[("jobs", "1"), ("sampling-ms", "5"), ("verbose", "true")]).is_of_pages());
    assert!(settings(&[("budget", "normal")]).is_of_pages());
    for other in [("budget", "quick"), ("seed", "1"), ("shard", "2/2"), ("engine", "loom"), ("model", "sc")] {
        assert!(!settings(&[other]).is_of_pages(), "{other:?}");
    }
}

#[test]
fn each_shard_and_round_has_a_seed_of_its_own() {
    let mut seeds = std::collections::BTreeSet::new();
    for shard in 1..=8 {
        let settings =
            resolve(entries(&Source::Flag, &[("shard", &format!("{shard}/8"))]), None).expect("in force");
        for round in 0..8 {
            let budget = settings.settings.drawn_in(round, settings.settings.budget);
            assert_eq!(budget.again, (shard, round) != (1, 0));
            assert!(seeds.insert(budget.seed), "{shard}/8, round {round}");
        }
    }
    assert_eq!(seeds.len(), 64);
    assert!(seeds.contains(&DEFAULT_SEED));
}
