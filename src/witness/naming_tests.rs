//! Names that are found, and names that are rightly not.

use super::naming::{Known, labels, name_of};
use proptest::prelude::*;
use std::collections::HashSet;

/// Looks for the name of what is made where `▸` stands.
#[track_caller]
fn check<'a>(marked: &str, expected: impl Into<Option<&'a str>>) {
    let at = marked.find('▸').expect("a mark");
    let before = &marked[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let found = name_of(&marked.replace('▸', ""), line.try_into().unwrap(), column.try_into().unwrap());
    assert_eq!(found.as_deref(), expected.into(), "{marked}");
}

#[test]
fn variables() {
    check("let flag = ▸AtomicBool::new(false);", "flag");
    check("fn f() { let mut flag = ▸AtomicBool::new(false); }", "flag");
    check("let flag: AtomicBool = ▸AtomicBool::new(false);", "flag");
    check("let map: HashMap<u32, [AtomicBool; 2]> = ▸HashMap::new();", "map");
    check("let it: Box<dyn Fn(u32) -> u32> = ▸make(1);", "it");
    check("let flag = Arc::new(▸AtomicBool::new(false));", "flag");
    check("let flag = ▸Arc::new(AtomicBool::new(false));", "flag");
    check("let flag = std::sync::Arc::new(CachePadded::new(Mutex::new(▸AtomicBool::new(false))),);", "flag");
    check("let flag = Some(Box::new(▸AtomicBool::new(false)));", "flag");
    check("let flag = Arc::<AtomicBool>::new(▸AtomicBool::new(false));", "flag");
    check("let head = ▸AtomicPtr::<Node>::new(null_mut());", "head");
    check("let head = ▸<AtomicU32 as Default>::default();", "head");
    check("let head = ▸sync::AtomicU32::new(0);", "head");
    check("let head = sync::atomic::▸AtomicU32::new(0);", "head");
    check("let head = &mut ▸AtomicU32::new(0);", "head");
    check("let head = (▸AtomicU32::new(0));", "head");
    check("let r#type = ▸AtomicU32::new(0);", "type");
    check("let größe = /* ö */ ▸AtomicU32::new(0);", "größe");
    check("let flag =\n    // why\n    Arc::new(\n        ▸AtomicBool::new(false),\n    );", "flag");
    check("if ready { flag = ▸AtomicBool::new(false); }", "flag");
    check("if let x = y { f(); } flag = ▸AtomicBool::new(false);", "flag");
    check("let slot: [u8; { N }] = ▸make();", "slot");
    check("self.flag = ▸AtomicBool::new(false);", "flag");
    check("{ self.inner.flag = Some(▸AtomicBool::new(false)) }", "flag");
    check("*slot = ▸AtomicBool::new(false);", "slot");
}

#[test]
fn fields_and_statics() {
    check("Flagged { ready: ▸AtomicBool::new(false), data: Plain::new(0) }", "ready");
    check("Flagged { ready: AtomicBool::new(false), data: ▸Plain::new(0) }", "data");
    check("Lock { first: Mutex::new(0), .. , second: Arc::new(▸Mutex::new((0, 1))) }", "second");
    check("Lock {\n    // the first\n    #[cfg(test)]\n    first: ▸Mutex::new(0),\n}", "first");
    check("let lock = Lock { first:\n ▸Mutex::new(0) };", "first");
    check("static NAME: LazyLock<Mutex<u32>> = ▸LazyLock::new(|| Mutex::new(0));", "NAME");
    check("static NAME: LazyLock<Mutex<u32>> = LazyLock::new(|| ▸Mutex::new(0));", "NAME");
    check("lazy_static! { static ref NAME: Mutex<u32> = ▸Mutex::new(0); }", "NAME");
    check("const EMPTY: AtomicU32 = ▸AtomicU32::new(0);", "EMPTY");
}

#[test]
fn places_in_arrays_and_tuples() {
    check("let slots = [AtomicU32::new(0), ▸AtomicU32::new(f(1, 2))];", "slots[1]");
    check("Ring { slots: [▸AtomicU32::new(0), AtomicU32::new(0)] }", "slots[0]");
    check("let slots = vec![AtomicU32::new(0), ▸AtomicU32::new(0)];", "slots[1]");
    check("let slots = Arc::new([▸AtomicU32::new(0)]);", "slots[0]");
    check("let slots = [▸AtomicU32::new(0); 4];", "slots");
    check("let pair = (AtomicU32::new(0), ▸AtomicU32::new(0));", "pair.1");
    check("let pair = (▸AtomicU32::new(0), 1);", "pair.0");
    check("let pair = (1, [▸AtomicU32::new(0), AtomicU32::new(1)]);", "pair.1[0]");
}

#[test]
fn what_the_actors_call_the_state() {
    check("Design::new(|| ▸AtomicU32::new(0)).actors(2, |n| n.store(n.load(Relaxed) + 1, Relaxed))", "n");
    check("Design::new(|| Mutex::new(▸Plain::new(0))).actors(2, |n: &Mutex<Plain<u32>>| {})", "n");
    check(
        "Design::new(|| ▸AtomicU32::new(0)).expect(f(|x| x)).actor(\"A\", a).observe(|n, _| n.load(Relaxed))",
        "n",
    );
    check(
        "Design::new(|| (AtomicBool::new(false), ▸Plain::new(0))).actor(\"A\", move |(flag, data)| {})",
        "data",
    );
    check("Design::new(|| (AtomicBool::new(false), ▸Plain::new(0))).actor(\"A\", |s| {})", "s.1");
    check(
        "Design::new(|| [▸Mutex::new(0), Mutex::new(0)]).actor(\"A\", a).observe(|&[first, second], _| {})",
        "first",
    );
    check(
        "Design::new(|| (unbounded(), ▸Plain::new(0))).actors(2, |((s, _), _)| {}).actor(\"C\", |((_, r), n)| {})",
        "n",
    );
    check("Design::new(|| ([▸A::new(0), A::new(1)], 7)).actors(2, |([a, b], c)| {})", "a");
    check(
        "fn made() -> (A, [B; 2]) { (▸A::new(0), 1) } fn f() { Design::new(made).actors(2, |(a, b)| {}) }",
        "a",
    );
    check(
        "fn made() -> (A, [B; 2]) { (▸A::new(0), 1) } fn f() { Design::new(other).actors(2, |(a, b)| {}) }",
        None,
    );
    check("fn made() -> A { ▸A::new(0); x } fn f() { Design::new(made).actors(2, |a| {}) }", None);
    check("Design::new(|| ▸AtomicU32::new(0)).actors(2, |_| {})", None);
    check("Design::new(|| ▸AtomicU32::new(0)).actors(2, |(a, b)| {})", None);
    check("Design::new(|| (▸A::new(0), 1)).actors(2, |[a, b]| {})", None);
    check("Design::new(|| (1, ▸A::new(0))).actors(2, |(.., b)| {})", None);
    check("Design::new(|| ▸AtomicU32::new(0)).actors(2, a).must_see(|n| n)", None);
    check("r#self = let ▸AtomicU32::new(0)", None);
    check("Other::new(|| ▸AtomicU32::new(0)).actors(2, |n| n)", None);
}

/// Of every scenario file, the names of what is made at a call of `new`.
#[test]
fn the_shipped_scenarios_have_names() {
    let check = |source: &str, expected: &[&str]| {
        let mut names = Vec::new();
        for (number, line) in source.lines().enumerate() {
            for (at, _) in line.match_indices("::new(") {
                let start =
                    line[..at].rfind(|letter: char| !letter.is_alphanumeric()).map_or(0, |before| before + 1);
                let column = line[..start].chars().count() + 1;
                names.extend(name_of(
                    source,
                    u32::try_from(number + 1).unwrap(),
                    u32::try_from(column).unwrap(),
                ));
            }
        }
        names.dedup();
        assert_eq!(names, expected);
    };
    check(include_str!("../../scenarios/locks/lock_order.rs"), &["first", "second"]);
    check(
        include_str!("../../scenarios/basics/message_passing.rs"),
        &["ready", "payload", "ready", "payload", "shared"],
    );
    check(include_str!("../../scenarios/processes/process_isolation.rs"), &["word"]);
}

#[test]
fn no_name_where_none_stands() {
    check("▸AtomicU32::new(0)", None);
    check("fn f() -> AtomicU32 { ▸AtomicU32::new(0) }", None);
    check("Design::new(|| ▸AtomicU32::new(0))", None);
    check("Design::new(|| (▸AtomicBool::new(false), Plain::new(0)))", None);
    check("Design::new(|| [Mutex::new(0), ▸Mutex::new(0)])", None);
    check("let design = Design::new(|| ▸AtomicU32::new(0));", None);
    check("let all = (0..4).map(|_| ▸AtomicU32::new(0)).collect();", None);
    check("let all = from_fn(|x| ▸AtomicU32::new(x));", None);
    check("let x = start(▸AtomicU32::new(0));", None);
    check("let x = start(1, ▸AtomicU32::new(0));", None);
    check("let x = Both::new(▸AtomicU32::new(0), 1);", None);
    check("let x = Arc::new_cyclic(▸AtomicU32::new(0), 1);", None);
    check("let x = match y { _ => ▸AtomicU32::new(0) };", None);
    check("let x = if y { ▸AtomicU32::new(0) } else { z };", None);
    check("let (x, y) = (▸AtomicU32::new(0), AtomicU32::new(0));", None);
    check("let Some(x) = Some(▸AtomicU32::new(0)) else {};", None);
    check("let _ = ▸AtomicU32::new(0);", None);
    check("list[3] = ▸AtomicU32::new(0);", None);
    check("x == ▸AtomicU32::new(0)", None);
    check("x += ▸AtomicU32::new(0)", None);
    check("x != ▸AtomicU32::new(0)", None);
    check("return ▸AtomicU32::new(0);", None);
    check("1 + ▸AtomicU32::new(0)", None);
    check("assert!(▸AtomicU32::new(0))", None);
    check("json!({ \"name\": ▸AtomicU32::new(0) })", None);
    check("call!(name: ▸AtomicU32::new(0))", None);
    check("b'let = ▸AtomicU32::new(0)", None);
    check("let x = 7u32.▸into();", None);
    check("let x = list.iter().▸collect();", None);
    check("let x = ▸5;", None);
    check("let x = \"▸AtomicU32::new(0)\";", None);
    check("let x = 1; // ▸AtomicU32::new(0)", None);
    check("let x = /* /* */ ▸AtomicU32::new(0) */ 1;", None);
    check("Flagged { Ready: ▸AtomicU32::new(0) }", None);
    check("let x = Mutex::new(1, ▸AtomicU32::new(0));", None);
    check("let x = r#\"\"▸AtomicU32::new(0)\"#;", None);
    check("let x = Atomic▸U32::new(0);", None);
    check("Pair(▸AtomicU32::new(0))", None);
    check("let x = Pair(▸AtomicU32::new(0));", None);
}

#[test]
fn strings_and_comments_before_do_not_confuse() {
    check("f(\"let x = {\"); let y = ▸AtomicU32::new(0);", "y");
    check("f('{', b'(', '\\'', '\"'); let y = ▸AtomicU32::new(0);", "y");
    check("fn f<'a>(x: &'a u8) { let y = ▸AtomicU32::new(0); }", "y");
    check("f(r##\"\"# { \"##); let y = ▸AtomicU32::new(0);", "y");
    check("f(\"\\\\\"); let y = ▸AtomicU32::new(0);", "y");
    check("/* { /* ( */ [ */ let y = ▸AtomicU32::new(0);", "y");
    check("let y /* = z */ = // w =\r\n\t▸AtomicU32::new(0);", "y");
    check("let y = (\"ü\", ▸AtomicU32::new(0));", "y.1");
}

#[test]
fn positions_outside_of_the_source_have_no_name() {
    for (line, column) in [(0, 0), (1, 0), (0, 1), (1, 99), (99, 1), (u32::MAX, u32::MAX)] {
        assert_eq!(name_of("let x = A::new(0);", line, column), None);
    }
    assert_eq!(name_of("", 1, 1), None);
}

#[test]
fn labels_tell_objects_apart() {
    let check = |objects: &[(&str, &str)], expected: &[&str]| {
        let named = |name| Some(name).filter(|name: &&str| !name.is_empty());
        let objects: Vec<_> = objects.iter().map(|&(name, kind)| Known { name: named(name), kind }).collect();
        assert_eq!(labels(&objects), expected);
    };
    check(&[], &[]);
    check(&[("", "AtomicU32")], &["AtomicU32"]);
    check(&[("", "AtomicU32"), ("", "Mutex")], &["AtomicU32", "Mutex"]);
    check(&[("", "Mutex"), ("", "Mutex")], &["Mutex 1", "Mutex 2"]);
    check(&[("slot", "AtomicU32"), ("slot", "AtomicU32")], &["slot", "slot 2"]);
    check(&[("slot", "AtomicU32"), ("", "AtomicU32")], &["slot", "AtomicU32"]);
    check(&[("flag", "AtomicBool"), ("flag", "Arc")], &["flag", "Arc of flag"]);
    check(&[("flag", "Arc")], &["flag"]);
    check(
        &[("f", "Arc"), ("f", "Plain"), ("f", "Arc"), ("f", "Plain")],
        &["Arc of f", "f", "Arc of f 2", "f 2"],
    );
    check(&[("Mutex", "Plain"), ("", "Mutex"), ("", "Mutex")], &["Mutex", "Mutex 1", "Mutex 2"]);
}

/// Pieces of which something like source can be made.
fn sources() -> impl Strategy<Value = String> {
    let pieces = [
        "let ",
        "mut ",
        "x",
        "self",
        ".",
        "=",
        "==",
        ":",
        "::",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ";",
        "|",
        "||",
        "&",
        "AtomicU32::new(0)",
        "Arc::new(",
        "Some(",
        "vec![",
        "LazyLock::new(||",
        "<",
        ">",
        "\"",
        "'",
        "'a",
        "r#",
        "//",
        "/*",
        "*/",
        "\n",
        " ",
        "\\",
        "ü",
        "🦀",
        "b'",
        "static ",
        "=>",
        "->",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_source_gives_a_sensible_name_or_none(source in sources()) {
        for line in 1..4 {
            for column in 1..60 {
                if let Some(name) = name_of(&source, line, column) {
                    let sensible = |letter: char| letter.is_alphanumeric() || "_[].".contains(letter);
                    prop_assert!(name.chars().all(sensible) && name != "self" && !name.starts_with("Atomic"), "{}", name);
                }
            }
        }
    }

    #[test]
    fn no_text_is_too_odd(source in "\\PC{0,60}", line in 0u32..3, column in 0u32..70) {
        name_of(&source, line, column);
    }

    #[test]
    fn no_two_labels_are_the_same(objects in prop::collection::vec(("(a|b|Arc|Mutex)?", "(Arc|Mutex|Box)"), 0..12)) {
        let known: Vec<_> = objects.iter().map(|(name, kind)| {
            Known { name: Some(name.as_str()).filter(|name| !name.is_empty()), kind }
        }).collect();
        let labels = labels(&known);
        prop_assert_eq!(labels.len(), known.len());
        prop_assert_eq!(labels.iter().collect::<HashSet<_>>().len(), known.len());
    }
}
