//! Interruptions of a run, in which nobody acts: so what every client says of its account is of one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::ledger::Holdings;

/// What goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// How often the server was killed. A session of an earlier server is over.
    pub crashes: u32,
    /// How often everybody was called together. Who looks up late may find the same act as before, and that it is another one.
    pub calls: u32,
    /// What the clients are to do.
    pub act: Act,
}

/// What the clients are to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Act {
    /// Whatever their behaviours do.
    #[default]
    Play,
    /// Nothing: the server is down.
    Down,
    /// Nothing, and come back if they are not there.
    Gather,
    /// Say what they have, once, and nothing else.
    State,
}

/// What interrupts a run, shared by the clients and whoever directs them. Clones are the same.
#[derive(Clone, Debug)]
pub struct Intermission {
    scene: watch::Sender<Scene>,
    attendance: Arc<Mutex<Attendance>>,
    /// Somebody has come or said something.
    changed: Arc<Notify>,
    curtain: watch::Sender<Curtain>,
}

/// How the end of the play is agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curtain {
    /// Nobody directs the run, so there is nobody to wait for.
    None,
    Up,
    /// The time is up; the director is to come to an end.
    Asked,
    Fallen,
}

#[derive(Debug, Default)]
struct Attendance {
    /// Everybody who has been in.
    known: BTreeSet<String>,
    /// Those who have come, and to which call. Who is here because of an earlier one may be about to go.
    here: BTreeMap<String, u32>,
    /// Those who are still to say what they have.
    awaited: BTreeSet<String>,
    /// What they have said; nothing, if their behaviour keeps no account.
    stated: BTreeMap<String, Option<Holdings>>,
}

impl Attendance {
    /// Those who have not come to this call.
    fn missing(&self, call: u32) -> impl Iterator<Item = &String> {
        self.known.iter().filter(move |name| self.here.get(*name) != Some(&call))
    }
}

/// A client that waits for the play to go on. Dropped, it does not wait any more.
pub(crate) struct Waiting<'i> {
    intermission: &'i Intermission,
    name: &'i str,
}

/// Those who did not do in time what all were waiting for.
pub(super) type Missing = Vec<String>;

impl Default for Intermission {
    fn default() -> Self {
        Self {
            scene: watch::Sender::new(Scene::default()),
            attendance: Arc::default(),
            changed: Arc::default(),
            curtain: watch::Sender::new(Curtain::None),
        }
    }
}

/// For clients.
impl Intermission {
    /// Waits while the server is down, and gives what goes on then.
    pub(crate) async fn server_is_up(&self) -> Scene {
        self.when(|now| now.act != Act::Down).await
    }

    /// Resolves when the server of that scene is about to be killed.
    pub(crate) async fn crashed_since(&self, scene: Scene) {
        self.when(|now| now.crashes != scene.crashes).await;
    }

    /// Whether the server of that scene was killed, or is about to be.
    pub(crate) fn has_crashed_since(&self, scene: Scene) -> bool {
        self.scene.borrow().crashes != scene.crashes
    }

    /// Resolves when another server has taken the place of that scene's.
    pub(crate) async fn replaced(&self, scene: Scene) {
        self.when(|now| now.crashes != scene.crashes && now.act != Act::Down).await;
    }

    /// Resolves when those who have come in that scene are to stop acting.
    pub(crate) async fn interrupted(&self, scene: Scene) {
        self.when(|now| now.crashes == scene.crashes && now.act != Act::Play).await;
    }

    /// Waits until it is another scene than that, if there was one.
    pub(crate) async fn other_than(&self, scene: Option<Scene>) -> Scene {
        self.when(|now| Some(*now) != scene).await
    }

    async fn when(&self, is_so: impl Fn(&Scene) -> bool) -> Scene {
        let mut scene = self.scene.subscribe();
        // The sender is `self`, so it is not gone.
        scene.wait_for(is_so).await.map(|scene| *scene).unwrap_or_default()
    }

    /// The client is in, and is waited for from now on.
    pub(crate) fn joined(&self, name: &str) {
        self.attendance.lock().known.insert(name.to_owned());
    }

    /// The client does nothing until the play goes on.
    pub(crate) fn wait<'i>(&'i self, name: &'i str) -> Waiting<'i> {
        Waiting { intermission: self, name }
    }

    /// The run is over, unless somebody directs it, who has to come to an end first. Waits for that.
    pub(crate) async fn end(&self) {
        let mut curtain = self.curtain.subscribe();
        self.curtain.send_if_modified(|curtain| {
            let is_up = *curtain == Curtain::Up;
            if is_up {
                *curtain = Curtain::Asked;
            }
            is_up
        });
        // The sender is `self`, so it is not gone.
        let _ = curtain.wait_for(|now| matches!(now, Curtain::None | Curtain::Fallen)).await;
    }
}

/// For whoever keeps the time.
impl Intermission {
    /// Resolves when the director has come to an end, which may be because there is nothing left to direct.
    pub(crate) async fn has_ended(&self) {
        let mut curtain = self.curtain.subscribe();
        let _ = curtain.wait_for(|now| *now == Curtain::Fallen).await;
    }
}

impl Waiting<'_> {
    /// The client has heard the call of that scene, and is there.
    pub(crate) fn comes(&self, scene: Scene) {
        self.intermission.attendance.lock().here.insert(self.name.to_owned(), scene.calls);
        self.intermission.changed.notify_one();
    }

    /// Whether the client is to say what it has.
    pub(crate) fn is_asked(&self) -> bool {
        self.intermission.attendance.lock().awaited.contains(self.name)
    }

    /// What the client has, as the server says. Counts once, and only if everybody is asked now.
    pub(crate) fn state(&self, holdings: Option<Holdings>) {
        let mut attendance = self.intermission.attendance.lock();
        if attendance.awaited.remove(self.name) {
            attendance.stated.insert(self.name.to_owned(), holdings);
            self.intermission.changed.notify_one();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.intermission.attendance.lock().here.remove(self.name);
    }
}

/// For the director.
impl Intermission {
    /// Somebody directs the run from now on; it does not end without them.
    pub(super) fn raise_curtain(&self) {
        self.curtain.send_replace(Curtain::Up);
    }

    /// The run may end.
    pub(crate) fn drop_curtain(&self) {
        self.curtain.send_replace(Curtain::Fallen);
    }

    /// Resolves when the run is to end.
    pub(super) async fn end_is_due(&self) {
        let mut curtain = self.curtain.subscribe();
        let _ = curtain.wait_for(|now| *now == Curtain::Asked).await;
    }

    /// From now on the clients are to do this.
    pub(super) fn play(&self, act: Act) {
        self.scene.send_modify(|scene| scene.act = act);
    }

    /// The server is about to be killed.
    pub(super) fn crash(&self) {
        self.scene.send_modify(|scene| {
            *scene = Scene { crashes: scene.crashes + 1, act: Act::Down, ..*scene };
        });
    }

    /// Waits until everybody is there, at most so long, and says who is not.
    pub(super) async fn gather(&self, patience: Duration) -> Missing {
        self.scene.send_modify(|scene| {
            *scene = Scene { calls: scene.calls + 1, act: Act::Gather, ..*scene };
        });
        let call = self.scene.borrow().calls;
        self.until(patience, |attendance| attendance.missing(call).next().is_none()).await;
        self.attendance.lock().missing(call).cloned().collect()
    }

    /// Lets everybody who is there say what they have, and says who did not.
    pub(super) async fn statements(
        &self,
        patience: Duration,
    ) -> (BTreeMap<String, Holdings>, Missing) {
        {
            let call = self.scene.borrow().calls;
            let mut attendance = self.attendance.lock();
            let here = attendance.here.iter().filter(|(_, to)| **to == call);
            attendance.awaited = here.map(|(name, _)| name.clone()).collect();
            attendance.stated.clear();
        }
        self.play(Act::State);
        self.until(patience, |attendance| attendance.awaited.is_empty()).await;
        let mut attendance = self.attendance.lock();
        let stated = std::mem::take(&mut attendance.stated).into_iter();
        let missing = std::mem::take(&mut attendance.awaited).into_iter().collect();
        (stated.filter_map(|(name, has)| Some((name, has?))).collect(), missing)
    }

    async fn until(&self, patience: Duration, is_done: impl Fn(&Attendance) -> bool) {
        let done = async {
            while !is_done(&self.attendance.lock()) {
                self.changed.notified().await;
            }
        };
        // Whoever is missing then is named.
        let _ = timeout(patience, done).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Good;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    fn gold(amount: i128) -> Holdings {
        Holdings::default().with(Good::amount("gold"), amount)
    }

    /// Calls everybody, and `who` come; those who do not.
    async fn gather(
        intermission: &Intermission,
        who: &[&Waiting<'_>],
        patience: Duration,
    ) -> Missing {
        let coming = async {
            let scene = intermission.when(|scene| scene.act == Act::Gather).await;
            who.iter().for_each(|waiting| waiting.comes(scene));
        };
        tokio::join!(intermission.gather(patience), coming).0
    }

    #[tokio::test]
    async fn everybody_who_has_been_in_is_waited_for() {
        let intermission = Intermission::default();
        intermission.joined("ann");
        intermission.joined("bob");
        let ann = intermission.wait("ann");
        assert_eq!(gather(&intermission, &[&ann], SHORT).await, ["bob"]);
        drop(ann);
        assert_eq!(gather(&intermission, &[], SHORT).await, ["ann", "bob"], "ann is gone again");
        let (ann, bob) = (intermission.wait("ann"), intermission.wait("bob"));
        assert_eq!(gather(&intermission, &[&ann, &bob], LONG).await, Missing::new());
    }

    #[tokio::test]
    async fn who_is_only_still_there_since_the_last_call_is_waited_for() {
        let intermission = Intermission::default();
        intermission.joined("ann");
        let ann = intermission.wait("ann");
        assert_eq!(gather(&intermission, &[&ann], LONG).await, Missing::new());
        // She has heard that, and is about to go, when all are called once more.
        intermission.play(Act::Play);
        assert_eq!(gather(&intermission, &[], SHORT).await, ["ann"]);
        drop(ann);
        let ann = intermission.wait("ann");
        assert_eq!(gather(&intermission, &[&ann], LONG).await, Missing::new());
    }

    #[tokio::test]
    async fn statements_are_those_of_this_time() {
        let intermission = Intermission::default();
        intermission.joined("ann");
        intermission.joined("bob");
        let (ann, bob) = (intermission.wait("ann"), intermission.wait("bob"));
        assert_eq!(gather(&intermission, &[&ann, &bob], LONG).await, Missing::new());
        ann.state(Some(gold(1)));
        assert!(!ann.is_asked());
        let saying = async {
            intermission.when(|scene| scene.act == Act::State).await;
            assert!(ann.is_asked() && bob.is_asked());
            bob.state(None);
        };
        let (said, ()) = tokio::join!(intermission.statements(SHORT), saying);
        assert_eq!(said, (BTreeMap::new(), vec!["ann".to_owned()]), "ann spoke too early");
        let saying = async {
            tokio::task::yield_now().await;
            ann.state(Some(gold(2)));
            bob.state(None);
        };
        let ((stated, missing), ()) = tokio::join!(intermission.statements(LONG), saying);
        assert_eq!((stated, missing), ([("ann".to_owned(), gold(2))].into(), Missing::new()));
    }

    #[tokio::test]
    async fn who_looks_up_late_sees_that_everybody_is_called_once_more() {
        let intermission = Intermission::default();
        intermission.joined("ann");
        let ann = intermission.wait("ann");
        let mut seen = None;
        for _ in 0..2 {
            assert_eq!(gather(&intermission, &[&ann], LONG).await, Missing::new());
            let (said, ()) = tokio::join!(intermission.statements(LONG), async {
                let scene = intermission.other_than(seen).await;
                assert_eq!(scene.act, Act::State);
                seen = Some(scene);
                ann.state(Some(gold(1)));
            });
            assert_eq!(said.1, Missing::new());
            intermission.play(Act::Play);
        }
    }

    #[tokio::test]
    async fn a_run_that_nobody_directs_ends_at_once_and_others_with_their_director() {
        let intermission = Intermission::default();
        intermission.end().await;
        intermission.raise_curtain();
        assert!(timeout(SHORT, intermission.end()).await.is_err(), "it must wait");
        intermission.end_is_due().await;
        intermission.drop_curtain();
        intermission.has_ended().await;
        intermission.end().await;
    }

    #[tokio::test]
    async fn a_crash_outdates_all_sessions() {
        let intermission = Intermission::default();
        let before = intermission.server_is_up().await;
        intermission.crash();
        intermission.crashed_since(before).await;
        for pending in [
            timeout(SHORT, intermission.replaced(before)).await,
            timeout(SHORT, intermission.interrupted(before)).await,
        ] {
            assert!(
                pending.is_err(),
                "the next server is not there yet, and nobody is asked to wait"
            );
        }
        intermission.play(Act::Gather);
        intermission.replaced(before).await;
        let behind = intermission.server_is_up().await;
        assert_eq!(behind, Scene { crashes: before.crashes + 1, act: Act::Gather, ..before });
        intermission.interrupted(behind).await;
        assert!(
            timeout(SHORT, intermission.interrupted(before)).await.is_err(),
            "its sessions are over"
        );
    }
}
