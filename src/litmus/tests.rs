//! What is read, what is refused, and where it says so.

use super::ast::{Place, Stmt};
use super::{Frequency, Quantifier, Test, parse};

const SB: &str = r#"(* before *)
C SB+rlx (* the simplest *)
"Fre PodWR Fre PodWR"
Generator=by hand
(* answers
   rc11: allowed, 4 states
   sc: forbidden, 3 states
   note: (* comments *) nest
*)
{ [x] = 0; int y = 0; }

P0 (atomic_int* x, volatile int *y) {
  // not in C alone
  atomic_store_explicit(x, 1, memory_order_relaxed); /* both */
  int r0 = atomic_load_explicit(y, memory_order_relaxed);
}

P1 (atomic_int* x, atomic_int* y) {
  atomic_store_explicit(y, 1, memory_order_relaxed);
  int r0 = atomic_load_explicit(x, memory_order_relaxed);
}
(*after*)
locations [x; 0:r0;]
exists (0:r0=0 /\ 1:r0=0)
"#;

fn read(text: &str) -> Test {
    parse("test.litmus", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A test of one thread with this body, of locations `x` and `y` and the condition.
fn thread(body: &str, condition: &str) -> Test {
    read(&format!("C t\n{{ y = 7; }}\nP0 (atomic_int* x, int* y) {{ {body} }}\n{condition}"))
}

#[test]
fn a_whole_file_is_read() {
    let test = read(SB);
    assert_eq!(test.name, "SB+rlx");
    let locations: Vec<_> =
        test.locations.iter().map(|location| (&*location.name, location.initial)).collect();
    assert_eq!(locations, [("x", 0), ("y", 0)]);
    assert_eq!(test.observed, [Place::Location(0), Place::Register(0, 0), Place::Register(1, 0)]);
    assert_eq!(test.condition_text(), r"exists (0:r0=0 /\ 1:r0=0)");
    assert_eq!(test.answers.len(), 3);
    assert_eq!(test.state(&[1, 0, 2]), "x=1; 0:r0=0; 1:r0=2;");
    assert!(test.is_true_of(&[5, 0, 0]) && !test.is_true_of(&[5, 0, 1]));
    assert_eq!(test.threads[0].body.len(), 2, "a load writes its own register: {:?}", test.threads[0].body);
}

/// Runs the only thread of a test on memory of its own.
fn alone(test: &Test) -> Vec<i64> {
    let (_, found) = super::found("test.litmus", &render(test)).expect("a test");
    let outcome = std::sync::Arc::clone(&found.scenario.designs[0].program).try_out();
    super::values(&outcome.value)
}

/// The text that `thread` has read.
fn render(test: &Test) -> String {
    test.file.clone()
}

#[track_caller]
fn check(body: &str, observed: &str, expected: &[i64]) {
    let text = format!(
        "C t\n{{ y = 7; }}\nP0 (atomic_int* x, int* y) {{ {body} }}\nlocations [{observed}] exists (true)"
    );
    let test = Test { file: text.clone(), ..read(&text) };
    assert_eq!(alone(&test), expected, "{body}");
}

#[test]
fn statements_do_what_they_say() {
    check("int r = 1 + 2 * 3 - (4 & 6) + !0 + -1;", "0:r;", &[3]);
    check("int r = 1 < 2 && 3 == 3 || 0;", "0:r;", &[1]);
    check("int r = 0xff ^ 1 | 256; int s = ~0; r -= 4; s++;", "0:r; 0:s;", &[506, 0]);
    check("int r = *y; *y = r + 1; int s = *y * *y;", "0:r; 0:s; y;", &[7, 64, 8]);
    check("int r = (*y);", "0:r;", &[7]);
    check("int r; if (*y == 7) r = 1; else { r = 2; }", "0:r;", &[1]);
    check("int r; if (*y != 7) r = 1; else if (0) r = 2; else r = 3;", "0:r;", &[3]);
    check("atomic_store(x, 5); int r = atomic_exchange(x, 6), s = atomic_load(x);", "0:r; 0:s;", &[5, 6]);
    check(
        "int a = atomic_fetch_add(x, 6); int b = atomic_fetch_sub(x, 1); int c = atomic_fetch_or(x, 8); \
         int d = atomic_fetch_and(x, 12); int e = atomic_fetch_xor_explicit(x, 4, memory_order_acq_rel);",
        "0:a; 0:b; 0:c; 0:d; 0:e; x;",
        &[0, 6, 5, 13, 12, 8],
    );
    check(
        "int e = 0; int r = atomic_compare_exchange_strong(x, &e, 3); \
         int s = atomic_compare_exchange_strong_explicit(x, &e, 4, memory_order_acq_rel, memory_order_acquire);",
        "0:e; 0:r; 0:s; x;",
        &[3, 1, 0, 3],
    );
    check("int r = atomic_compare_exchange_strong(x, y, 3);", "0:r; x; y;", &[0, 0, 0]);
    check(
        "int r = 0 && atomic_fetch_add(x, 1); int s = 1 || atomic_fetch_add(x, 1);",
        "0:r; 0:s; x;",
        &[0, 1, 0],
    );
    check(
        "int r = 1 && atomic_fetch_add(x, 1) + 5; atomic_thread_fence(memory_order_relaxed);",
        "0:r; x;",
        &[1, 1],
    );
}

#[test]
fn orderings_and_accesses_are_those_of_the_text() {
    let test = thread(
        "atomic_thread_fence(memory_order_seq_cst); *y = 1; atomic_store_explicit(x, 1, memory_order_release);",
        "exists (true)",
    );
    use std::sync::atomic::Ordering::{Release, SeqCst};
    assert!(matches!(
        test.threads[0].body[..],
        [
            Stmt::Fence(SeqCst),
            Stmt::Store { location: 0, order: None, .. },
            Stmt::Store { location: 1, order: Some(Release), .. },
        ]
    ));
    assert_eq!((test.locations[0].plain, test.locations[0].atomic), (true, false));
    assert_eq!((test.locations[1].plain, test.locations[1].atomic), (false, true));
}

#[test]
fn conditions_hold_as_herd_has_it() {
    let check = |condition: &str, values: &[i64], expected: bool| {
        let test = thread("int a = 0; int b = 0;", &format!("locations [0:a; 0:b; y;] {condition}"));
        assert_eq!(test.is_true_of(values), expected, "{condition}");
    };
    check(r"exists (0:a=1 /\ ~(0:b=2 \/ y=3))", &[1, 0, 0], true);
    check(r"exists (0:a=1 /\ ~(0:b=2 \/ y=3))", &[1, 2, 0], false);
    check(r"exists (0:a=1 \/ 0:b=1 /\ [y]=1)", &[1, 0, 0], true);
    check(r"forall (0:a=1 => 0:b=-1)", &[1, 0, 0], false);
    check(r"forall (0:a=1 => 0:b=-1)", &[1, -1, 0], true);
    check(r"~exists (not (0:a != 0))", &[0, 0, 0], true);
    check("exists false", &[0, 0, 0], false);
    let holds = |quantifier: Quantifier| {
        [Frequency::Never, Frequency::Sometimes, Frequency::Always]
            .map(|frequency| quantifier.holds(frequency))
    };
    assert_eq!(holds(Quantifier::Exists), [false, true, true]);
    assert_eq!(holds(Quantifier::NotExists), [true, false, false]);
    assert_eq!(holds(Quantifier::Forall), [false, false, true]);
}

/// A text that is refused, with the place and some words of why.
#[track_caller]
fn refused(text: &str, place: (usize, usize), words: &str) {
    let error = parse("bad.litmus", text).expect_err(text);
    assert_eq!((error.line, error.column), place, "{error}");
    assert!(error.to_string().contains(words), "`{words}` is not in `{error}`");
    assert!(error.to_string().starts_with(&format!("bad.litmus:{}:{}: ", place.0, place.1)));
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    let body = |body: &str, column: usize, words: &str| {
        let text = format!("C t\n{{}}\nP0 (atomic_int* x, int* y) {{\n  int r0;\n  {body}\n}}\nexists (x=0)");
        refused(&text, (5, column), words);
    };
    body("while (1) { }", 3, "`while` is not supported");
    body("r1 = 0;", 3, "`r1` is no local variable of P0");
    body("x = 1;", 3, "`*` is missing");
    body("r0 = x;", 8, "`*` is missing");
    body("r0 = *z;", 9, "P0 has no parameter `z`");
    body("r0 = atomic_load_explicit(x, memory_order_release);", 32, "expected one of `memory_order_relaxed`");
    body("atomic_store_explicit(x, 1, memory_order_acquire);", 31, "`memory_order_release`");
    body("r0 = atomic_load_explicit(x, memory_order_consume);", 32, "but found `memory_order_consume`");
    body("r0 = READ_ONCE(*x);", 8, "`READ_ONCE` is not supported");
    body("r0 = atomic_store(x, 1);", 8, "gives no value");
    body("r0 = (int) 1;", 9, "casts are not supported");
    body("r0 = atomic_compare_exchange_strong(x, r0, 1);", 42, "the address of what is expected");
    body("r0 = 99999999999999999999;", 8, "no whole number");
    body("r0 = 1 / 2;", 10, "`/` means nothing here");
    body("atomic_int q;", 3, "atomic local variables");
    body("/* no end", 3, "expected `*/`");
    refused("C t\n{}\nP0 (int* x) {\n  int r0 = 1\n}\nexists (x=0)", (5, 1), "expected `;`, but found `}`");
    refused("X86 t\n{}", (1, 1), "expected `C`");
    refused("C\n{}", (1, 2), "the name of the test");
    refused("C t\n{ x = 1; x = 2; }", (2, 10), "initialised twice");
    refused("C t\n{ x = y; }", (2, 7), "expected a number");
    refused("C t\n{}\nP1 () { }\nexists (true)", (3, 1), "expected thread `P0`");
    refused("C t\n{}\nP0 (foo* x) { }\nexists (true)", (3, 5), "`foo` is no type");
    refused("C t\n{}\nP0 (int* x, int* x) { }", (3, 18), "two parameters named `x`");
    refused("C t\n{ 1:r0 = 1; }\nP0 () { }\nexists (true)", (2, 3), "no thread P1");
    refused("C t\n{}\nP0 () { }\nexists (0:r0=1)", (4, 9), "P0 has no register `r0`");
    refused("C t\n{}\nP0 () { }\nexists (x=1)", (4, 9), "no location `x`");
    refused("C t\n{}\nP0 () { }\nfilter (true) exists (true)", (4, 1), "but found `filter`");
    refused("C t\n{}\nP0 () { }\nexists (true) more", (4, 15), "expected the end");
    refused("C t\n{}\nP0 () { }\n", (4, 1), "the end of the file");
    refused(
        "C t\n(* answers\n rc11: maybe *)\n{}\nP0 () { }\nexists (true)",
        (3, 1),
        "in the answers: expected `race`",
    );
}

/// What would be a recursion too deep for some stack is refused before, in parsing and in evaluating.
#[test]
fn what_is_nested_without_end_is_refused() {
    let many = |word: &str, times: usize| word.repeat(times);
    let body = |body: &str| format!("C t\n{{}}\nP0 (int* x) {{\nint r0 = 0; {body}\n}}\nexists (x=0)");
    let condition = |text: &str| format!("C t\n{{}}\nP0 (int* x) {{\nint r0 = 0;\n}}\nexists {text}");
    let check = |text: &str, words: &str| {
        let error = parse("deep.litmus", text).expect_err("it is too deep").to_string();
        assert!(error.contains(words), "`{words}` is not in `{error}`");
    };
    let operators = "more than 200 operators and parentheses in one statement";
    check(&body(&format!("r0 = {}", many("(", 20_000))), operators);
    check(&body(&format!("r0 = {}", many("- ", 20_000))), operators);
    check(&body(&format!("r0 = 1{};", many("+1", 20_000))), operators);
    check(&body(&format!("r0 = {}", many("atomic_exchange(x,", 3_000))), operators);
    check(&body(&many("{", 20_000)), "more than 50 statements within each other");
    check(&body(&many("if(1)", 10_000)), "more than 50 statements within each other");
    let operators = "more than 2000 operators and parentheses in the condition";
    check(&condition(&many("(", 20_000)), operators);
    check(&condition(&many("~", 20_000)), operators);
    check(&condition(&format!("(x=0{})", many("/\\x=0", 5_000))), operators);
    check(&condition(&format!("(x=0{})", many("=>x=0", 5_000))), operators);
    check(&body(&many("r0 = 1;", 10_000)), " bytes, and at most 65536 are read");
    // What is as deep as it may be is read and evaluated.
    let sum = body(&format!("r0 = 1{};", many("+1", 200)));
    let states = condition(&format!("(x=0{})", many("\\/x=0", 1_999)));
    let blocks = body(&format!("{}{}", many("{", 49), many("}", 49)));
    for text in [sum, states, blocks] {
        assert!(super::survive(text.as_bytes()), "{text}");
    }
}

#[test]
fn no_text_brings_the_parser_down() {
    let words: Vec<&str> = SB.split_inclusive([' ', '\n', '(', ')', ';']).collect();
    let mut refusals = 0;
    for left_out in 0..words.len() {
        let text: String = [&words[..left_out], &words[left_out + 1..]].concat().concat();
        refusals += usize::from(parse("bad.litmus", &text).is_err());
    }
    assert!(refusals > words.len() / 3, "{refusals} of {}", words.len());
    for end in (0..SB.len()).filter(|end| SB.is_char_boundary(*end)) {
        let _ = parse("bad.litmus", &SB[..end]);
    }
}
