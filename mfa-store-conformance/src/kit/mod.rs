//! The parts that the suite is built from, for your own tests too: records to store, stores that fail on demand, a
//! service at a given time, consumers with factors, and authenticators in software.

pub mod authenticator;
pub mod factors;
pub mod faults;
pub mod go_simulator;
pub mod later;
pub mod past;
pub mod sample;
pub mod service;
