//! A violation that a few operations show by themselves, whatever came before them.
//!
//! Where a search along time got stuck, the operations from some moment on up to there are searched by
//! themselves, from *every* state that any operations of the part can lead to, and with what was in flight at that
//! moment as operations that never returned: it took effect before, or takes effect now, or never. If there is no
//! order even so, there is none of the whole. So a read that no write of its time explains is found however many
//! ways there are to order what came before.
//!
//! Limits: the states that any operations lead to must be few ([`MAX_STATES`]); a violation that only a long
//! stretch of the history shows is found by the search alone.

use super::just_in_time::{JustInTime, NONE, SEVERAL};
use super::layout::{Interval, Layout};
use super::model::{Model, follow};
use super::outcomes::Table;
use super::search::{Context, Found};
use super::table::{StateId, States};
use super::watch::{Account, Memory, Stop};
use rustc_hash::FxHashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// States that a stretch may begin in, at most.
const MAX_STATES: usize = 256;

/// Returns of the first stretch that is tried, and how much longer each next one is.
const FIRST: usize = 1;
const TIMES: usize = 4;

/// What is known of every state that operations of a part lead to.
enum Known<M> {
    /// Nothing after so many steps.
    Nothing(u64),
    All(Arc<Table<M>>, Vec<u32>),
    TooMany,
}

/// What operations do in all states, and the row of each operation.
type Tabled<M> = (Arc<Table<M>>, Vec<u32>);

/// Looks for such a violation, again and again, while a search goes on.
pub(super) struct Local<'a, M: Model> {
    layout: &'a Layout,
    memory: &'a Memory,
    states: Known<M>,
}

impl<'a, M: Model> Local<'a, M> {
    pub(super) fn new(layout: &'a Layout, memory: &'a Memory) -> Self {
        Self { layout, memory, states: Known::Nothing(0) }
    }

    /// One that finds nothing.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn idle(layout: &'a Layout, memory: &'a Memory) -> Self {
        Self { layout, memory, states: Known::TooMany }
    }

    /// Looks for all states in about so many steps. The table of what operations do in them, and the row of each
    /// operation, if that is known now and was not before.
    pub(super) fn learn(
        &mut self,
        context: &mut Context<'_, '_, '_, M>,
        steps: u64,
    ) -> Result<Option<Tabled<M>>, Stop> {
        if let Known::Nothing(tried) = self.states
            && steps > tried
        {
            // A model may panic in a state that no order leads to; then nothing is known.
            let every = || every_state(context, self.layout, self.memory, steps);
            self.states = catch_unwind(AssertUnwindSafe(every)).unwrap_or(Ok(Known::TooMany))?;
            if let Known::All(table, rows) = &self.states {
                return Ok(Some((Arc::clone(table), rows.clone())));
            }
        }
        Ok(None)
    }

    /// Whether what comes before the furthest return of a search shows that there is no order. Takes about so many
    /// steps.
    pub(super) fn is_broken(
        &self,
        context: &mut Context<'_, '_, '_, M>,
        search: &JustInTime<'_, M>,
        steps: u64,
    ) -> Result<bool, Stop> {
        let Known::All(table, rows) = &self.states else { return Ok(false) };
        let returns = search.returns();
        let Some(&end) = returns.last() else { return Ok(false) };
        let (mut length, mut left) = (FIRST, steps);
        loop {
            let before = returns.len().checked_sub(length + 1);
            let begin = before.map_or(0, |before| returns[before] + 1);
            let (stretch, rows) = stretch(self.layout, rows, begin, end);
            let account = Account::new(self.memory);
            let mut search = JustInTime::from_any(&stretch, context.operations, account, &table.states);
            search.use_table(Arc::clone(table), rows);
            let (model, operations) = (context.model, context.operations);
            let mut context = Context { model, operations, watch: context.watch };
            match search.run(&mut context, left)? {
                Some(Found::NoOrder) => return Ok(true),
                None => return Ok(false),
                Some(Found::Order(_)) if before.is_none() => return Ok(false),
                Some(Found::Order(_)) => left = left.saturating_sub(search.steps()),
            }
            length *= TIMES;
        }
    }
}

/// Every state that operations of the part lead to, in any order and any number, in at most so many steps.
fn every_state<M: Model>(
    context: &mut Context<'_, '_, '_, M>,
    layout: &Layout,
    memory: &Memory,
    steps: u64,
) -> Result<Known<M>, Stop> {
    let mut states: States<M> = States::new();
    let first = states.number(context.model.clone(), M::weight);
    let (mut known, mut left) = (first + 1, steps);
    let mut next = Vec::new();
    // By state and operation.
    let mut outcomes: Vec<Vec<StateId>> = Vec::new();
    while outcomes.len() < known as usize {
        let at = outcomes.len() as StateId;
        let mut of_state = Vec::with_capacity(layout.places.len());
        for &place in &layout.places {
            context.watch.step()?;
            let operation = &context.operations[place];
            let returned = operation.returned.as_ref().map(|(_, ret)| ret);
            follow(states.get(at), &operation.op, returned, &mut next);
            let mut outcome = NONE;
            for state in next.drain(..) {
                let state = states.number(state, M::weight);
                known = known.max(state + 1);
                outcome = if outcome == NONE || outcome == state { state } else { SEVERAL };
            }
            of_state.push(outcome);
            left = left.saturating_sub(1);
            let bytes = states.bytes() + (outcomes.len() + 1) * layout.places.len() * size_of::<StateId>();
            if known as usize > MAX_STATES || bytes > memory.left() {
                return Ok(Known::TooMany);
            }
            if left == 0 {
                return Ok(Known::Nothing(steps));
            }
        }
        outcomes.push(of_state);
    }
    let states = (0..known).map(|id| states.get(id).clone()).collect();
    let (table, rows) = Table::new(states, &outcomes, layout.places.len());
    Ok(Known::All(Arc::new(table), rows))
}

/// The operations between two ranks, with their rows. Those that were called before, or return later, never
/// return.
fn stretch(layout: &Layout, rows: &[u32], begin: u32, end: u32) -> (Layout, Vec<u32>) {
    let (mut places, mut rows_here) = (Vec::new(), Vec::new());
    let mut renumbered = |interval: &Interval| {
        places.push(layout.places[interval.local as usize]);
        rows_here.push(rows[interval.local as usize]);
        Interval { local: (places.len() - 1) as u32, ..*interval }
    };
    let (mut chains, mut pending) = (Vec::new(), Vec::new());
    for chain in &layout.chains {
        let first = chain.partition_point(|interval| interval.to < begin);
        let mut inside = Vec::new();
        for interval in chain[first..].iter().take_while(|interval| interval.from < end) {
            let interval = renumbered(interval);
            if interval.from >= begin && interval.to <= end {
                inside.push(interval);
            } else {
                pending.push(interval);
            }
        }
        if !inside.is_empty() {
            chains.push(inside);
        }
    }
    pending.extend(layout.pending.iter().filter(|interval| interval.from < end).map(&mut renumbered));
    pending.sort_unstable_by_key(|interval| (interval.from, interval.local));
    let returned = chains.iter().map(Vec::len).sum();
    let layout = Layout {
        places,
        chains,
        pending,
        needs: FxHashMap::default(),
        nested: true,
        along_time: true,
        returned,
        eras: Vec::new(),
    };
    (layout, rows_here)
}

#[cfg(test)]
mod tests {
    use super::super::layout::Part;
    use super::super::oracle::{self, Small};
    use super::super::watch::Watch;
    use super::super::{Criterion, Model, Operation};
    use super::{Account, Context, Found, JustInTime, Known, Layout, Local, Memory, every_state};

    /// Looks at one history after so many steps of a search. Tells whether it is broken.
    fn shows<M: Model>(model: &M, operations: &[Operation<M::Op, M::Ret>], steps: u64) -> bool {
        let mut watch = Watch::of_time(None);
        let memory = Memory::new(1 << 20);
        let places = (0..operations.len()).collect();
        let part = Part { key: None, places, intervals: None };
        let Ok(layout) = Layout::new(Criterion::Linearizable, operations, &[], part, &mut watch) else {
            panic!("a small history has a layout");
        };
        let mut context = Context { model, operations, watch: &mut watch };
        let mut search = JustInTime::new(&layout, operations, Account::new(&memory), model);
        let found = search.run(&mut context, steps).unwrap_or_else(|_| panic!("no bound is met"));
        let mut local = Local::new(&layout, &memory);
        local.learn(&mut context, 1_000).unwrap_or_else(|_| panic!("no bound is met"));
        let broken = local.is_broken(&mut context, &search, 1_000);
        let broken = broken.unwrap_or_else(|_| panic!("no bound is met"));
        assert!(!broken || !matches!(found, Some(Found::Order(_))), "there is an order");
        broken
    }

    #[test]
    fn what_a_stretch_shows_is_so() {
        let (mut shown, mut hidden, mut right) = (0, 0, 0);
        for seed in 0..20_000 {
            let (model, history) = oracle::draw(&super::super::tests::bytes(seed + 77, 24));
            let found = shows(&model, history.operations(), 1 + seed % 7);
            match (oracle::has_order(Criterion::Linearizable, &model, &history), found) {
                (true, true) => panic!("there is an order of {history:?}"),
                (true, false) => right += 1,
                (false, true) => shown += 1,
                (false, false) => hidden += 1,
            }
        }
        assert!(shown > 1_500 && right > 3_000, "{shown} shown, {hidden} not, {right} right");
    }

    #[test]
    fn a_model_that_panics_in_a_state_of_no_order_is_left_alone() {
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        struct Once(bool);
        impl Model for Once {
            type Op = ();
            type Ret = ();
            fn apply(&mut self, (): &()) {
                assert!(!self.0, "called twice (a panic that belongs to a test)");
                self.0 = true;
            }
        }
        let once = |client| Operation { client, op: (), called: 0, returned: Some((1, ())) };
        assert!(!shows(&Once(false), &[once(0)], 1));
    }

    #[test]
    fn every_state_is_known_or_it_is_said_how_far_they_were_looked_for() {
        let model = Small::Registers([0, 0]);
        let write = |value| oracle::SmallOp { kind: 1, key: 0, value };
        let operations: Vec<_> = (0..3)
            .map(|value| Operation { client: 0, op: write(value), called: 0, returned: Some((1, 0)) })
            .collect();
        let part = Part { key: None, places: (0..3).collect(), intervals: None };
        let mut watch = Watch::of_time(None);
        let layout = Layout::new(Criterion::Linearizable, &operations, &[], part, &mut watch);
        let Ok(layout) = layout else { panic!("a layout") };
        let mut context = Context { model: &model, operations: &operations, watch: &mut watch };
        let memory = Memory::new(1 << 20);
        let known = |steps| every_state(&mut context, &layout, &memory, steps);
        let [few, enough] = [3, 1_000].map(known);
        assert!(matches!(few, Ok(Known::Nothing(3))));
        assert!(matches!(enough, Ok(Known::All(table, _)) if table.states.len() == 3));
    }
}
