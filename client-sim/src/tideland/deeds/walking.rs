//! Walking and looking around.

use rand_pcg::Pcg32;
use sample_game::island::{Direction, Position};
use sample_game::messages::{Event, Request};

use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::character::{Character, place};
use crate::tideland::map;

impl Character {
    /// One step, mostly onward; the character knows the map and walks only where one can.
    pub async fn walk(&mut self, link: &mut TidelandLink, rng: &mut Pcg32) -> Result<(), Lost> {
        let way = self.at.and_then(|at| map::any(at, self.heading, rng));
        self.step(link, way).await
    }

    /// One step nearer to `goal`.
    pub async fn walk_towards(
        &mut self,
        link: &mut TidelandLink,
        goal: Position,
        rng: &mut Pcg32,
    ) -> Result<(), Lost> {
        let way = self.at.and_then(|at| map::towards(at, goal, rng));
        self.step(link, way).await
    }

    /// One step away from `foe`.
    pub async fn walk_away(&mut self, link: &mut TidelandLink, foe: Position) -> Result<(), Lost> {
        let way = self.at.and_then(|at| map::away(at, foe));
        self.step(link, way).await
    }

    /// One step that way, if there is one, wherever it leads.
    pub async fn step(
        &mut self,
        link: &mut TidelandLink,
        way: Option<Direction>,
    ) -> Result<(), Lost> {
        let (Some(at), Some(way)) = (self.at, way) else { return Ok(()) };
        self.heading = Some(way);
        let to = at.step(way);
        let changes = to.map(|to| [self.change(place(at), -1), self.change(place(to), 1)]);
        let changes = changes.into_iter().flatten().collect();
        let entry = self.page.enter(format!("walks from {at}"), changes);
        match link.call(&Request::Walk(way)).await? {
            Answer::Done(Some(Event::Walked { at: now })) if Some(now) == to => {
                entry.done();
                self.at = to;
            }
            Answer::Done(Some(Event::Walked { at: now })) => {
                // It must have died and woken elsewhere before it took the step; it will have heard of that first.
                link.heard().for_each(|event| self.heard(event));
                let from = self.at.unwrap_or(at);
                entry.done_as(vec![self.change(place(from), -1), self.change(place(now), 1)]);
                self.at = Some(now);
                if from.distance(now) > 1 {
                    self.wrong
                        .push(format!("took a step from {from}, and was told to be at {now}"));
                }
            }
            Answer::Done(other) => {
                entry.done();
                self.wrong.push(format!("took a step, and was answered {other:?}"));
            }
            Answer::Refused(_) => {
                entry.refused();
                self.heading = None;
                return Ok(());
            }
        }
        if let Some(at) = self.at.filter(|at| !at.tile().is_open()) {
            self.wrong.push(format!("has walked to {at}, where is {}", at.tile()));
        }
        self.done.count("walks");
        Ok(())
    }

    /// Looks around.
    pub async fn look(&mut self, link: &mut TidelandLink) -> Result<(), Lost> {
        if let Answer::Done(Some(seen)) = self.ask_freely(link, &Request::Look, "looks").await? {
            self.around.heard(&self.name, &seen);
        }
        Ok(())
    }
}
