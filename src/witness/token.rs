//! A witness in one word: what has to be run, and which way, to see it again.
//!
//! `sv5_0.1.0_…`: the format, the version of selvedge, and base64 (RFC 4648, section 5, without padding)
//! of the number of bytes that follow, the postcard encoding of a [`Token`] and a CRC-32 of all that and
//! of what stands before it. Letters, digits, `.`, `_` and `-` only, never `-` first: no shell changes it.
//!
//! The same execution is found again only by the version of selvedge that made the token, and only while
//! the design is as it was; for the second there are the two digests. The checksum guards against slips,
//! not against malice: what a token says is bounded, in size and in what is made of it, and nothing more.

use super::words;
use super::{EventKind, Witness};
use crate::base::failure::{Crash, Failure, How};
use crate::base::recipe::Recipe;
use crate::explore::rc11::guide::Guide;
use crate::scenario::Engine;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// What is needed to find an execution again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) scenario: String,
    pub(crate) design: String,
    pub(crate) engine: Engine,
    pub(crate) route: Route,
    pub(crate) seed: u64,
    /// CRC-32 of what the scenario says of the design.
    pub(crate) design_digest: u32,
    /// CRC-32 of the events and of the failure, see [`events_digest`].
    pub(crate) events_digest: u32,
    /// How the program is made again, if it was generated.
    pub(crate) program: Option<Recipe>,
}

/// The way to an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Route {
    /// Which task goes how many steps, which tasks chose what on the way, and whether a data race is the end
    /// of it.
    Schedule { slices: Vec<(u32, u32)>, chosen: Vec<(u32, u32)>, to_race: bool },
    /// The number of the execution in a search in fixed order, and what was chosen: by which thread, after
    /// how many choices, which value.
    Index { preemptions: Option<u32>, manner: Manner, execution: u64, choices: Vec<(u32, u32, u32)> },
    /// The execution that ends its process, in a whole search with this budget: how many end before it.
    Fatal { after: u64, executions: u64, random_executions: u64, preemptions: Option<u32> },
    /// The same by its schedule: which task goes how many steps, and which tasks chose what on the way.
    ProcessExit { slices: Vec<(u32, u32)>, chosen: Vec<(u32, u32)> },
    /// The same by its number in loom's search in every order.
    Every(Numbered),
    /// Which thread goes on, and what its operation is given.
    Graph(Guide),
}

/// The number of an execution in loom's search in every order, which goes on past executions that end their
/// process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbered {
    pub(crate) preemptions: u32,
    /// Counted from 1.
    pub(crate) execution: u64,
    /// By which thread, after how many choices, which value was chosen.
    pub(crate) choices: Vec<(u32, u32, u32)>,
    /// Executions before it that are cut, in order, and after how many points each.
    pub(crate) cuts: Vec<(u64, u64)>,
}

/// How loom's search went about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Manner {
    /// As loom does.
    Plain,
    /// With more scheduling points, where loom's own search has gaps.
    Exact,
    /// With every order of any two operations, and on past executions that failed.
    Every,
    /// The same, and of any two threads that begin or go on: one may fail before it comes to an operation.
    EveryStep,
}

/// Why a word was not taken as a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("this is not a token: a token begins with `{PREFIX}`, as in `{PREFIX}{FORMAT}_{VERSION}_…`")]
    NotAToken,
    #[error("this is not a token: it has {character:?}, which no token has")]
    Strange { character: char },
    #[error(
        "this token was made by selvedge {made_by} in format {format}, and this is selvedge {VERSION}, which reads format {FORMAT}: the execution can be found again only by the version that saw it"
    )]
    OtherFormat { made_by: String, format: u32 },
    #[error(
        "this token was made by selvedge {made_by} and this is selvedge {VERSION}: the execution can be found again only by the version that saw it"
    )]
    OtherVersion { made_by: String },
    #[error("this token is cut short: it has {has} of its {needs} characters")]
    Truncated { has: usize, needs: usize },
    #[error("this token has {has} characters, more than the {LONGEST} that a token can have")]
    TooLong { has: usize },
    #[error("this token is damaged: its checksum does not fit, so a character of it was changed or lost")]
    Damaged,
    #[error("this token calls for more steps, or for a larger program, than any execution has")]
    Unbounded,
}

/// Characters of the longest token; less than Linux takes in one argument (`MAX_ARG_STRLEN`, 131,072).
pub(crate) const LONGEST: usize = 100_000;

const PREFIX: &str = "sv";
const FORMAT: u32 = 5;
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Characters of the longest version that is repeated to the user.
const LONGEST_VERSION: usize = 64;
/// Bytes of the length before the token and of the checksum after it.
const LENGTH: usize = 4;
const CHECKSUM: usize = 4;

/// The word for a token. One for more than some 24,000 slices or choices comes out longer than
/// [`LONGEST`] and will be refused.
pub(crate) fn encode(token: &Token) -> String {
    encode_as(version(), token)
}

/// The word that a selvedge of this version makes, as long as the format is the same.
pub(super) fn encode_as(version: &str, token: &Token) -> String {
    // Postcard fails only for sequences of unknown length, and there is none.
    let body = postcard::to_stdvec(token).unwrap_or_default();
    seal(&format!("{PREFIX}{FORMAT}_{version}_"), &body)
}

/// This version, without build metadata: a token has no room for its `+`.
fn version() -> &'static str {
    VERSION.split('+').next().unwrap_or(VERSION)
}

/// A word that begins with `head` and carries `body`.
fn seal(head: &str, body: &[u8]) -> String {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend_from_slice(body);
    let sum = checksum(head, &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    format!("{head}{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn checksum(head: &str, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head.as_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// Reads a word; white space around it does not matter.
///
/// # Errors
/// With a sentence for the user when the word is no token, is another version's, or is not whole. Never
/// allocates more than a few times the word's length and a fixed mebibyte.
pub(crate) fn decode(word: &str) -> Result<Token, Refused> {
    let word = word.trim();
    let (head, made_by, payload) = parts(word)?;
    if word.len() > LONGEST {
        return Err(Refused::TooLong { has: word.len() });
    }
    let bytes = whole(payload, head.len())?;
    let (told, sum) = bytes.split_at_checked(bytes.len() - CHECKSUM).ok_or(Refused::Damaged)?;
    if checksum(head, told).to_le_bytes() != sum {
        return Err(Refused::Damaged);
    }
    if made_by != version() {
        return Err(Refused::OtherVersion { made_by: made_by.to_owned() });
    }
    let token: Token = postcard::from_bytes(&told[LENGTH..]).map_err(|_| Refused::Damaged)?;
    // One token, one word: no second spelling of a number, and nothing behind the last field.
    if encode(&token) != word {
        return Err(Refused::Damaged);
    }
    if token.is_bounded() { Ok(token) } else { Err(Refused::Unbounded) }
}

/// Steps of the longest schedule that is followed: many more than an execution may have.
const MAX_STEPS: u64 = 1 << 20;

impl Token {
    /// Whether all that is made of it is bounded: a few bytes can say that there is very much of something.
    fn is_bounded(&self) -> bool {
        let schedule = match &self.route {
            Route::Schedule { slices, .. } | Route::ProcessExit { slices, .. } => slices.as_slice(),
            Route::Index { .. } | Route::Fatal { .. } | Route::Every(_) | Route::Graph(_) => &[],
        };
        let steps: u64 = schedule.iter().map(|(_, steps)| u64::from(*steps)).sum();
        steps <= MAX_STEPS && self.program.as_ref().is_none_or(Recipe::is_bounded)
    }
}

/// What stands before the payload, the version therein, and the payload.
fn parts(word: &str) -> Result<(&str, &str, &str), Refused> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    let after = word.strip_prefix(PREFIX).ok_or(Refused::NotAToken)?;
    if let Some(character) = word.chars().find(|&character| !allowed(character)) {
        return Err(Refused::Strange { character });
    }
    let mut fields = after.splitn(3, '_');
    let format = fields.next().and_then(|format| format.parse::<u32>().ok()).ok_or(Refused::NotAToken)?;
    let made_by = fields.next().filter(|version| (1..=LONGEST_VERSION).contains(&version.len()));
    let made_by = made_by.filter(|version| version.starts_with(|first: char| first.is_ascii_digit()));
    let made_by = made_by.ok_or(Refused::NotAToken)?;
    if format != FORMAT {
        return Err(Refused::OtherFormat { made_by: made_by.to_owned(), format });
    }
    let head = word.len() - fields.next().ok_or(Refused::NotAToken)?.len();
    Ok((&word[..head], made_by, &word[head..]))
}

/// The bytes of a payload that has as many of them as it says.
fn whole(payload: &str, head: usize) -> Result<Vec<u8>, Refused> {
    let has = head + payload.len();
    // Eight characters are six bytes, and the length is in the first four.
    let Some(start) = payload.get(..8) else { return Err(Refused::Truncated { has, needs: head + 8 }) };
    let start = URL_SAFE_NO_PAD.decode(start).map_err(|_| Refused::Damaged)?;
    let length = start.first_chunk::<LENGTH>().map(|&length| u32::from_le_bytes(length) as usize);
    let length = length.filter(|&length| length <= LONGEST).ok_or(Refused::Damaged)?;
    let needs = head + ((LENGTH + length + CHECKSUM) * 8).div_ceil(6);
    match has.cmp(&needs) {
        std::cmp::Ordering::Less => Err(Refused::Truncated { has, needs }),
        std::cmp::Ordering::Equal => URL_SAFE_NO_PAD.decode(payload).map_err(|_| Refused::Damaged),
        std::cmp::Ordering::Greater => Err(Refused::Damaged),
    }
}

/// A digest of all of a witness that must be the same when it is seen again: the threads and what they
/// did in which order to which kinds of objects, the values, the failure.
///
/// Not of source lines, files and the names of objects, which are found in the source: moving or renaming
/// a thing changes nothing. Nor of what is said about the events, or of the sentence of the scenario. Nor of
/// a generated program, whose recipe has a digest of its own.
pub(crate) fn events_digest(witness: &Witness) -> u32 {
    let shows = match &witness.shows {
        Failure::Forbidden { outcome, .. } => ("forbidden", outcome.clone()),
        Failure::DataRace(_) => ("data race", String::new()),
        Failure::Deadlock(_) => ("deadlock", String::new()),
        Failure::Crash(crash) => ("crash", words::crash(&placeless(crash), &[])),
        Failure::Hang(_) => ("hang", String::new()),
    };
    let kinds: Vec<&str> = witness.objects.iter().map(|object| object.kind.as_str()).collect();
    let events: Vec<_> = witness.events.iter().map(Semantic::of).collect();
    let all = (witness.engine, shows, &witness.threads, witness.actors, kinds, events);
    crc32fast::hash(&postcard::to_stdvec(&all).unwrap_or_default())
}

/// A crash, wherever in the source it was.
fn placeless(crash: &Crash) -> Crash {
    let how = match &crash.how {
        How::Panic { message, .. } => How::panicked(message.as_deref()),
        how => how.clone(),
    };
    Crash::new(crash.who, how)
}

/// What an event means, wherever in the source it is.
#[derive(Serialize)]
struct Semantic<'a> {
    thread: usize,
    operation: &'a str,
    kind: EventKind,
    order: &'a Option<String>,
    object: Option<usize>,
    read: &'a Option<String>,
    written: &'a Option<String>,
    blocked: bool,
}

impl<'a> Semantic<'a> {
    fn of(event: &'a super::Event) -> Self {
        let super::Event { thread, operation, kind, order, object, read, written, blocked, .. } = event;
        Self {
            thread: *thread,
            operation,
            kind: *kind,
            order,
            object: *object,
            read,
            written,
            blocked: *blocked,
        }
    }
}

/// Takes any bytes: as a word, and as the content of a word whose checksum fits. What is taken for a
/// token must be spelled as this module spells it. How many of these words are tokens.
///
/// # Panics
/// If that does not hold.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn survive(bytes: &[u8]) -> usize {
    let mut tokens = 0;
    let head = format!("{PREFIX}{FORMAT}_{}_", version());
    let words =
        [String::from_utf8_lossy(bytes).into_owned(), format!("{head}{}", String::from_utf8_lossy(bytes))];
    for word in words.iter().chain([&seal(&head, bytes)]) {
        match decode(word) {
            Ok(token) => {
                assert_eq!(encode(&token), word.trim());
                tokens += 1;
            }
            Err(refused) => assert!(!refused.to_string().is_empty()),
        }
    }
    tokens
}
