//! loom's primitives, as the facade wants them.
