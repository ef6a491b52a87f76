//! The auditor: looks at the whole living world now and then, and says whether it holds the rules.
//!
//! It sees one moment of it, so no gold is on its way from one purse to another, and it holds nobody up. What is found
//! stays in the world under the name `audits`: `sample-game inspect --name audits` shows it.

use daystar::prelude::*;

use crate::rules;
use crate::settings::AUDIT_PATIENCE;

/// What the auditor has found.
#[managed]
pub struct Audits {
    /// How often it has looked.
    pub runs: u64,
    /// When it last had looked.
    pub last_at: Timestamp,
    /// What it then found to be wrong: the first of it, if there was much.
    pub problems: Vec<String>,
    /// The look that is under way, if one is.
    pub under_way: Option<UnderWay>,
}

/// A look that has begun.
#[managed]
#[derive(Copy, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// The survey that looks.
    pub audit: TaskHandle,
    /// When it began.
    pub since: Timestamp,
}

/// Under which name a world keeps them.
pub const NAME: &str = "audits";

/// How many problems are kept. Where there are more, the first tell enough.
const PROBLEMS_KEPT: usize = 50;

/// Employs the auditor, in a new world.
pub fn employ(ctx: &Ctx, every: Duration) -> Result<()> {
    let audits =
        Audits { runs: 0, last_at: Timestamp::default(), problems: Vec::new(), under_way: None };
    ctx.bind(NAME, ctx.insert(audits)?)?;
    ctx.every(every, AuditNow {}).map(drop)
}

/// It is time to look again, unless a look at a large world takes longer than that.
#[task]
pub struct AuditNow {}

impl Task for AuditNow {
    // Set aside, it would look no more.
    const RETRY: Retry = Retry::FOREVER;

    fn run(&self, ctx: &Ctx) -> Result<()> {
        let audits = ctx.lookup::<Audits>(NAME)?;
        let before = ctx.get(audits)?.under_way;
        if let Some(UnderWay { audit, since }) = before {
            if ctx.now().since(since) < AUDIT_PATIENCE {
                return Ok(());
            }
            // It may be gone without an end: an operator can discard a survey that fails.
            ctx.cancel(audit)?;
        }
        let audit = ctx.survey(Audit {})?;
        ctx.get_mut(audits)?.under_way = Some(UnderWay { audit, since: ctx.now() });
        Ok(())
    }
}

/// A look at the whole world.
#[survey]
pub struct Audit {}

/// What was wrong with a world.
#[managed]
pub struct Findings {
    /// In words.
    pub problems: Vec<String>,
}

impl Survey for Audit {
    type Found = Findings;
    // A look that is set aside would be the last.
    const RETRY: Retry = Retry::FOREVER;

    fn look(&self, world: &World<'_>) -> Result<Findings> {
        rules::check(world)?;
        let mut problems = world.problems();
        // The rules find them in any order; of the same ones, the same are kept.
        problems.sort();
        problems.truncate(PROBLEMS_KEPT);
        Ok(Findings { problems })
    }

    fn done(&self, ctx: &Ctx, found: Findings) -> Result<()> {
        let mut audits = ctx.get_mut(ctx.lookup::<Audits>(NAME)?)?;
        let was_well = audits.problems.is_empty();
        audits.runs += 1;
        audits.last_at = ctx.now();
        audits.problems = found.problems;
        audits.under_way = None;
        // Once, when it begins: how much gold there is too much changes with every hand that it goes through.
        if was_well && !audits.problems.is_empty() {
            ctx.spawn(Alarm { problems: audits.problems.clone() })?;
        }
        Ok(())
    }
}

/// Tells the operator that rules are broken: by failing, with what is wrong as its cause. So it is an error in the log, and set
/// aside where `sample-game inspect tasks` shows it, until somebody discards it.
#[task]
pub struct Alarm {
    /// What is wrong.
    pub problems: Vec<String>,
}

impl Task for Alarm {
    const RETRY: Retry = Retry::NEVER;

    fn run(&self, _ctx: &Ctx) -> Result<()> {
        bail!("the world breaks its rules: {}", self.problems.join("; "))
    }
}
