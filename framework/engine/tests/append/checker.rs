//! A black-box check of strict serializability, after K. Kingsbury, P. Alvaro, "Elle: Inferring Isolation Anomalies
//! from Experimental Observations", VLDB 2020. It knows nothing of the engine: only what clients saw of
//! lists to which they appended values, each its own.

use crate::anomaly::Anomaly;
use crate::cycle;
use crate::explain::explain;
use crate::graph::{Graph, Kind};
use crate::history::History;
use crate::versions::Versions;

/// What is wrong with a history; nothing, if its committed transactions may have run one at a time, each at some
/// moment between its invocation and its completion.
///
/// Cycles are looked for only when nothing shows without them, since a cycle is inferred from orders that
/// must be trusted first; and of them, those that the weakest edges suffice for.
pub(crate) fn check(history: &History) -> Vec<Anomaly> {
    let versions = Versions::new(history);
    let anomalies = crate::direct::find(history, &versions);
    if !anomalies.is_empty() {
        return anomalies;
    }
    let graph = Graph::new(history, &versions);
    let cycles = LEVELS.iter().map(|kinds| cycle::find(&graph, kinds));
    let worst = cycles.into_iter().find(|cycles| !cycles.is_empty());
    worst.unwrap_or_default().into_iter().map(Anomaly::Cycle).collect()
}

/// What is wrong with a history, in words; `None` if nothing is. Of many anomalies, the first few.
pub(crate) fn verdict(history: &History) -> Option<String> {
    let anomalies = check(history);
    if anomalies.is_empty() {
        return None;
    }
    let told = anomalies.iter().take(ANOMALIES_TOLD).map(|anomaly| explain(history, anomaly));
    let told: Vec<String> = told.collect();
    Some(format!("{} anomalies, the first of which:\n{}", anomalies.len(), told.join("\n")))
}

/// From the worst kind of cycle to the mildest.
const LEVELS: &[&[Kind]] = &[
    &[Kind::WriteWrite],
    &[Kind::WriteWrite, Kind::WriteRead],
    &[Kind::WriteWrite, Kind::WriteRead, Kind::ReadWrite],
    &[Kind::WriteWrite, Kind::WriteRead, Kind::ReadWrite, Kind::RealTime],
];

const ANOMALIES_TOLD: usize = 3;
