//! From words to values, and back.

use super::{Entry, Format, Knob, MemoryModel, Settings, Wrong, nearest};
use crate::base::budget::Effort;
use crate::base::engine::Engine;
use std::ops::RangeInclusive;

/// Sets what this entry says. That of the level of the budget sets all of its parts, and so comes first.
///
/// # Errors
/// If the knob cannot be that.
pub(super) fn set(settings: &mut Settings, entry: &Entry) -> Result<(), Wrong> {
    let text = entry.text.trim();
    let wrong = |why: String| entry.wrong(why);
    let number = |range| number(text, range).map_err(wrong);
    let any = 0..=u64::MAX;
    match entry.knob {
        Knob::Engine => settings.engines = engines(text).map_err(wrong)?,
        Knob::Model => settings.model = one_of(text, MemoryModel::ALL, MemoryModel::name).map_err(wrong)?,
        Knob::Budget => {
            settings.effort = one_of(text, Effort::ALL, Effort::name).map_err(wrong)?;
            settings.budget = settings.effort.budget(settings.seed);
        }
        Knob::Preemptions if text == ANY => settings.budget.preemptions = None,
        Knob::Preemptions => settings.budget.preemptions = Some(small(number(0..=u64::from(u32::MAX))?)),
        Knob::Seed => settings.seed = number(any)?,
        Knob::Shard => settings.shard = text.parse().map_err(wrong)?,
        Knob::Jobs => {
            settings.jobs = Some(u16::try_from(number(1..=u64::from(u16::MAX))?).unwrap_or(u16::MAX));
        }
        Knob::Executions => settings.budget.executions = number(1..=u64::MAX)?,
        Knob::RandomExecutions => settings.budget.random_executions = number(any)?,
        Knob::SamplingMs => settings.budget.sampling_ms = number(1..=MAX_MS)?,
        Knob::ShrinkingMs => settings.budget.shrinking_ms = number(0..=MAX_MS)?,
        Knob::StallMs => settings.budget.stall_ms = number(100..=MAX_MS)?,
        Knob::WallMs => settings.budget.wall_ms = number(100..=MAX_MS)?,
        Knob::MemoryMib => settings.budget.memory_mib = number(256..=1 << 24)?,
        Knob::Format => {
            settings.format = one_of(text, [Format::Terminal, Format::Json], format_name).map_err(wrong)?;
        }
        Knob::Verbose => settings.verbose = one_of(text, [true, false], yes_or_no).map_err(wrong)?,
        Knob::Replay => settings.replay = Some(text.to_owned()),
    }
    Ok(())
}

/// What a knob is set to, in words that [`set`] understands.
pub(super) fn text(settings: &Settings, knob: Knob) -> String {
    let budget = &settings.budget;
    match knob {
        Knob::Engine => {
            let all = settings.engines_of_model();
            let all = if all.is_empty() { Engine::ALL.to_vec() } else { all };
            all.into_iter().map(Engine::name).collect::<Vec<_>>().join(",")
        }
        Knob::Model => settings.model.name().to_owned(),
        Knob::Budget => settings.effort.name().to_owned(),
        Knob::Preemptions => budget.preemptions.map_or(ANY.to_owned(), |most| most.to_string()),
        Knob::Seed => settings.seed.to_string(),
        Knob::Shard => settings.shard.to_string(),
        Knob::Jobs => settings.jobs().to_string(),
        Knob::Executions => budget.executions.to_string(),
        Knob::RandomExecutions => budget.random_executions.to_string(),
        Knob::SamplingMs => budget.sampling_ms.to_string(),
        Knob::ShrinkingMs => budget.shrinking_ms.to_string(),
        Knob::StallMs => budget.stall_ms.to_string(),
        Knob::WallMs => budget.wall_ms.to_string(),
        Knob::MemoryMib => budget.memory_mib.to_string(),
        Knob::Format => format_name(settings.format).to_owned(),
        Knob::Verbose => yes_or_no(settings.verbose).to_owned(),
        Knob::Replay => settings.replay.clone().unwrap_or_default(),
    }
}

/// No limit.
const ANY: &str = "any";

/// A year: the sum of a few can still be counted.
const MAX_MS: u64 = 366 * 24 * 3_600 * 1_000;

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Terminal => "terminal",
        Format::Json => "json",
    }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "true" } else { "false" }
}

fn number(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        match *most {
            u64::MAX => format!("a whole number from {least} on was expected"),
            _ => format!("a whole number from {least} to {most} was expected"),
        }
    })
}

/// The value of this name, in upper or lower case.
fn one_of<T: Copy, const N: usize>(
    text: &str,
    all: [T; N],
    name: fn(T) -> &'static str,
) -> Result<T, String> {
    let known = all.map(name);
    let found = all.into_iter().find(|value| name(*value).eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        let (last, others) = known.split_last().map_or(("", &[][..]), |(last, others)| (*last, others));
        let meant = nearest(text, known.into_iter()).map(|meant| format!("; did you mean {meant}?"));
        format!("it can be {} or {last}{}", others.join(", "), meant.unwrap_or_default())
    })
}

/// Names with commas between them.
fn engines(text: &str) -> Result<Vec<Engine>, String> {
    let engine = |name: &str| {
        let name = name.trim();
        let found = Engine::EVERY.into_iter().find(|engine| engine.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let meant = nearest(name, Engine::EVERY.into_iter().map(Engine::name));
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            format!("`{name}` is no engine: there are {}{meant}", Engine::EVERY.map(Engine::name).join(", "))
        })
    };
    text.split(',').map(engine).collect()
}
