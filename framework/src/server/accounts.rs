//! The accounts of a world, for who checks passwords: each look is a task on the world's workers.

use std::marker::PhantomData;
use std::sync::Arc;

use daystar_engine::{Engine, Job, Outcome};
use tokio::sync::oneshot;

use crate::game::accounts::{AddAccount, FindAccount, Found};
use crate::game::events::reason;
use crate::game::rules::Game;
use crate::login::{Account, Accounts, AccountsFuture, LoginError};
use crate::scheduler::queue::RunQueue;

/// The accounts of the world whose work goes into `queue`.
pub(crate) struct WorldAccounts<G> {
    queue: Arc<RunQueue>,
    game: PhantomData<fn() -> G>,
}

impl<G: Game> WorldAccounts<G> {
    pub(crate) fn new(queue: Arc<RunQueue>) -> Self {
        Self { queue, game: PhantomData }
    }

    /// Runs `job`, and gives what it has found when it has committed.
    async fn run<T: Send + 'static>(
        &self,
        job: impl Job + 'static,
        found: Found<T>,
    ) -> Result<T, LoginError> {
        let (tell, told) = oneshot::channel();
        let work = move |engine: &Engine| {
            let outcome = match engine.run(&job) {
                Outcome::Committed(_) => Ok(()),
                Outcome::Failed(cause) => Err(reason(&cause)),
            };
            // The client may have gone.
            let _ = tell.send(outcome);
        };
        self.queue.push_loose(Box::new(work));
        let failed = |cause| LoginError::Failed { cause };
        told.await.map_err(|_| failed("the server is stopping".to_owned()))?.map_err(failed)?;
        found.take().ok_or_else(|| failed("a task committed and has found nothing".to_owned()))
    }
}

impl<G: Game> Accounts for WorldAccounts<G> {
    fn find<'a>(&'a self, name: &'a str) -> AccountsFuture<'a, Option<Account>> {
        let found = Found::default();
        let job = FindAccount::<G>::new(name.to_owned(), found.clone());
        Box::pin(self.run(job, found))
    }

    fn add(&self, account: Account) -> AccountsFuture<'_, bool> {
        let found = Found::default();
        let job = AddAccount::<G>::new(account, found.clone());
        Box::pin(self.run(job, found))
    }
}
