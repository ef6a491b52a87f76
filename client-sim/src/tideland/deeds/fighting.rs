//! Fighting: strikes, what heals, and what the dead leave.

use daystar::Ref;
use sample_game::creatures::Creature;
use sample_game::fights::{Ask, Foe, Told};
use sample_game::items::{Item, Kind};
use sample_game::messages::{Event, Request};
use sample_game::remains::Remains;
use sample_game::settings::BED_GOLD;

use crate::ledger::Holdings;
use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::account::{GOLD, thing};
use crate::tideland::character::Character;

impl Character {
    /// Strikes a creature.
    pub async fn strike(
        &mut self,
        link: &mut TidelandLink,
        creature: Ref<Creature>,
    ) -> Result<(), Lost> {
        let request = Request::Fight(Ask::Strike { foe: Foe::Creature(creature) });
        match self.ask_freely(link, &request, "strikes").await? {
            Answer::Done(Some(Event::Fight(Told::Struck { left: 0, .. }))) => {
                self.around.creatures.remove(&creature);
                self.done.count("kills");
            }
            Answer::Done(_) => {}
            // It may be dead, or somewhere else.
            Answer::Refused(reason) if reason.contains("tired") => {}
            Answer::Refused(_) => {
                self.around.creatures.remove(&creature);
            }
        }
        Ok(())
    }

    /// Something to eat, the best that there is.
    pub fn food(&self) -> Option<Ref<Item>> {
        let of_kind = |kind| self.account.of_kind(kind).next();
        of_kind(Kind::Stew).or_else(|| of_kind(Kind::Fish))
    }

    /// Eats something.
    pub async fn eat(&mut self, link: &mut TidelandLink, item: Ref<Item>) -> Result<(), Lost> {
        let Some(&kind) = self.account.items.get(&item) else { return Ok(()) };
        let good = thing(item, kind);
        let deed = ("eats", format!("eats {good}"));
        let changes = vec![self.change(good, -1)];
        let request = Request::Fight(Ask::Eat { item });
        let answer = self.ask(link, &request, deed, changes).await?;
        if let Answer::Done(_) = answer {
            self.account.lost(item);
        }
        self.told_of_health(&answer);
        Ok(())
    }

    /// Takes a bed.
    pub async fn rest(&mut self, link: &mut TidelandLink) -> Result<(), Lost> {
        let cost = i128::from(BED_GOLD);
        let deed = ("rests", "takes a bed".to_owned());
        let changes = vec![self.change(GOLD, -cost)];
        let answer = self.ask(link, &Request::Fight(Ask::Rest), deed, changes).await?;
        if let Answer::Done(_) = answer {
            self.account.gold -= cost;
        }
        self.told_of_health(&answer);
        Ok(())
    }

    /// Takes what lies there.
    pub async fn loot(
        &mut self,
        link: &mut TidelandLink,
        remains: Ref<Remains>,
    ) -> Result<(), Lost> {
        let request = Request::Fight(Ask::Loot { remains });
        let answer = self.ask_unsurely(link, &request, "loots").await?;
        // Whatever there is left of it is too heavy.
        self.around.remains.remove(&remains);
        if let Answer::Done(Some(Event::Fight(Told::Looted { gold, things, .. }))) = answer {
            let gold = i128::from(gold);
            let got = Holdings::default().with(GOLD, gold);
            let got = things.iter().fold(got, |all, item| all.with(thing(item.item, item.kind), 1));
            self.is_sure("loots", &got);
            self.account.gold += gold;
            things.iter().for_each(|item| self.account.got(*item));
        }
        Ok(())
    }

    fn told_of_health(&mut self, answer: &Answer<Event>) {
        match answer {
            Answer::Done(Some(Event::Fight(Told::Healed { health, .. }))) => self.health = *health,
            Answer::Done(_) => {}
            // It was better than it knew.
            Answer::Refused(reason) if reason.contains("you are well") => {
                self.health = sample_game::settings::HEALTH_MAX;
            }
            Answer::Refused(_) => {}
        }
    }
}
