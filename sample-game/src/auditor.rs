//! The auditor: looks at the whole living world now and then, and says whether it holds the rules.
//!
//! It sees one moment of it, so no gold is on its way from one purse to another, and it holds nobody up. What is found
//! stays in the world under the name `audits`: `sample-game inspect --name audits` shows it.

use daystar::prelude::*;

use crate::rules;

/// What the auditor has found.
#[managed]
pub struct Audits {
    /// How often it has looked.
    pub runs: u64,
    /// When it last had looked.
    pub last_at: Timestamp,
    /// What it then found to be wrong: the first of it, if there was much.
    pub problems: Vec<String>,
    /// Whether it is looking just now.
    pub is_under_way: bool,
}

/// Under which name a world keeps them.
pub const NAME: &str = "audits";

/// How many problems are kept. Where there are more, the first tell enough.
const PROBLEMS_KEPT: usize = 50;

/// Employs the auditor, in a new world.
pub fn employ(ctx: &Ctx, every: Duration) -> Result<()> {
    let audits = Audits {
        runs: 0,
        last_at: Timestamp::default(),
        problems: Vec::new(),
        is_under_way: false,
    };
    ctx.bind(NAME, ctx.insert(audits)?)?;
    ctx.every(every, AuditNow {}).map(drop)
}

/// It is time to look again, unless a look at a large world takes longer than that.
#[task]
pub struct AuditNow {}

impl Task for AuditNow {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        let audits = ctx.lookup::<Audits>(NAME)?;
        if ctx.get(audits)?.is_under_way {
            return Ok(());
        }
        ctx.get_mut(audits)?.is_under_way = true;
        ctx.survey(Audit {}).map(drop)
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
        problems.truncate(PROBLEMS_KEPT);
        Ok(Findings { problems })
    }

    fn done(&self, ctx: &Ctx, found: Findings) -> Result<()> {
        let mut audits = ctx.get_mut(ctx.lookup::<Audits>(NAME)?)?;
        let is_new = audits.problems != found.problems;
        audits.runs += 1;
        audits.last_at = ctx.now();
        audits.problems = found.problems;
        audits.is_under_way = false;
        if is_new && !audits.problems.is_empty() {
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
