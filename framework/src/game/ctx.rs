//! [`Ctx`]: the one thing through which a task touches the world.

use std::any::TypeId;
use std::cell::{Cell, RefCell, RefMut};
use std::hash::Hash;
use std::time::Duration;

use bytes::Bytes;
use daystar_engine::{Attempt, Delivery, Durability, Effect, Error, Read, TaskRng, Write};
use daystar_model::{Managed, ObjectId, Ref, Space, Timestamp, TypeDescriptor};
use daystar_protocol::frame::TO_CLIENT_BYTES_MAX;
use daystar_protocol::message::{EncodeError, Message};
use daystar_protocol::to_client::{event_frame, reply_frame};
use rand::RngExt;

use crate::game::accounts;
use crate::game::channel::Channel;
use crate::game::external::External;
use crate::game::manner::{At, By, Manner, key};
use crate::game::names::{self, NameError};
use crate::game::plan::Plan;
use crate::game::removal::{DEPTH_MAX, RemovalTooDeep, hook_of};
use crate::game::rules::Result;
use crate::game::session::{Asked, Attached, Session, SessionError, SessionRecord};
use crate::game::survey::Survey;
use crate::game::sweep::Sweep;
use crate::game::task::{Task, TaskHandle};
use crate::game::task_record::{Stage, TaskKinds, TaskRecord};
use crate::game::walk::{self, Walk};
use crate::login::{Account, Identity};

/// A task's view of the world, and its way to change it. Everything that a task does goes through here, and happens only if the task commits.
pub struct Ctx<'a, 'e> {
    attempt: &'a Attempt<'e>,
    /// The one message type that this game's clients understand.
    event: EventType,
    asked: Option<Asked>,
    has_replied: Cell<bool>,
    /// How many removals are under way, each within another.
    removals: Cell<u32>,
    /// What went wrong in a call that returns nothing; makes the task fail at its end.
    problem: RefCell<Option<Error>>,
}

/// The type of a game's events.
#[derive(Clone, Copy)]
pub(crate) struct EventType {
    id: TypeId,
    name: &'static str,
}

impl EventType {
    pub(crate) fn of<M: Message>() -> Self {
        Self { id: TypeId::of::<M>(), name: M::NAME }
    }
}

impl<'a, 'e> Ctx<'a, 'e> {
    pub(crate) fn new(attempt: &'a Attempt<'e>, event: EventType, asked: Option<Asked>) -> Self {
        Self {
            attempt,
            event,
            asked,
            has_replied: Cell::new(false),
            removals: Cell::new(0),
            problem: RefCell::new(None),
        }
    }

    // Objects.

    /// Looks at an object. The guard derefs to `&T`; while it lives, the object cannot be changed by this
    /// task.
    ///
    /// # Errors
    /// The object was removed, is of another type, or is being changed by this task right now.
    pub fn get<T: Managed>(&self, object: Ref<T>) -> Result<Read<'_, T>> {
        Ok(self.attempt.get(id_of(self.attempt, object)?)?)
    }

    /// Changes an object. The guard derefs to `&mut T`; while it lives, this task cannot get the object a
    /// second time.
    ///
    /// # Errors
    /// The object was removed, is of another type, or a guard of it is still alive.
    pub fn get_mut<T: Managed>(&self, object: Ref<T>) -> Result<Write<'_, T>> {
        Ok(self.attempt.get_mut(id_of(self.attempt, object)?)?)
    }

    /// Changes an object without looking at it: for adding, appending and the like. `operation` is done when the task
    /// commits, to the value that the object has by then. So tasks that only do this to an object are not in each
    /// other's way, however many they are; with [`get_mut`](Self::get_mut), of two at once one is run again.
    ///
    /// A task that has looked at the object, or looks at it later, sees its own operations done. It is then one that
    /// has looked: another's change to the object makes it run again.
    ///
    /// The operation must depend on nothing but the value, and be short, since others wait for the object
    /// meanwhile. It cannot use `ctx`; what the task knows, move into it.
    ///
    /// ```
    /// use daystar::prelude::*;
    ///
    /// #[managed]
    /// pub struct Chronicle { pub lines: Vec<String> }
    ///
    /// fn write_down(ctx: &Ctx, chronicle: Ref<Chronicle>, line: &str) -> Result<()> {
    ///     let line = format!("{}: {line}", ctx.now().unix_ms);
    ///     ctx.update(chronicle, move |chronicle| {
    ///         ensure!(chronicle.lines.len() < 1_000, "the chronicle is full");
    ///         chronicle.lines.push(line.clone());
    ///         Ok(())
    ///     })
    /// }
    /// ```
    ///
    /// A number that is added to is a [`Counter`](crate::Counter) already.
    ///
    /// # Errors
    /// The object was removed, is of another type, or a guard of it is still alive; or what `operation` returns. Since
    /// the object is not looked at, this may be known only when the task is at its end: it then fails as if this call
    /// had, with the same text for the client.
    pub fn update<T: Managed>(
        &self,
        object: Ref<T>,
        operation: impl Fn(&mut T) -> Result<()> + 'static,
    ) -> Result<()> {
        self.attempt.update(id_of(self.attempt, object)?, operation)
    }

    /// Whether there is such an object.
    ///
    /// # Errors
    /// The object is of another type, or is being changed by this task right now.
    pub fn exists<T: Managed>(&self, object: Ref<T>) -> Result<bool> {
        Ok(self.attempt.find::<T>(id_of(self.attempt, object)?)?.is_some())
    }

    /// Makes a new object of the world.
    ///
    /// # Errors
    /// The task has touched as many objects as it may.
    pub fn insert<T: Managed>(&self, value: T) -> Result<Ref<T>> {
        Ok(Ref::from_id(self.attempt.insert(Space::Object, value)?))
    }

    /// Removes an object, and what goes with it: see [`OnRemove`](crate::OnRemove). References to it are from then on clear
    /// errors, never another object.
    ///
    /// # Errors
    /// The object was removed before, is of another type, or a guard of it is still alive; or what goes with it cannot go.
    pub fn remove<T: Managed>(&self, object: Ref<T>) -> Result<()> {
        let id = id_of(self.attempt, object)?;
        let Some(hook) = hook_of::<T>() else { return Ok(self.attempt.remove::<T>(id)?) };
        if self.removals.get() >= DEPTH_MAX {
            return Err(RemovalTooDeep { type_name: T::TYPE_NAME }.into());
        }
        let value = T::clone(&*self.attempt.get::<T>(id)?);
        // Before what goes with it, so that two objects which name each other go once.
        self.attempt.remove::<T>(id)?;
        self.removals.set(self.removals.get() + 1);
        let outcome = hook(&value, self);
        self.removals.set(self.removals.get() - 1);
        outcome
    }

    // Names.

    /// Gives an object a name to find it by.
    ///
    /// # Errors
    /// The name is bound already, or begins with `daystar/`.
    pub fn bind<T: Managed>(&self, name: &str, object: Ref<T>) -> Result<()> {
        names::check_not_reserved(name)?;
        names::bind(self, name, object)
    }

    /// The object that has the name.
    ///
    /// # Errors
    /// Nothing has the name, or an object of another type.
    pub fn lookup<T: Managed>(&self, name: &str) -> Result<Ref<T>> {
        let found = self.find(name)?;
        Ok(found.ok_or_else(|| NameError::Unbound { name: name.to_owned() })?)
    }

    /// The object that has the name, if any has.
    ///
    /// # Errors
    /// An object of another type has the name.
    pub fn find<T: Managed>(&self, name: &str) -> Result<Option<Ref<T>>> {
        names::find(self, name)
    }

    /// Takes a name away from its object.
    ///
    /// # Errors
    /// Nothing has the name, or it begins with `daystar/`.
    pub fn unbind(&self, name: &str) -> Result<()> {
        names::check_not_reserved(name)?;
        names::unbind(self, name)
    }

    // Sessions.

    /// The name under which the client joined.
    ///
    /// # Errors
    /// The session is over.
    pub fn name(&self, session: Session) -> Result<String> {
        Ok(self.session(session)?.name.clone())
    }

    /// Who the client is, as its login has shown: its name, roles and claims.
    ///
    /// ```
    /// use daystar::prelude::*;
    ///
    /// fn ban(ctx: &Ctx, session: Session, other: Session) -> Result<()> {
    ///     ensure!(ctx.identity(session)?.has_role("warden"), "only wardens may do that");
    ///     ctx.disconnect(other, "you were banned");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// The session is over.
    pub fn identity(&self, session: Session) -> Result<Identity> {
        Ok(self.session(session)?.identity())
    }

    /// The account called `name`, if there is one: who joins with a password has one. What is changed in it holds from its next
    /// login on.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn account(&self, name: &str) -> Result<Option<Ref<Account>>> {
        accounts::find(self, name)
    }

    /// Removes the account called `name`; `false` if there is none. Sessions that it has go on.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn remove_account(&self, name: &str) -> Result<bool> {
        accounts::remove(self, name)
    }

    /// Says which object the session plays; replaces what was said before.
    ///
    /// # Errors
    /// The session is over.
    pub fn attach<T: Managed>(&self, session: Session, object: Ref<T>) -> Result<()> {
        self.session(session)?;
        let mut record = self.attempt.get_mut::<SessionRecord>(session.id())?;
        record.attached = Some(Attached::to(object));
        Ok(())
    }

    /// The object that the session plays.
    ///
    /// # Errors
    /// The session is over, plays nothing, or plays an object of another type.
    pub fn attached<T: Managed>(&self, session: Session) -> Result<Ref<T>> {
        let record = self.session(session)?;
        match &record.attached {
            Some(attached) if attached.type_name == T::TYPE_NAME => {
                Ok(Ref::from_id(ObjectId::from_raw(attached.object)))
            }
            Some(attached) => Err(SessionError::PlaysOther {
                session,
                wanted: T::TYPE_NAME,
                found: attached.type_name.clone(),
            }
            .into()),
            None => Err(SessionError::PlaysNothing { session, wanted: T::TYPE_NAME }.into()),
        }
    }

    /// Lets a client go, telling it `reason`; `left` runs afterwards.
    ///
    /// In a request that [only reads](crate::Game::only_reads), this makes the task fail at its end.
    pub fn disconnect(&self, session: Session, reason: &str) {
        self.effect(Effect::Disconnect { session: session.id(), reason: reason.to_owned() });
    }

    // Messages.

    /// Sends `event` to one client, once this task has committed.
    ///
    /// An event of a type that is not this game's `Event` makes the task fail at its end.
    pub fn send<M: Message>(&self, session: Session, event: M) {
        self.send_in(Manner::default(), session, event);
    }

    /// Answers the request that this task was started by: the client's `call` resolves with `event`. For a
    /// request that does not wait for an answer, the event is sent like any other.
    ///
    /// A second reply to the same request, or one where there was no request, makes the task fail at its end.
    pub fn reply<M: Message>(&self, event: M) {
        self.reply_in(Manner::default(), event);
    }

    /// The channel called `name`.
    pub fn channel(&self, name: &str) -> Channel<'_, 'a, 'e> {
        Channel::new(self, name, Manner::default())
    }

    /// Where to say what a client must never hear in vain: it is sent only when this task is on disk, so that neither a crash
    /// nor a power cut can take back what the client was told. That takes some milliseconds, and whatever is said to the
    /// same session afterwards waits behind it.
    ///
    /// ```
    /// use daystar::prelude::*;
    ///
    /// #[message]
    /// pub enum Event { Sold { gold: u64 } }
    ///
    /// fn sell(ctx: &Ctx, seller: Session, gold: u64) {
    ///     ctx.durable().send(seller, Event::Sold { gold });
    /// }
    /// ```
    pub fn durable(&self) -> At<'_, 'a, 'e> {
        self.at(Durability::Durable)
    }

    /// Where to say something at a level other than the server's, which is set by
    /// [`Builder::durability`](crate::Builder::durability).
    pub fn at(&self, durability: Durability) -> At<'_, 'a, 'e> {
        At::new(self, durability)
    }

    /// Where to say what may be lost: a creature's steps, of which the next one is due in a moment anyway. It goes by
    /// datagram, so it waits for nothing and nothing waits for it: it may also come before or behind what was said
    /// around it. While a client reads slowly, it is left away. An event that is too large for a datagram goes by stream.
    ///
    /// ```
    /// use daystar::prelude::*;
    ///
    /// #[message]
    /// pub enum Event { At { x: f32, y: f32 } }
    ///
    /// fn step(ctx: &Ctx, x: f32, y: f32) {
    ///     ctx.channel("meadow").unreliable().send(Event::At { x, y });
    /// }
    /// ```
    pub fn unreliable(&self) -> By<'_, 'a, 'e> {
        By::new(self, Delivery::Unreliable)
    }

    /// Where to say what the next of the same `key` makes worthless: a price, how full a ship is. While one waits to be sent, a
    /// newer one takes its place, so a client that reads slowly skips some, and all the same ends with the newest.
    /// What is sent comes in order with all else. Keys are compared by their hash, for each session alone, and are not sent.
    ///
    /// ```
    /// use daystar::prelude::*;
    ///
    /// #[message]
    /// pub enum Event { Price { of: u32, gold: u64 } }
    ///
    /// fn quote(ctx: &Ctx, trader: Session, of: u32, gold: u64) {
    ///     ctx.latest(("price", of)).send(trader, Event::Price { of, gold });
    /// }
    /// ```
    pub fn latest(&self, key: impl Hash) -> By<'_, 'a, 'e> {
        By::new(self, Delivery::Latest(self::key(key)))
    }

    // Later.

    /// Runs `task` after this one has committed, as a task of its own.
    ///
    /// # Errors
    /// The task cannot be stored, or as many tasks wait as [may](crate::Limits::tasks_waiting_max).
    pub fn spawn<T: Task>(&self, task: T) -> Result<()> {
        self.schedule(Duration::ZERO, task).map(drop)
    }

    /// Runs `task` once `delay` has passed, as a task of its own, also if the server is restarted before. It is the world's
    /// time that must have passed, which stands still while the server is down; [`plan`](Self::plan) can say otherwise.
    ///
    /// # Errors
    /// The task cannot be stored, or as many tasks wait as [may](crate::Limits::tasks_waiting_max).
    pub fn schedule<T: Task>(&self, delay: Duration, task: T) -> Result<TaskHandle> {
        self.plan(Plan::after(delay), task)
    }

    /// Runs `task` again and again, first when one `period` of the world's time has passed. It does not drift: tick `n` is due
    /// `n` periods from now. Ticks that a busy server has missed are made up for by one run; [`plan`](Self::plan) can say
    /// otherwise.
    ///
    /// # Errors
    /// The task cannot be stored, as many tasks wait as [may](crate::Limits::tasks_waiting_max), or the period is not a whole number of
    /// milliseconds, one at least.
    pub fn every<T: Task>(&self, period: Duration, task: T) -> Result<TaskHandle> {
        self.plan(Plan::every(period), task)
    }

    /// Runs `task` as `plan` says: once or again and again, by the world's clock or the one on the wall.
    ///
    /// # Errors
    /// The task cannot be stored, as many tasks wait as [may](crate::Limits::tasks_waiting_max), or the period is not a whole number of
    /// milliseconds, one at least.
    pub fn plan<T: Task>(&self, plan: Plan, task: T) -> Result<TaskHandle> {
        self.store_task(&task, plan, Stage::Whole, None)
    }

    /// Calls the outside world, once this task has committed and is on disk. What comes of it arrives as a task:
    /// [`External::done`].
    ///
    /// # Errors
    /// The call cannot be stored, or as many tasks wait as [may](crate::Limits::tasks_waiting_max).
    pub fn after_commit<T: External>(&self, call: T) -> Result<TaskHandle> {
        let key = {
            let mut rng = self.attempt.inner_rng();
            [rng.random(), rng.random()]
        };
        let answer = T::Output::descriptor();
        self.store_task(&call, Plan::after(Duration::ZERO), Stage::Call { key }, Some(answer))
    }

    /// Looks at the whole world as it is at one moment from the end of this task on, beside the game, which goes on. What it
    /// finds arrives as a task: [`Survey::done`].
    ///
    /// # Errors
    /// The survey cannot be stored, or as many tasks wait as [may](crate::Limits::tasks_waiting_max).
    pub fn survey<T: Survey>(&self, survey: T) -> Result<TaskHandle> {
        // It calls the store, in place of the outside world, and may do so twice: so it needs no key.
        let (stage, answer) = (Stage::Call { key: [0; 2] }, T::Found::descriptor());
        self.store_task(&survey, Plan::after(Duration::ZERO), stage, Some(answer))
    }

    /// Visits all objects of a type, a few at a time, in tasks that come after this one.
    ///
    /// # Errors
    /// The sweep cannot be stored, or as many tasks wait as [may](crate::Limits::tasks_waiting_max).
    pub fn sweep<T: Sweep>(&self, sweep: T) -> Result<TaskHandle> {
        let stage = Stage::Sweeping { next: 0, until: u64::MAX };
        self.store_task(&sweep, Plan::after(Duration::ZERO), stage, None)
    }

    /// Visits all entries of a collection, a few at a time, in tasks that come after this one.
    ///
    /// # Errors
    /// The collection was removed, or was made for other types. The walk cannot be stored, or as many tasks wait as
    /// [may](crate::Limits::tasks_waiting_max).
    pub fn walk<T: Walk>(&self, walk: T) -> Result<TaskHandle> {
        let stage = Stage::Walking(Box::new(walk::begin(&walk, self)?));
        self.store_task(&walk, Plan::after(Duration::ZERO), stage, None)
    }

    /// Stores a task whose `answer`, if it takes two steps, is of this type.
    fn store_task<T: Managed>(
        &self,
        task: &T,
        plan: Plan,
        stage: Stage,
        answer: Option<&'static TypeDescriptor>,
    ) -> Result<TaskHandle> {
        self.attempt.add_task()?;
        TaskKinds::enlist::<T>(self, answer)?;
        let record = TaskRecord::of(task, plan, stage, self)?;
        let (due, dial) = (record.due, record.dial());
        let task = self.attempt.insert(Space::Task, record)?;
        self.effect(Effect::Schedule { task, due, dial, kind: T::TYPE_NAME });
        Ok(TaskHandle::new(task))
    }

    /// Takes a scheduled task back, a periodic one with all its ticks to come; `false` if it has run already. A call of the outside
    /// world that is under way goes on there, and what comes of it arrives nowhere.
    ///
    /// # Errors
    /// The handle is not one of a task.
    pub fn cancel(&self, task: TaskHandle) -> Result<bool> {
        if task.id().space() != Space::Task {
            return Ok(false);
        }
        TaskRecord::discard(self.attempt, task.id())
    }

    // Surroundings.

    /// The task's time, the same however often the task is run again: the world's time, which stands still while the server
    /// is down. A world that was always served has the time of the clock on the wall.
    pub fn now(&self) -> Timestamp {
        self.attempt.now()
    }

    /// The task's time by the clock on the wall, the same however often the task is run again: for what people read.
    pub fn wall_time(&self) -> Timestamp {
        self.attempt.wall_time()
    }

    /// The task's random numbers: the same however often the task is run again.
    pub fn rng(&self) -> RefMut<'_, TaskRng> {
        self.attempt.rng()
    }

    // For the rest of the framework.

    pub(crate) fn attempt(&self) -> &'a Attempt<'e> {
        self.attempt
    }

    pub(crate) fn effect(&self, effect: Effect) {
        match beyond_saying(&effect) {
            Some(what) if self.asked.is_some_and(|asked| asked.only_reads) => {
                self.fail(SessionError::OnlyReads { what });
            }
            _ => self.attempt.effect(effect),
        }
    }

    /// Asks for an effect that tells a client something.
    pub(crate) fn tell(&self, manner: Manner, effect: Effect) {
        self.effect(manner.of(effect));
    }

    pub(crate) fn send_in<M: Message>(&self, manner: Manner, session: Session, event: M) {
        if let Some(frame) = self.event_frame(&event) {
            self.tell(manner, Effect::Send { session: session.id(), frame });
        }
    }

    pub(crate) fn reply_in<M: Message>(&self, manner: Manner, event: M) {
        let Some(asked) = self.asked else {
            return self.fail(SessionError::NothingAsked);
        };
        if self.has_replied.replace(true) {
            return self.fail(SessionError::RepliedTwice);
        }
        let Some(call) = asked.call else { return self.send_in(manner, asked.session, event) };
        if let Some(frame) = self.encode(&event, |event| reply_frame(call, Some(event))) {
            let session = asked.session.id();
            let manner = Manner { durability: asked.level_of(manner.durability), ..manner };
            self.tell(manner, Effect::Reply { session, frame });
        }
    }

    /// `event` as it is sent; `None`, and a task that will fail, if it is not one of this game's.
    pub(crate) fn event_frame<M: Message>(&self, event: &M) -> Option<Bytes> {
        self.encode(event, event_frame)
    }

    fn encode<M: Message>(
        &self,
        event: &M,
        frame: impl FnOnce(&M) -> std::result::Result<Bytes, EncodeError>,
    ) -> Option<Bytes> {
        if TypeId::of::<M>() != self.event.id {
            self.fail(SessionError::OtherEvent { wanted: self.event.name, found: M::NAME });
            return None;
        }
        let frame = frame(event).map_err(|cause| self.fail(cause)).ok()?;
        if frame.len() > TO_CLIENT_BYTES_MAX {
            self.fail(SessionError::TooLong { bytes: frame.len(), bytes_max: TO_CLIENT_BYTES_MAX });
            return None;
        }
        Some(frame)
    }

    pub(crate) fn has_replied(&self) -> bool {
        self.has_replied.get()
    }

    /// What a call that returns nothing has left behind.
    pub(crate) fn take_problem(&self) -> Result<()> {
        self.problem.take().map_or(Ok(()), Err)
    }

    fn fail(&self, problem: impl Into<Error>) {
        self.problem.borrow_mut().get_or_insert_with(|| problem.into());
    }

    fn session(&self, session: Session) -> Result<Read<'_, SessionRecord>> {
        let found = self.attempt.find::<SessionRecord>(session.id())?;
        Ok(found.ok_or(SessionError::Over { session })?)
    }
}

/// What an effect does that is more than to say something. Those that go with a change of what is stored are left out: who only
/// reads does not get so far.
fn beyond_saying(effect: &Effect) -> Option<&'static str> {
    match effect {
        Effect::JoinChannel { .. } => Some("let a session join a channel"),
        Effect::LeaveChannel { .. } => Some("let a session leave a channel"),
        Effect::Disconnect { .. } => Some("disconnect a session"),
        Effect::At { effect, .. } | Effect::By { effect, .. } => beyond_saying(effect),
        _ => None,
    }
}

/// The object's id, if it can be one of a game's objects. A reference may come from a client, who can make up any number:
/// one that names what the framework keeps for itself, names above all, must not reach it, nor fill memory with cells
/// for what never was.
fn id_of<T: Managed>(attempt: &Attempt<'_>, object: Ref<T>) -> Result<ObjectId> {
    let id = object.id();
    if id.space() != Space::Object {
        return Err(attempt.not_found::<T>(id).into());
    }
    Ok(id)
}
