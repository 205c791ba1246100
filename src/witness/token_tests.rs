//! Tokens come back as they were, and nothing else comes back.

use super::sample::hang;
use super::sample::{forbidden, witness};
use super::token::{
    LONGEST, Manner, Numbered, Refused, Route, Token, decode, encode, events_digest, survive,
};
use super::*;
use crate::base::engine::Engine;
use crate::base::failure::Failure;
use crate::base::recipe::Recipe;
use proptest::prelude::*;

fn sample() -> Token {
    Token {
        scenario: "shared_counter".to_owned(),
        design: "load, then store".to_owned(),
        engine: Engine::Shuttle,
        route: Route::Schedule {
            slices: vec![(0, 3), (1, 1), (2, 2), (1, 1), (0, 4)],
            chosen: vec![],
            to_race: false,
        },
        seed: 0x5e1f_ed6e,
        design_digest: 0xdead_beef,
        events_digest: 7,
        program: None,
    }
}

fn routes() -> impl Strategy<Value = Route> {
    let pairs = |most| prop::collection::vec(any::<(u32, u32)>(), 0..most);
    let slices = |most| prop::collection::vec((any::<u32>(), 0_u32..20_000), 0..most);
    let schedule = (slices(40), pairs(10), any::<bool>());
    let choices = prop::collection::vec(any::<(u32, u32, u32)>(), 0..5);
    let manners = prop::sample::select(vec![Manner::Plain, Manner::Exact, Manner::Every, Manner::EveryStep]);
    let index = (any::<Option<u32>>(), manners, any::<u64>(), choices.clone());
    let cuts = prop::collection::vec(any::<(u64, u64)>(), 0..5);
    let every = (any::<u32>(), any::<u64>(), choices, cuts);
    let fatal = any::<(u64, u64, u64, Option<u32>)>();
    prop_oneof![
        schedule.prop_map(|(slices, chosen, to_race)| Route::Schedule { slices, chosen, to_race }),
        index.prop_map(|(preemptions, manner, execution, choices)| Route::Index {
            preemptions,
            manner,
            execution,
            choices
        }),
        (slices(40), pairs(10)).prop_map(|(slices, chosen)| Route::ProcessExit { slices, chosen }),
        fatal.prop_map(|(after, executions, random_executions, preemptions)| Route::Fatal {
            after,
            executions,
            random_executions,
            preemptions
        }),
        every.prop_map(|(preemptions, execution, choices, cuts)| Route::Every(Numbered {
            preemptions,
            execution,
            choices,
            cuts
        })),
    ]
}

fn tokens() -> impl Strategy<Value = Token> {
    let engines = prop::sample::select(Engine::EVERY.to_vec());
    let program =
        any::<Option<(u64, u32)>>().prop_map(|of| of.map(|(seed, digest)| Recipe::sample(seed, digest)));
    (".{0,30}", ".{0,30}", engines, routes(), any::<u64>(), any::<(u32, u32)>(), program).prop_map(
        |(scenario, design, engine, route, seed, (design_digest, events_digest), program)| Token {
            scenario,
            design,
            engine,
            route,
            seed,
            design_digest,
            events_digest,
            program,
        },
    )
}

#[test]
fn what_a_token_makes_is_bounded() {
    let huge = Token {
        route: Route::ProcessExit { slices: vec![(0, u32::MAX), (1, u32::MAX)], chosen: vec![] },
        ..sample()
    };
    assert_eq!(decode(&encode(&huge)), Err(Refused::Unbounded));
    let mut recipe = Recipe::sample(1, 2);
    recipe.size.operations = usize::MAX;
    assert_eq!(decode(&encode(&Token { program: Some(recipe), ..sample() })), Err(Refused::Unbounded));
}

proptest! {
    #[test]
    fn a_token_comes_back_as_it_was(token in tokens()) {
        let word = encode(&token);
        let safe = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        prop_assert!(word.chars().all(safe) && !word.starts_with('-'), "{}", word);
        prop_assert_eq!(decode(&word), Ok(token.clone()));
        prop_assert_eq!(decode(&format!(" {word}\n")), Ok(token));
    }

    #[test]
    fn no_bytes_are_too_much(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survive(&bytes);
    }

    #[test]
    fn a_token_with_a_broken_body_is_refused(token in tokens(), place in any::<prop::sample::Index>(), byte: u8) {
        let mut body = postcard::to_stdvec(&token).unwrap();
        let place = place.index(body.len());
        body[place] = byte;
        survive(&body);
        body.truncate(place);
        survive(&body);
    }

    #[test]
    fn two_characters_changed_are_refused(
        token in tokens(), one in any::<prop::sample::Index>(), two in any::<prop::sample::Index>(),
        letters in "[A-Za-z0-9._-]{2}"
    ) {
        let word = encode(&token);
        let mut changed = word.clone().into_bytes();
        let (one, two) = (one.index(changed.len()), two.index(changed.len()));
        (changed[one], changed[two]) = (letters.as_bytes()[0], letters.as_bytes()[1]);
        let changed = String::from_utf8(changed).unwrap();
        prop_assert!(changed == word || decode(&changed).is_err(), "{} is taken", changed);
    }
}

#[test]
fn every_character_counts() {
    let word = encode(&sample());
    for place in 0..word.len() {
        assert!(decode(&word[..place]).is_err(), "cut to {place}");
        let (before, after) = (&word[..place], &word[place + 1..]);
        assert!(decode(&format!("{before}{after}")).is_err(), "without {place}");
        for letter in (b' '..=b'~').map(char::from).chain(['é', '\0']) {
            let changed = format!("{before}{letter}{after}");
            assert!(changed == word || decode(&changed).is_err(), "{changed}");
            let longer = format!("{before}{letter}{}", &word[place..]);
            assert!(longer.trim() == word || decode(&longer).is_err(), "{longer}");
        }
        if place > 0 {
            let mut swapped = word.clone().into_bytes();
            swapped.swap(place - 1, place);
            let swapped = String::from_utf8(swapped).unwrap();
            assert!(swapped == word || decode(&swapped).is_err(), "{swapped}");
        }
    }
    for more in ["A", "AA", "AAA", "AAAA", "_", "-"] {
        assert!(decode(&format!("{word}{more}")).is_err());
    }
}

#[test]
fn a_refusal_says_why() {
    let check = |word: &str, expected: &str| {
        assert_eq!(decode(word).unwrap_err().to_string(), expected, "{word}");
    };
    let word = encode(&sample());
    let own = env!("CARGO_PKG_VERSION");
    let head = format!("sv5_{own}_");
    let payload = word.strip_prefix(&head).expect("the version of this crate");
    let none = &format!("this is not a token: a token begins with `sv`, as in `{head}…`");
    check("", none);
    check("shared_counter", none);
    check("sv", none);
    check(head.trim_end_matches('_'), none);
    check(&word.replace('_', " "), "this is not a token: it has ' ', which no token has");
    check(&format!("{head}PAAAAA5z…"), "this is not a token: it has '…', which no token has");
    let other = |version: &str| {
        format!(
            "this token was made by selvedge {version} in format 6, and this is selvedge {own}, which reads format 5: the execution can be found again only by the version that saw it"
        )
    };
    check("sv6_3.4.5-rc.1_whatever.comes-then", &other("3.4.5-rc.1"));
    check("sv6_0.2.0", &other("0.2.0"));
    let damaged =
        "this token is damaged: its checksum does not fit, so a character of it was changed or lost";
    check(&format!("sv5_99.{own}_{payload}"), damaged);
    check(&format!("{word}A"), damaged);
    check(&word.replace('v', "V").replacen("sV", "sv", 1), damaged);
    let length = word.len();
    check(
        &word[..length - 1],
        &format!("this token is cut short: it has {} of its {length} characters", length - 1),
    );
    let has = head.len();
    check(&head, &format!("this token is cut short: it has {has} of its {} characters", has + 8));
    check(
        &format!("{word}{}", "A".repeat(LONGEST)),
        &format!(
            "this token has {} characters, more than the 100000 that a token can have",
            length + LONGEST
        ),
    );
}

#[test]
fn a_whole_token_of_another_version_is_told_from_a_damaged_one() {
    let word = super::token::encode_as("0.0.9", &sample());
    assert_eq!(decode(&word), Err(Refused::OtherVersion { made_by: "0.0.9".to_owned() }));
}

#[test]
fn a_long_schedule_fits_and_a_hopeless_one_is_refused() {
    let long = |slices| Token {
        route: Route::Schedule { slices: vec![(2, 1); slices], chosen: vec![], to_race: false },
        ..sample()
    };
    assert_eq!(decode(&encode(&long(30_000))), Ok(long(30_000)));
    assert!(matches!(decode(&encode(&long(60_000))), Err(Refused::TooLong { .. })));
}

#[test]
fn the_corpus_of_the_fuzzer_has_tokens_and_other_words() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/tokens");
    // For when tokens change.
    if std::env::var_os("SELVEDGE_WRITE_CORPUS").is_some() {
        let word = encode(&sample());
        std::fs::write(format!("{folder}/word"), &word).unwrap();
        std::fs::write(format!("{folder}/cut_short"), &word[..40]).unwrap();
        std::fs::write(format!("{folder}/body"), postcard::to_stdvec(&sample()).unwrap()).unwrap();
    }
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tokens: Vec<_> = files.map(|file| survive(&std::fs::read(file).unwrap())).collect();
    assert!(tokens.contains(&1) && tokens.contains(&0), "{tokens:?}");
}

#[test]
fn a_length_that_lies_allocates_nothing() {
    // A sequence that claims 2^60 slices, with a checksum that fits.
    let mut body = postcard::to_stdvec(&("s", "d", Engine::Loom, 0u8)).unwrap();
    body.extend([0xff; 8]);
    body.push(0x0f);
    survive(&body);
}

fn told(lines: &str) -> Witness {
    witness(forbidden("1", "an increment was lost"), &["A", "B"], &[], lines)
}

#[test]
fn a_digest_follows_the_events_and_not_the_source() {
    let lines = "main new count w=0 :30
        A load count r=0 @Relaxed :31
        B store count w=1 @Relaxed :32";
    let digest = |change: &dyn Fn(&mut Witness)| {
        let mut changed = told(lines);
        change(&mut changed);
        events_digest(&changed)
    };
    let same = digest(&|_| {});
    let moved: [&dyn Fn(&mut Witness); 5] = [
        &|witness| witness.events[1].site = None,
        &|witness| witness.objects[0].name = "n".to_owned(),
        &|witness| explain::explain(witness),
        &|witness| (witness.switches, witness.shortest) = (9, false),
        &|witness| witness.token = "sv1".to_owned(),
    ];
    for (number, change) in moved.iter().enumerate() {
        assert_eq!(digest(change), same, "change {number}");
    }
    let meant: [&dyn Fn(&mut Witness); 14] = [
        &|witness| witness.engine = Engine::Shuttle,
        &|witness| witness.shows = Failure::DEADLOCK,
        &|witness| witness.shows = hang(),
        &|witness| witness.shows = forbidden("2", "an increment was lost"),
        &|witness| witness.threads[1] = "C".to_owned(),
        &|witness| witness.objects[0].kind = "AtomicU64".to_owned(),
        &|witness| witness.events.swap(1, 2),
        &|witness| witness.events.truncate(2),
        &|witness| witness.events[1].thread = 2,
        &|witness| witness.events[1].operation = "swap".to_owned(),
        &|witness| witness.events[1].order = Some("Acquire".to_owned()),
        &|witness| witness.events[1].object = None,
        &|witness| witness.events[1].read = Some("1".to_owned()),
        &|witness| witness.events[2].blocked = true,
    ];
    for (number, change) in meant.iter().enumerate() {
        assert_ne!(digest(change), same, "change {number}");
    }
}
