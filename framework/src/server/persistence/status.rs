//! How far the disk is behind the world: for whoever asks, and as metrics.

use std::time::Duration;

use daystar_model::CommitNumber;
use daystar_model::store::StoreStatus;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::server::persistence::Persistence;
use crate::server::persistence::backlog::Written;

/// How far the disk is behind the world, and what has been written since the start; from [`Server::journal`](crate::Server::journal).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct JournalStatus {
    /// The number of the last commit.
    pub last_committed: u64,
    /// The number of the last commit that is on disk, with all before it.
    pub last_durable: u64,
    /// How many commits are not on disk.
    pub commits_waiting: u64,
    /// How many bytes the objects changed by those take in memory, about.
    pub bytes_waiting: u64,
    /// How long the oldest of them has been waiting, in milliseconds.
    pub oldest_ms: f64,
    /// How many epochs have been written.
    pub epochs: u64,
    /// How many changes of objects those held.
    pub changes: u64,
    /// How many objects were written for those changes: one that was changed several times in an epoch is written once.
    pub objects_written: u64,
    /// How many bytes those objects take in memory, about.
    pub bytes_written: u64,
    /// Why the store takes nothing at the moment, if so it is. Changes are refused until it does.
    pub refusing: Option<String>,
}

/// What waits at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) last: CommitNumber,
    pub(crate) durable: CommitNumber,
    pub(crate) bytes: usize,
    pub(crate) oldest: Duration,
}

/// What has been written since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    epochs: u64,
    changes: u64,
    objects: u64,
    bytes: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, written: Written) {
        self.epochs += 1;
        self.changes += written.changes as u64;
        self.objects += written.objects as u64;
        self.bytes += written.bytes as u64;
    }
}

impl Persistence {
    /// How far the disk is behind.
    pub(crate) fn status(&self) -> JournalStatus {
        let (waiting, totals) = self.backlog.look();
        JournalStatus {
            last_committed: waiting.last.0,
            last_durable: waiting.durable.0,
            commits_waiting: waiting.last.0 - waiting.durable.0,
            bytes_waiting: waiting.bytes as u64,
            oldest_ms: waiting.oldest.as_secs_f64() * 1e3,
            epochs: totals.epochs,
            changes: totals.changes,
            objects_written: totals.objects,
            bytes_written: totals.bytes,
            refusing: self.faults.cause(),
        }
    }

    /// Shows, as metrics, how far the disk is behind at the moment.
    pub(crate) fn show(&self) {
        let status = self.status();
        gauge!("daystar_journal_commits_waiting").set(status.commits_waiting as f64);
        gauge!("daystar_journal_bytes_waiting").set(status.bytes_waiting as f64);
        gauge!("daystar_journal_lag_seconds").set(status.oldest_ms / 1e3);
        gauge!("daystar_journal_last_committed").set(status.last_committed as f64);
        gauge!("daystar_journal_last_durable").set(status.last_durable as f64);
        gauge!("daystar_journal_refusing").set(f64::from(u8::from(status.refusing.is_some())));
    }
}

/// Shows, as metrics, how the store is doing.
pub(crate) fn show_store(status: &StoreStatus) {
    gauge!("daystar_store_journal_bytes").set(status.journal_bytes as f64);
    let is_failing = status.checkpoint_failure.is_some();
    gauge!("daystar_store_checkpoints_failing").set(f64::from(u8::from(is_failing)));
}

/// Shows, as metrics, an epoch that took `time` to be written.
pub(crate) fn show_epoch(written: Written, time: Duration) {
    counter!("daystar_journal_epochs_total").increment(1);
    counter!("daystar_journal_changes_total").increment(written.changes as u64);
    counter!("daystar_journal_objects_written_total").increment(written.objects as u64);
    counter!("daystar_journal_bytes_written_total").increment(written.bytes as u64);
    histogram!("daystar_journal_write_seconds").record(time.as_secs_f64());
}

/// Shows, as metrics, that the store has refused an epoch.
pub(crate) fn show_refusal() {
    counter!("daystar_journal_refusals_total").increment(1);
}

/// Says what the metrics mean, to whoever collects them.
pub(crate) fn describe() {
    describe_gauge!("daystar_journal_commits_waiting", "commits that are not on disk");
    describe_gauge!(
        "daystar_journal_bytes_waiting",
        "bytes, in memory, of changed objects that are not on disk"
    );
    describe_gauge!(
        "daystar_journal_lag_seconds",
        "how long the oldest commit that is not on disk has waited"
    );
    describe_gauge!("daystar_journal_last_committed", "number of the last commit");
    describe_gauge!("daystar_journal_last_durable", "number of the last commit that is on disk");
    describe_gauge!("daystar_journal_refusing", "1 while the store takes nothing");
    describe_gauge!(
        "daystar_store_journal_bytes",
        "bytes in the journal that no checkpoint has overtaken"
    );
    describe_gauge!(
        "daystar_store_checkpoints_failing",
        "1 while no checkpoint can be made, so that the journal grows"
    );
    describe_counter!("daystar_journal_epochs_total", "epochs written");
    describe_counter!("daystar_journal_changes_total", "changes of objects in those epochs");
    describe_counter!("daystar_journal_objects_written_total", "objects written for those changes");
    describe_counter!("daystar_journal_bytes_written_total", "bytes of those objects, in memory");
    describe_counter!("daystar_journal_refusals_total", "times the store has refused an epoch");
    describe_histogram!("daystar_journal_write_seconds", "time to write and sync an epoch");
}
