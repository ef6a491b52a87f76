//! Gathering, and making something of what was gathered.

use daystar::Ref;
use sample_game::crafting::Recipe;
use sample_game::gathering::Source;
use sample_game::items::Item;
use sample_game::messages::{Event, Request, SeenSource};

use crate::ledger::Change;
use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::account::{Account, thing};
use crate::tideland::character::Character;

impl Character {
    /// The nearest source of something that can still be carried, and whether it is within reach.
    pub fn useful_source(&self) -> Option<(SeenSource, bool)> {
        self.around.nearest_source(self.at?, |source| self.can_carry(source.kind))
    }

    /// One stroke at a source.
    pub async fn gather(
        &mut self,
        link: &mut TidelandLink,
        source: Ref<Source>,
    ) -> Result<(), Lost> {
        // Whether this is the last stroke, and which thing it gives, only the answer tells.
        let known = self.around.sources.values().find(|known| known.source == source);
        let kind = known.map(|known| Change::some(self.page.name(), known.kind.to_string(), 1));
        let entry = self.page.enter("gathers", kind.into_iter().collect());
        match link.call(&Request::Gather { source }).await? {
            Answer::Done(Some(Event::Gathered { thing: Some(got), .. })) => {
                entry.done_as(vec![self.change(thing(got.item, got.kind), 1)]);
                self.account.got(got);
                self.done.count("gathers something");
            }
            Answer::Done(_) => entry.done_as(Vec::new()),
            // Somebody else was quicker.
            Answer::Refused(_) => {
                entry.refused();
                self.around.sources.retain(|_, known| known.source != source);
            }
        }
        Ok(())
    }

    /// The most laborious thing that can be made of what is in the pack.
    pub fn recipe(&self) -> Option<Recipe> {
        best_recipe(&self.account)
    }

    /// Makes something.
    pub async fn craft(&mut self, link: &mut TidelandLink, recipe: Recipe) -> Result<(), Lost> {
        let some = |kind: String, by| Change::some(self.page.name(), kind, by);
        let used = recipe.needs().iter();
        let used = used.map(|(kind, count)| some(kind.to_string(), -(*count as i128)));
        let changes = used.chain([some(recipe.gives().to_string(), 1)]).collect();
        let entry = self.page.enter(format!("makes a {recipe}"), changes);
        match link.call(&Request::Craft(recipe)).await? {
            Answer::Done(Some(Event::Crafted { made, used })) => {
                let kinds =
                    used.iter().filter_map(|item| Some((*item, *self.account.items.get(item)?)));
                let mut changes: Vec<Change> =
                    kinds.map(|(item, kind)| self.change(thing(item, kind), -1)).collect();
                if changes.len() != used.len() {
                    self.wrong.push(format!("made a {recipe} of things that it did not have"));
                }
                changes.push(self.change(thing(made.item, made.kind), 1));
                entry.done_as(changes);
                used.iter().for_each(|item| self.account.lost(*item));
                self.account.got(made);
                self.done.count("makes something");
            }
            Answer::Done(other) => {
                entry.done();
                self.wrong.push(format!("made a {recipe}, and was answered {other:?}"));
            }
            Answer::Refused(_) => entry.refused(),
        }
        Ok(())
    }

    /// Throws something into the sea.
    pub async fn throw_away(
        &mut self,
        link: &mut TidelandLink,
        item: Ref<Item>,
    ) -> Result<(), Lost> {
        let Some(&kind) = self.account.items.get(&item) else { return Ok(()) };
        let good = thing(item, kind);
        let deed = ("throws something away", format!("throws {good} away"));
        let changes = vec![self.change(good, -1)];
        let request = Request::ThrowAway { item };
        if let Answer::Done(_) = self.ask(link, &request, deed, changes).await? {
            self.account.lost(item);
        }
        Ok(())
    }
}

fn best_recipe(account: &Account) -> Option<Recipe> {
    let can_make = |recipe: &Recipe| {
        recipe.needs().iter().all(|(kind, needed)| account.count(*kind) >= *needed)
    };
    Recipe::ALL.into_iter().filter(can_make).max_by_key(|recipe| recipe.fame())
}

#[cfg(test)]
mod tests {
    use daystar_model::{ObjectId, Space};
    use sample_game::items::Kind;
    use sample_game::messages::PackItem;

    use super::*;

    fn with(kinds: &[Kind]) -> Account {
        let item = |(index, kind): (usize, &Kind)| PackItem {
            item: Ref::from_id(ObjectId::new(Space::Object, index as u64 + 1)),
            kind: *kind,
        };
        let pack: Vec<PackItem> = kinds.iter().enumerate().map(item).collect();
        Account::stated(0, &pack)
    }

    #[test]
    fn the_best_is_made_for_which_everything_is_there() {
        use Kind::{Bar, Fish, Ore, Plank, Wood};
        assert_eq!(best_recipe(&with(&[Wood, Fish, Ore, Ore])), Some(Recipe::Bar));
        assert_eq!(best_recipe(&with(&[Wood, Fish, Ore])), None);
        assert_eq!(best_recipe(&with(&[Wood, Wood])), Some(Recipe::Plank));
        assert_eq!(best_recipe(&with(&[Bar, Plank, Wood, Ore, Ore])), Some(Recipe::Sword));
    }
}
