//! `backup`: copies a world as it is at one moment.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use daystar_store::lmdb;
use indicatif::HumanCount;

use crate::cli::failure::Failure;
use crate::cli::{Data, Outcome, progress};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// The folder to copy it to, empty or new; better on another disk.
    #[arg(long)]
    to: PathBuf,
    /// Copies a world whose journal is damaged as it was before the damage, and gives up the commits behind that. `verify` says
    /// which they are.
    #[arg(long)]
    before_damage: bool,
}

/// A damaged world is copied as it is, because a damaged backup is better than none; but the command fails, so that
/// nobody takes it for a good one.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let Arguments { data, to, before_damage } = arguments;
    lmdb::check_free(to)?;
    let moment = match before_damage {
        false => data.moment()?,
        true => data.moment_before_damage()?,
    };
    // Who gives something up says so each time, and knows that there is something to be given up.
    if *before_damage && moment.damage().is_none() {
        let whole = "the journal is not damaged, so nothing has to be given up: leave `--before-damage` away";
        return Err(Failure::Refused(whole.to_owned()));
    }
    let copied = moment.copy_to(to, &mut progress::of_copy("copying"))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for damage in &copied.damages {
        writeln!(out, "problem: {damage}")?;
    }
    let (objects, bytes) = (HumanCount(copied.objects), HumanCount(copied.bytes));
    writeln!(out, "{objects} objects, {bytes} bytes, copied to {}", to.display())?;
    if let Some(damage) = moment.damage() {
        let lost = HumanCount(damage.ends.0.saturating_sub(damage.last_whole.0));
        let epochs = HumanCount(damage.epochs);
        writeln!(
            out,
            "that is the world as of {}: {lost} commits behind it, in {epochs} epochs of the journal, are not in it",
            damage.last_whole
        )?;
    }
    if copied.damaged > 0 {
        let damaged = HumanCount(copied.damaged);
        writeln!(
            out,
            "{damaged} damaged records were copied as they are; keep the last backup that was good, and see `verify`"
        )?;
    }
    out.flush()?;
    Ok(if copied.damaged == 0 { Outcome::Done } else { Outcome::Failed })
}
