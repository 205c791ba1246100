//! Operations that never returned, in classes of such as do the same.
//!
//! A search uses the members of a class in the order of their calls: one that was called earlier can stand
//! wherever one that was called later can. That they do the same is first guessed from their text, and then
//! checked: in every state in which a search considers a class, all members that it could use are applied. If
//! two of them lead to different states, the class is split and the search begins again, so that an answer
//! only ever rests on classes whose members did the same wherever it mattered. Text is a guess alone, and a
//! `Debug` that shows too little costs time and nothing else.

use super::history::Operation;
use super::layout::{Interval, Local};
use super::table::StateId;
use rustc_hash::{FxHashMap, FxHasher};
use std::fmt::{Debug, Write};
use std::hash::{Hash, Hasher};

/// What the members of a class lead to from one state.
struct Effect {
    /// How many members, from the first, were applied.
    checked: usize,
    states: Vec<StateId>,
}

#[derive(Default)]
pub(super) struct Classes {
    classes: Vec<Vec<Interval>>,
    effects: FxHashMap<(u32, StateId), Effect>,
}

/// What is known of a class in a state.
pub(super) enum Considered<'a> {
    /// Every member that can be used leads to these states.
    Known(&'a [StateId]),
    /// This member has to be applied: see [`Classes::answer`].
    Ask(Local),
    /// Its members do not do the same; they are in different classes now.
    Differ,
}

/// Hashes text without keeping it.
struct Text(FxHasher);

impl Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Classes {
    /// One class for each operation.
    pub(super) fn apart(pending: &[Interval]) -> Self {
        Self {
            classes: pending.iter().map(|interval| vec![*interval]).collect(),
            effects: FxHashMap::default(),
        }
    }

    /// One class for each text, return and era. The operations come in the order of their calls.
    pub(super) fn alike<'a, Op: Debug + 'a, Ret: Hash + 'a>(
        pending: &[Interval],
        operation: impl Fn(Local) -> &'a Operation<Op, Ret>,
        era: impl Fn(Local) -> u32,
    ) -> Self {
        let mut by_text: FxHashMap<(u64, u32), usize> = FxHashMap::default();
        let mut classes: Vec<Vec<Interval>> = Vec::new();
        for interval in pending {
            let mut text = Text(FxHasher::default());
            // Hashing cannot fail; a `Debug` that fails shows too little.
            let _ = write!(text, "{:?}", operation(interval.local).op);
            operation(interval.local).returned.as_ref().map(|(_, ret)| ret).hash(&mut text.0);
            let class = *by_text.entry((text.0.finish(), era(interval.local))).or_insert(classes.len());
            if class == classes.len() {
                classes.push(Vec::new());
            }
            classes[class].push(*interval);
        }
        Self { classes, effects: FxHashMap::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.classes.len()).unwrap_or(u32::MAX)
    }

    /// The member that is used after so many others.
    pub(super) fn member(&self, class: u32, used: u32) -> Option<Interval> {
        self.classes[class as usize].get(used as usize).copied()
    }

    /// What the members that were called before `first_end` lead to from a state.
    pub(super) fn consider(&mut self, class: u32, state: StateId, first_end: u32) -> Considered<'_> {
        let members = &self.classes[class as usize];
        let available = members.partition_point(|interval| interval.from < first_end);
        match self.effects.get(&(class, state)) {
            Some(effect) if effect.checked == usize::MAX => {
                self.effects.clear();
                Considered::Differ
            }
            Some(effect) if effect.checked >= available => {
                Considered::Known(&self.effects[&(class, state)].states)
            }
            Some(effect) => Considered::Ask(members[effect.checked].local),
            None => Considered::Ask(members[0].local),
        }
    }

    /// The answer to [`Considered::Ask`], sorted.
    pub(super) fn answer(&mut self, class: u32, state: StateId, states: Vec<StateId>) {
        let effect = self
            .effects
            .entry((class, state))
            .or_insert_with(|| Effect { checked: 0, states: states.clone() });
        if effect.states == states {
            effect.checked += 1;
            return;
        }
        // From this member on they are a class of their own, to be split again if need be.
        let at = effect.checked;
        effect.checked = usize::MAX;
        let rest = self.classes[class as usize].split_off(at);
        self.classes.push(rest);
    }

    pub(super) fn bytes(&self) -> usize {
        self.effects.capacity() * 2 * size_of::<((u32, StateId), Effect)>()
    }
}
