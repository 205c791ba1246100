//! The order that a search is at, and the longest ones that it could not continue.
//!
//! For every operation the longest order that holds it is known at the end, at the price of two words per
//! operation that is ever placed: orders are paths of one tree, and what an operation's subtree came to is
//! handed down when the operation is taken back.

use super::layout::{Layout, Local};

/// The chain of an operation that is in none.
pub(super) const NO_LANE: u32 = u32::MAX;

/// No node.
const NONE: u32 = u32::MAX;

/// How many of the longest orders that are equally long are kept.
const MAX_TIES: usize = 256;

/// Places of operations that are given out in all, so that many long orders stay affordable.
const MAX_PLACES_SHOWN: usize = 1 << 21;

/// How far an order came, as operations that returned, and where it lies in the tree.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Reached {
    length: u32,
    node: u32,
}

const NOWHERE: Reached = Reached { length: 0, node: NONE };

struct Placed {
    local: Local,
    chain: u32,
    node: u32,
    reached: Reached,
}

/// The current order, and what is known of those before.
pub(super) struct Order {
    placed: Vec<Placed>,
    /// Operations with the node before.
    tree: Vec<(Local, u32)>,
    /// By operation, the furthest order that holds it.
    furthest: Vec<Reached>,
    longest: u32,
    ties: Vec<u32>,
    /// Whether an operation may be in an order twice; then its later place counts.
    repeats: bool,
}

/// An order that could not be continued, and the operation that had to come next.
pub(super) struct Partial {
    pub(super) order: Vec<Local>,
    pub(super) stuck: Local,
}

impl Order {
    pub(super) fn new() -> Self {
        let (placed, tree, furthest, ties) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { placed, tree, furthest, longest: 0, ties, repeats: false }
    }

    /// Orders in which an operation may be twice. What comes out has the later place of each.
    pub(super) fn with_repeats() -> Self {
        Self { repeats: true, ..Self::new() }
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.placed.len()).unwrap_or(NONE)
    }

    pub(super) fn locals(&self) -> impl Iterator<Item = Local> {
        self.placed.iter().map(|placed| placed.local)
    }

    /// The order, with the later place of each operation.
    pub(super) fn distinct_locals(&self) -> Vec<Local> {
        in_order(self.placed.iter().rev().map(|placed| placed.local), self.repeats)
    }

    pub(super) fn bytes(&self) -> usize {
        self.placed.capacity() * size_of::<Placed>()
            + self.tree.capacity() * size_of::<(Local, u32)>()
            + self.furthest.capacity() * size_of::<Reached>()
    }

    pub(super) fn push(&mut self, local: Local, chain: u32) {
        self.placed.push(Placed { local, chain, node: NONE, reached: NOWHERE });
    }

    /// Takes the last operation back, and tells its chain.
    pub(super) fn pop(&mut self) -> u32 {
        let Some(last) = self.placed.pop() else { return NO_LANE };
        if last.reached.node != NONE {
            let local = last.local as usize;
            if self.furthest.len() <= local {
                self.furthest.resize(local + 1, NOWHERE);
            }
            if self.furthest[local].node == NONE || last.reached.length > self.furthest[local].length {
                self.furthest[local] = last.reached;
            }
            if let Some(before) = self.placed.last_mut()
                && (before.reached.node == NONE || last.reached.length > before.reached.length)
            {
                before.reached = last.reached;
            }
        }
        last.chain
    }

    /// Notes that the current order, in which so many operations returned, cannot be continued.
    pub(super) fn note_end(&mut self, returned: usize) {
        let length = u32::try_from(returned).unwrap_or(NONE);
        let Some(last) = self.placed.last() else { return };
        let further = last.reached.node == NONE || length > last.reached.length;
        let ties = length == self.longest && self.ties.len() < MAX_TIES && last.node == NONE;
        if !further && !ties {
            return;
        }
        let from = self.placed.iter().rposition(|placed| placed.node != NONE);
        let mut node = from.map_or(NONE, |from| self.placed[from].node);
        for placed in &mut self.placed[from.map_or(0, |from| from + 1)..] {
            self.tree.push((placed.local, node));
            node = u32::try_from(self.tree.len() - 1).unwrap_or(NONE);
            placed.node = node;
        }
        if let Some(last) = self.placed.last_mut()
            && further
        {
            last.reached = Reached { length, node };
        }
        if length > self.longest {
            self.longest = length;
            self.ties.clear();
        }
        if length == self.longest && self.ties.len() < MAX_TIES && self.ties.last() != Some(&node) {
            self.ties.push(node);
        }
    }

    /// The longest orders, and for each operation that is in none of them the longest one that holds it, the
    /// longest first; and how many of these were left out, because they would be too many to hold. There is
    /// always one.
    pub(super) fn partials(&self, layout: &Layout) -> (Vec<Partial>, usize) {
        let mut nodes: Vec<(u32, u32)> = self.ties.iter().map(|&node| (self.longest, node)).collect();
        let shown: rustc_hash::FxHashSet<Local> =
            nodes.iter().flat_map(|(_, node)| self.path(*node)).collect();
        let others = (0..).zip(&self.furthest).filter(|(local, _)| !shown.contains(local));
        let mut others: Vec<_> = others
            .filter(|(_, reached)| reached.node != NONE)
            .map(|(_, reached)| (reached.length, reached.node))
            .collect();
        others.sort_unstable_by_key(|(length, node)| (std::cmp::Reverse(*length), *node));
        others.dedup();
        nodes.extend(others);
        if nodes.is_empty() {
            nodes.push((0, NONE));
        }
        let mut partials: Vec<Partial> = Vec::new();
        let (mut places_shown, mut left_out) = (0, nodes.len());
        for (_, node) in &nodes {
            let order = in_order(self.path(*node), self.repeats);
            places_shown += order.len();
            if places_shown > MAX_PLACES_SHOWN && !partials.is_empty() {
                break;
            }
            left_out -= 1;
            if self.repeats && partials.iter().any(|partial| partial.order == order) {
                continue;
            }
            if let Some(stuck) = stuck_after(layout, &order) {
                partials.push(Partial { order, stuck });
            }
        }
        (partials, left_out)
    }

    fn path(&self, node: u32) -> impl Iterator<Item = Local> {
        let mut at = node;
        std::iter::from_fn(move || {
            let &(local, before) = self.tree.get(at as usize)?;
            at = before;
            Some(local)
        })
    }
}

/// What comes last first, in order; of what is there twice, the later.
fn in_order(backwards: impl Iterator<Item = Local>, repeats: bool) -> Vec<Local> {
    let mut placed = rustc_hash::FxHashSet::default();
    let mut order: Vec<Local> = backwards.filter(|local| !repeats || placed.insert(*local)).collect();
    order.reverse();
    order
}

/// The operation that has to be placed before any other may return.
fn stuck_after(layout: &Layout, order: &[Local]) -> Option<Local> {
    let mut placed = vec![false; layout.places.len()];
    for local in order {
        placed[*local as usize] = true;
    }
    let heads = layout.chains.iter().filter_map(|chain| {
        // Chains are placed from the front.
        let done = chain.partition_point(|interval| placed[interval.local as usize]);
        chain.get(done)
    });
    heads.min_by_key(|interval| interval.to).map(|interval| interval.local)
}
