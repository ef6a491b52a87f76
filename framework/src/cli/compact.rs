//! `compact`: rewrites a world without the holes in its files.

use std::io::Write;

use clap::Args;
use daystar_model::StoreError;
use daystar_store::lmdb;
use indicatif::HumanCount;

use crate::cli::failure::Failure;
use crate::cli::{Data, Outcome, progress};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let Arguments { data } = arguments;
    let compacted = lmdb::compact(&data.data, data.options(), &mut progress::of_copy("compacting"));
    let compacted = compacted.map_err(|error| match error {
        StoreError::Record { .. } => Failure::Damaged(error),
        error => Failure::Store(error),
    })?;
    writeln!(
        std::io::stdout(),
        "{} objects: {} bytes before, {} bytes now",
        HumanCount(compacted.objects),
        HumanCount(compacted.bytes_before),
        HumanCount(compacted.bytes_after)
    )?;
    Ok(Outcome::Done)
}
