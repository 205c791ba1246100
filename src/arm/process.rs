//! Primitives that work across processes, in memory mapped by all of them.
