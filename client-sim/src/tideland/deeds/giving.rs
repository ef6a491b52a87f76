//! Giving gold and things away.

use daystar::Ref;
use sample_game::items::Item;
use sample_game::messages::Request;

use crate::ledger::Change;
use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::account::{GOLD, thing};
use crate::tideland::character::Character;

impl Character {
    /// Gives gold away.
    pub async fn give_gold(
        &mut self,
        link: &mut TidelandLink,
        to: String,
        gold: u64,
    ) -> Result<(), Lost> {
        let given = i128::from(gold);
        let deed = ("gives gold", format!("gives {gold} gold to {to}"));
        let changes = vec![self.change(GOLD, -given), Change::of(&to, GOLD, given)];
        let request = Request::GiveGold { to, gold };
        if let Answer::Done(_) = self.ask(link, &request, deed, changes).await? {
            self.account.gold -= given;
        }
        Ok(())
    }

    /// Gives an item away.
    pub async fn give_item(
        &mut self,
        link: &mut TidelandLink,
        to: String,
        item: Ref<Item>,
    ) -> Result<(), Lost> {
        let Some(&kind) = self.account.items.get(&item) else { return Ok(()) };
        let good = thing(item, kind);
        let deed = ("gives a thing", format!("gives {good} to {to}"));
        let changes = vec![self.change(good.clone(), -1), Change::of(&to, good, 1)];
        let request = Request::GiveItem { to, item };
        if let Answer::Done(_) = self.ask(link, &request, deed, changes).await? {
            self.account.lost(item);
        }
        Ok(())
    }
}
