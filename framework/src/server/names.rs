//! The names of those who are in, or about to be: each is in use once.

use std::collections::HashMap;
use std::sync::Arc;

use daystar_model::ObjectId;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Who is called what.
#[derive(Default)]
pub(crate) struct Names {
    in_use: Mutex<HashMap<String, Option<ObjectId>>>,
    /// Told whenever a name is free again.
    freed: Notify,
}

/// A name, for as long as this is not dropped.
pub(crate) struct NameSeat {
    names: Arc<Names>,
    name: String,
}

/// Somebody else has the name.
pub(crate) struct InUse {
    /// Their session, once it has begun.
    pub(crate) session: Option<ObjectId>,
}

impl Names {
    /// Takes a name.
    ///
    /// # Errors
    /// [`InUse`].
    pub(crate) fn take(self: &Arc<Self>, name: &str) -> Result<NameSeat, InUse> {
        let mut in_use = self.in_use.lock();
        if let Some(session) = in_use.get(name) {
            return Err(InUse { session: *session });
        }
        in_use.insert(name.to_owned(), None);
        Ok(NameSeat { names: Arc::clone(self), name: name.to_owned() })
    }

    /// Takes a name as soon as it is free; whoever has it is ended by `end`.
    pub(crate) async fn take_over(
        self: &Arc<Self>,
        name: &str,
        end: impl Fn(ObjectId) + Send,
    ) -> NameSeat {
        loop {
            // Made before it is looked, so that what is freed in between is heard.
            let freed = self.freed.notified();
            match self.take(name) {
                Ok(seat) => return seat,
                Err(InUse { session: Some(session) }) => end(session),
                // It is about to join, and can be ended when it has.
                Err(InUse { session: None }) => {}
            }
            freed.await;
        }
    }

    /// The session of a name that is taken has begun.
    pub(crate) fn begun(&self, name: &str, session: ObjectId) {
        if let Some(present) = self.in_use.lock().get_mut(name) {
            *present = Some(session);
        }
        self.freed.notify_waiters();
    }
}

impl Drop for NameSeat {
    fn drop(&mut self) {
        self.names.in_use.lock().remove(&self.name);
        self.names.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use daystar_model::Space;

    use super::*;

    #[tokio::test]
    async fn a_name_is_in_use_once_and_can_be_taken_over() {
        let names = Arc::<Names>::default();
        let first = names.take("ann").ok().expect("free");
        assert!(names.take("ann").is_err());
        let session = ObjectId::new(Space::Session, 7);
        let held = Mutex::new(Some(first));
        let second = {
            let names = Arc::clone(&names);
            let end = move |ended| {
                assert_eq!(ended, session);
                drop(held.lock().take());
            };
            tokio::spawn(async move { names.take_over("ann", end).await })
        };
        // It waits until the first one's session has begun, and ends it then.
        while !second.is_finished() {
            names.begun("ann", session);
            tokio::task::yield_now().await;
        }
        let second = second.await.expect("taken over");
        assert!(names.take("ann").is_err());
        drop(second);
        assert!(names.take("ann").is_ok());
    }
}
