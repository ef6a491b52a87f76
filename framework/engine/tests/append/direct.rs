//! The anomalies that show without looking for cycles.

use std::collections::{BTreeMap, BTreeSet};

use crate::anomaly::{Anomaly, Wanted};
use crate::history::{History, Operation, Transaction};
use crate::versions::Versions;

/// All of them. A value that is wrong in a list is told once, of the first who saw it.
pub(crate) fn find(history: &History, versions: &Versions<'_>) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    let mut told = BTreeSet::new();
    for (reader, transaction) in history.committed() {
        anomalies.extend(inconsistent(reader, transaction));
        for (list, values) in transaction.reads() {
            let wrong = strangers(versions, reader, list, values);
            let wrong = wrong.chain(duplicated(reader, list, values));
            anomalies.extend(
                wrong.filter_map(|(value, anomaly)| told.insert((list, value)).then_some(anomaly)),
            );
            anomalies.extend(incompatible(versions, reader, list, values));
        }
    }
    anomalies.extend(lost(history, versions));
    anomalies
}

/// A transaction that does not see its own appends, or sees a list change in between.
fn inconsistent(reader: usize, transaction: &Transaction) -> Option<Anomaly> {
    let mut wanted: BTreeMap<usize, Wanted> = BTreeMap::new();
    for operation in &transaction.operations {
        match operation {
            Operation::Append(list, value) => {
                wanted.entry(*list).or_insert(Wanted::EndingIn(Vec::new())).push(*value);
            }
            Operation::Read(list, values) => {
                let wanted = wanted.insert(*list, Wanted::Exactly(values.clone()));
                if let Some(wanted) = wanted.filter(|wanted| !wanted.is_met_by(values)) {
                    let (list, values) = (*list, values.clone());
                    return Some(Anomaly::Inconsistent { list, reader, wanted, values });
                }
            }
        }
    }
    None
}

/// Values that nobody appended to the list, or whose appender failed.
fn strangers(
    versions: &Versions<'_>,
    reader: usize,
    list: usize,
    values: &[u64],
) -> impl Iterator<Item = (u64, Anomaly)> {
    values.iter().filter_map(move |&value| match versions.appender(list, value) {
        None => Some((value, Anomaly::Invented { list, reader, value })),
        Some(_) if versions.committed_appender(list, value).is_some() => None,
        Some(appender) => Some((value, Anomaly::DirtyRead { list, reader, value, appender })),
    })
}

/// A value that is there twice.
fn duplicated(reader: usize, list: usize, values: &[u64]) -> Option<(u64, Anomaly)> {
    let mut seen = BTreeSet::new();
    let value = values.iter().copied().find(|value| !seen.insert(*value))?;
    Some((value, Anomaly::Duplicated { list, reader, value }))
}

/// A read that is not the beginning of the longest read.
fn incompatible(
    versions: &Versions<'_>,
    reader: usize,
    list: usize,
    values: &[u64],
) -> Option<Anomaly> {
    let longest = versions.longest(list);
    (!longest.starts_with(values)).then(|| Anomaly::IncompatibleOrders {
        list,
        reader,
        values: values.to_vec(),
        longest: longest.to_vec(),
    })
}

/// Committed appends in no longest read, though somebody looked who was invoked after the commit.
fn lost<'h>(history: &'h History, versions: &Versions<'h>) -> Vec<Anomaly> {
    let unseen = versions.unseen().into_iter();
    let lost = unseen.filter_map(|(appender, list, value)| {
        let completed = history.transactions[appender].completed;
        let mut later =
            history.committed().filter(|(_, transaction)| transaction.invoked > completed);
        let reader = later.find_map(|(reader, transaction)| {
            let (_, values) = transaction.reads().find(|(read, _)| *read == list)?;
            (!values.contains(&value)).then_some(reader)
        })?;
        Some(Anomaly::LostAppend { list, appender, value, reader })
    });
    lost.collect()
}
