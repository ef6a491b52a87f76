//! Talking, and asking what everyone may know.

use sample_game::messages::Request;

use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::character::Character;

impl Character {
    /// Says something to those who are near, some times over, without waiting in between.
    pub async fn say(
        &mut self,
        link: &mut TidelandLink,
        text: &str,
        times: u32,
    ) -> Result<(), Lost> {
        for _ in 0..times {
            link.send(&Request::Say(self.speech.say(text))).await?;
        }
        self.done.count("says");
        Ok(())
    }

    /// Shouts something to the whole island, and waits until it is said.
    pub async fn shout(&mut self, link: &mut TidelandLink, text: &str) -> Result<(), Lost> {
        let request = Request::Shout(self.speech.say(text));
        if let Answer::Refused(_) = self.ask_freely(link, &request, "shouts").await? {
            self.speech.refused();
        }
        Ok(())
    }

    /// Asks for the island's hour.
    pub async fn ask_hour(&mut self, link: &mut TidelandLink) -> Result<(), Lost> {
        self.ask_freely(link, &Request::Hour, "asks the hour").await.map(drop)
    }

    /// Asks who is famous.
    pub async fn ask_leaders(&mut self, link: &mut TidelandLink) -> Result<(), Lost> {
        self.ask_freely(link, &Request::Leaders, "asks for the leaders").await.map(drop)
    }
}
