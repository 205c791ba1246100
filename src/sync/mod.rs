//! `std::sync`, decided at run time: the real thing outside a model, a checker's inside.
