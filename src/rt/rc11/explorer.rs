//! Runs a program along one graph after the other, until none is left.

use super::run::{End, Run};
use crate::explore::rc11::guide::Guide;
use crate::explore::rc11::step::WorkList;
use crate::explore::rc11::{Graph, Model};

/// One in so many graphs on the work list is given away at once.
const GIVEN: usize = 16;

/// The graphs of one program that are still to be executed.
pub(crate) struct Explorer {
    left: WorkList,
    run: Run,
}

impl Explorer {
    /// An exploration that has not begun.
    pub(crate) fn new(model: Model) -> Self {
        Self { left: vec![Graph::default()], run: Run::new(model) }
    }

    /// The same, in which a thread that goes round in a loop lets the others go first.
    pub(crate) fn fair(mut self, fair: bool) -> Self {
        self.run.fair = fair;
        self
    }

    /// The same, in which it matters which of several threads alike is which.
    #[cfg(test)]
    pub(crate) fn symmetric(mut self, symmetric: bool) -> Self {
        self.run.symmetric = symmetric;
        self
    }

    /// The same, in which threads that are not at their end when a run is are left, and not unwound.
    pub(crate) fn leaving(mut self, leaves: bool) -> Self {
        self.run.leaves = leaves;
        self
    }

    /// Whether rounds of loops were left out so far, for others to go first.
    pub(crate) fn left_rounds_out(&self) -> bool {
        self.run.bounded
    }

    /// Whether every graph has been executed.
    pub(crate) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Begins anew. What has turned out to matter stays known.
    pub(crate) fn restart(&mut self) {
        self.left = vec![Graph::default()];
    }

    /// About half of what is left to do: the graphs that would be executed last. These have been there for longest, so
    /// that they differ from others in their first events, and each leads to about as many as all that came after it:
    /// there are few of them. `None` if there is none but the next.
    pub(crate) fn give(&mut self) -> Option<Vec<Graph>> {
        let few = (self.left.len() / GIVEN).max(1);
        (self.left.len() > few).then(|| self.left.drain(..few).collect())
    }

    /// Goes on with these graphs, and no others.
    pub(crate) fn take(&mut self, graphs: Vec<Graph>) {
        self.left = graphs;
    }

    /// Graphs that are executed after all others.
    pub(crate) fn take_back(&mut self, graphs: Vec<Graph>) {
        self.left.splice(..0, graphs);
    }

    /// Forgets all graphs that have not been executed but one, which `choose` chooses by its number. False if there
    /// is none.
    pub(crate) fn keep_one(&mut self, choose: impl FnOnce(usize) -> usize) -> bool {
        if self.left.is_empty() {
            return false;
        }
        let kept = self.left.swap_remove(choose(self.left.len()));
        self.left.clear();
        self.left.push(kept);
        true
    }

    /// The threads that are blocked, and whether each waits for a lock.
    pub(crate) fn blocked(&self) -> Vec<(usize, bool)> {
        self.run.blocked()
    }

    /// The threads that look again and again.
    pub(crate) fn looping(&self) -> Vec<usize> {
        self.run.looping()
    }

    /// Executes `main`, the main thread of the program, along the next graph. `None` if there is none.
    pub(crate) fn execute(&mut self, main: Box<dyn FnOnce()>) -> Option<End> {
        let graph = self.left.pop()?;
        Some(self.run.execute(graph, &mut self.left, main))
    }

    /// Executes `main` as a guide has it.
    pub(crate) fn follow(&mut self, guide: Guide, main: Box<dyn FnOnce()>) -> End {
        self.run.follow(guide, main)
    }

    /// The graph that was executed last.
    pub(crate) fn graph(&self) -> &Graph {
        self.run.graph()
    }
}
