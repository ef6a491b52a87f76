//! A checker of strict serializability that knows only what clients saw, tested on histories made by hand.
//!
//! It is after K. Kingsbury, P. Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations",
//! VLDB 2020.

mod anomaly;
mod checker;
mod cycle;
mod direct;
mod explain;
mod graph;
mod hand_made;
mod history;
mod versions;
