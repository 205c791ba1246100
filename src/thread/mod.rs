//! `std::thread`, decided at run time.
pub use std::thread::spawn;
