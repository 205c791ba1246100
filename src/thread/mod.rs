//! `std::thread`, decided at run time.
