//! Channels with crossbeam-channel's signatures, decided at run time.
