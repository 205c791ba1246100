//! Every shipped scenario on every engine, and its snapshot.

selvedge::reuse_stacks!();

selvedge::harness!(
    basics: "scenarios/basics",
    memory_order: "scenarios/memory_order",
    locks: "scenarios/locks",
    coordination: "scenarios/coordination",
    futures: "scenarios/futures",
    lock_free: "scenarios/lock_free",
    processes: "scenarios/processes",
    objects: "scenarios/objects",
);
