//! What every operation does in every state, where both are few enough to be known.

use super::just_in_time::{NONE, SEVERAL};
use super::table::StateId;
use rustc_hash::FxHashMap;

/// One row for all operations that do the same in every state: the state that each state leads to.
pub(super) struct Table<M> {
    /// States by number.
    pub(super) states: Vec<M>,
    rows: Vec<StateId>,
}

impl<M> Table<M> {
    /// From the outcomes by state and operation. The row of each operation is given out with it.
    pub(super) fn new(states: Vec<M>, outcomes: &[Vec<StateId>], operations: usize) -> (Self, Vec<u32>) {
        let mut known: FxHashMap<Vec<StateId>, u32> = FxHashMap::default();
        let mut rows = Vec::new();
        let row_of = (0..operations).map(|operation| {
            let row: Vec<StateId> = outcomes.iter().map(|of_state| of_state[operation]).collect();
            let new = known.len() as u32;
            *known.entry(row).or_insert_with_key(|row| {
                rows.extend_from_slice(row);
                new
            })
        });
        let row_of = row_of.collect();
        (Self { states, rows }, row_of)
    }

    fn row(&self, row: u32) -> &[StateId] {
        let begin = row as usize * self.states.len();
        &self.rows[begin..begin + self.states.len()]
    }

    pub(super) fn outcome(&self, row: u32, state: StateId) -> StateId {
        self.row(row)[state as usize]
    }

    /// Whether operations of this row leave every state as it is.
    pub(super) fn is_read_only(&self, row: u32) -> bool {
        (0..).zip(self.row(row)).all(|(state, next)| *next == NONE || *next == state)
    }

    /// Whether operations of the one row do the same as those of the other wherever the others can be done.
    pub(super) fn stands_in(&self, one: u32, other: u32) -> bool {
        one == other
            || self
                .row(one)
                .iter()
                .zip(self.row(other))
                .all(|(one, other)| *other == NONE || (*other != SEVERAL && one == other))
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.len() * size_of::<StateId>()
    }
}
