//! Plain memory that a checker can watch.
