//! A package that is new to selvedge.
