//! The deliberate breaks, by name, for the tests that must catch each.

use daystar_engine::Breaks;

/// The ways in which the engine can be broken that must show in what its clients see.
pub(crate) fn seen_by_clients() -> Vec<(&'static str, Breaks)> {
    let sound = Breaks::default();
    vec![
        ("no validation", Breaks { no_validation: true, ..sound }),
        ("validation before locking", Breaks { validation_before_locking: true, ..sound }),
        ("a lock skipped", Breaks { lock_skipped: true, ..sound }),
        ("snapshot after the first read", Breaks { snapshot_after_first_read: true, ..sound }),
        ("installation before the number", Breaks { install_before_number: true, ..sound }),
        ("unchecked extension", Breaks { unchecked_extension: true, ..sound }),
    ]
}
