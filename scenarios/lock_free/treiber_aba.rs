//! Treiber's stack (IBM RJ 5118, 1986) with nodes that are used again, and the ABA problem.

use selvedge::prelude::*;

selvedge::scenario!(treiber_aba);

/// No node; nodes are numbered from 1.
const NONE: u32 = 0;

/// A stack of nodes 1 and 2, 1 on top.
struct Stack {
    head: AtomicU64,
    next: [AtomicU32; 3],
}

/// Which nodes each got in the end, and what is on top of the stack.
type Owned = (u32, u32, u32);

fn treiber_aba() -> Scenario<Owned> {
    Scenario::new("One actor pops a node; another pops two and pushes the first back. Does a node ever have two owners?")
        .forbidden("the stack hands out a node that the other holds", |&(_, held, top)| held != NONE && held == top)
        .forbidden("both hold one node", |&(one, two, _)| one != NONE && one == two)
        .acceptable("one owner each", |_| true)
        .design("the node's number alone", reused(0).expect(Forbidden))
        .design("number and a tag that counts", reused(1 << 32).expect(Safe))
        .in_practice(
            "a compare-exchange sees that the value is the same, not that nothing happened. Count changes in a tag beside \
             the pointer, or do not use nodes again while another may look: epochs and hazard pointers are for that.",
        )
}

fn node(head: u64) -> u32 {
    let [a, b, c, d, ..] = head.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn pop(stack: &Stack, tag: u64) -> u32 {
    loop {
        let head = stack.head.load(Acquire);
        let top = node(head);
        if top == NONE {
            return NONE;
        }
        let below = stack.next[top as usize].load(Relaxed);
        let new = (head & !u64::from(u32::MAX)).wrapping_add(tag) | u64::from(below);
        if stack.head.compare_exchange(head, new, AcqRel, Relaxed).is_ok() {
            return top;
        }
    }
}

fn push(stack: &Stack, pushed: u32, tag: u64) {
    loop {
        let head = stack.head.load(Relaxed);
        stack.next[pushed as usize].store(node(head), Relaxed);
        let new = (head & !u64::from(u32::MAX)).wrapping_add(tag) | u64::from(pushed);
        if stack.head.compare_exchange(head, new, AcqRel, Relaxed).is_ok() {
            return;
        }
    }
}

/// With what is added to the upper half of the head at each change.
fn reused(tag: u64) -> Design<Stack, u32, Owned> {
    Design::new(|| Stack { head: AtomicU64::new(1), next: [NONE, 2, NONE].map(AtomicU32::new) })
        .actor("pops one", move |stack| pop(stack, tag))
        .actor("pops two, pushes one", move |stack| {
            let first = pop(stack, tag);
            let second = pop(stack, tag);
            if first != NONE {
                push(stack, first, tag);
            }
            second
        })
        .observe(|stack, owned| (owned[0], owned[1], node(stack.head.load(Relaxed))))
}
