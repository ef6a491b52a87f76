//! `verify`: checks a world, and lists what is wrong.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};

use clap::Args;
use indicatif::HumanCount;

use crate::cli::failure::Failure;
use crate::cli::progress::Progress;
use crate::cli::{Data, Outcome};
use crate::game::problems::Problems;
use crate::game::rules::Game;
use crate::server::records::check_records;
use crate::server::verify::check_rules;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// How many problems are listed, of damaged objects and of broken rules each; all are counted.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
}

pub(super) fn run<G: Game>(game: &G, arguments: &Arguments) -> Result<Outcome, Failure> {
    let Arguments { data, limit } = arguments;
    let moment = data.moment_before_damage()?;
    let mut progress = Progress::of("checking");
    let records = check_records(&moment, *limit, &mut |done, all| progress.tell(done, all))?;
    drop(progress);
    // Listed before the game's code looks at the world, which it may not be prepared for.
    let mut out = BufWriter::new(std::io::stdout().lock());
    list(&mut out, &records.problems)?;
    out.flush()?;
    let mut progress = Progress::without_end("checking the game's rules");
    let rules = check_rules(game, &moment, *limit, &mut |looked_at| progress.count(looked_at));
    drop(progress);
    list(&mut out, &rules)?;
    if moment.damage().is_some_and(|damage| damage.is_overwritten) {
        writeln!(out, "the game's rules were not checked: some objects may be newer than others")?;
    }

    let objects = HumanCount(records.objects);
    let as_of = moment.damage().map(|damage| format!(" as of {}", damage.last_whole));
    let as_of = as_of.unwrap_or_default();
    let (records, rules) = (records.problems, rules);
    let count = records.count() + rules.count();
    if count == 0 {
        writeln!(out, "{objects} objects, all well")?;
        out.flush()?;
        return Ok(Outcome::Done);
    }
    writeln!(out, "{objects} objects{as_of}, {} problems", HumanCount(count))?;
    let mut kinds: BTreeMap<&str, u64> = records.kinds().collect();
    kinds.extend(rules.kinds());
    for (kind, count) in kinds {
        writeln!(out, "{:>9} {kind}", HumanCount(count).to_string())?;
    }
    out.flush()?;
    Ok(Outcome::Failed)
}

/// Says what is wrong, one problem a line.
pub(super) fn list(out: &mut impl Write, problems: &Problems) -> Result<(), Failure> {
    for problem in problems.listed() {
        writeln!(out, "problem: {problem}")?;
    }
    let more = problems.count() - problems.listed().len() as u64;
    if more > 0 {
        writeln!(out, "and {} more; a higher `--limit` lists them", HumanCount(more))?;
    }
    Ok(())
}
