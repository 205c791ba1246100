//! `std::hint`, decided at run time.
