//! End to end: the real programs as processes, on real ports of loopback, as people and scripts
//! use them.
//!
//! Every test has a city of its own in a temporary directory and waits by looking, never by
//! sleeping for a guess; none needs another.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the harness of a test fails by panicking"
)]

/// The modules, one a subject.
mod e2e {
    mod accounts;
    mod across;
    mod attachments;
    mod backup;
    mod bundle;
    mod care;
    mod certificate;
    mod city;
    mod claims;
    mod clerks;
    mod conflicts;
    mod damage;
    mod demo;
    mod dry_run;
    mod encrypted;
    mod enrolment;
    mod erasing;
    mod lists;
    mod records;
    mod refill;
    mod reform;
    mod refusals;
    mod repair;
    mod reports;
    mod returns;
    mod scenes;
    mod serving;
    mod stays;
    mod stick_proof;
    mod transfers;
    mod walk;
    mod works;
    mod year;
}
