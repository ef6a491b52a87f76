//! Ann founds a guild, Bob and Cid join it, and they share a bank.

use std::net::SocketAddr;

use sample_game::bank::{Change, SeenEntry};
use sample_game::guilds::{Ask, SeenMember, Told};
use sample_game::members::Rank;
use sample_game::messages::{Event, Request};
use sample_game::settings::{
    GUILD_FOUNDING_GOLD, GUILD_NAME_CHARS_MAX, LEDGER_ENTRIES_MAX, START_GOLD, WITHDRAWN_A_DAY_MAX,
};

use crate::visit::{Visitor, brisk, on_a_checked_island, on_an_island};

/// What Ann has left when she has founded a guild.
const LEFT: u64 = START_GOLD - GUILD_FOUNDING_GOLD;

#[test]
fn a_guild_is_founded_for_a_fee_and_joined_by_who_is_invited() {
    on_a_checked_island(brisk(), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        let founded = ask(&ann, Ask::Found { name: "the herons".to_owned() }).await;
        let members = vec![seen("ann", Rank::Leader, true)];
        assert_eq!(founded, Some(Told::Guild { name: "the herons".to_owned(), members, bank: 0 }));
        assert_eq!(ann.own().await.0, LEFT);

        let join = || Ask::Join { guild: "the herons".to_owned() };
        let refusal = refused(&bob, join()).await;
        assert!(refusal.contains("the herons has not invited you"), "{refusal}");
        ask(&ann, Ask::Invite { who: "bob".to_owned() }).await;
        let (guild, by) = ("the herons".to_owned(), "ann".to_owned());
        assert_eq!(told(&mut bob).await, Told::Invited { guild, by });
        ask(&bob, join()).await;
        assert_eq!(told(&mut ann).await, Told::Joined { who: "bob".to_owned() });
        assert_eq!(
            members_of(&ann).await,
            [("ann", Rank::Leader), ("bob", Rank::Member)].map(owned)
        );

        // An invitation is good for once.
        ask(&bob, Ask::Leave).await;
        let refusal = refused(&bob, join()).await;
        assert!(refusal.contains("has not invited you"), "{refusal}");
    });
}

#[test]
fn guilds_that_cannot_be_are_refused() {
    on_an_island(async |server| {
        let [ann, bob, _cid] = herons(server).await;
        let dan = Visitor::join(server, "dan").await;
        let found = |name: &str| Ask::Found { name: name.to_owned() };
        let who = || "dan".to_owned();
        for (visitor, ask, reason) in [
            (&ann, found("owls"), "you are in a guild already"),
            (&dan, found("herons"), "there is a guild called \"herons\" already"),
            (&dan, found(""), "a guild's name is"),
            (&dan, found(" owls"), "a guild's name is"),
            (&dan, found("ow\nls"), "a guild's name is"),
            (&dan, found(&"x".repeat(GUILD_NAME_CHARS_MAX + 1)), "a guild's name is"),
            (&dan, Ask::Show, "you are in no guild"),
            (&dan, Ask::Leave, "you are in no guild"),
            (&dan, Ask::Say("hello".to_owned()), "you are in no guild"),
            (&dan, Ask::Deposit { gold: 1 }, "you are in no guild"),
            (&dan, Ask::Join { guild: "owls".to_owned() }, "there is no guild called \"owls\""),
            (&dan, Ask::Join { guild: "herons".to_owned() }, "has not invited you"),
            (&bob, Ask::Invite { who: who() }, "takes the rank of officer, and yours is member"),
            (&bob, Ask::Promote { who: who() }, "takes the rank of leader, and yours is member"),
            (&bob, Ask::Dissolve, "takes the rank of leader, and yours is member"),
            (&bob, Ask::Withdraw { gold: 1 }, "takes the rank of officer, and yours is member"),
            (&ann, Ask::Invite { who: "cid".to_owned() }, "cid is in your guild already"),
            (&ann, Ask::Invite { who: "eve".to_owned() }, "nobody on the island is called"),
            (&ann, Ask::Promote { who: who() }, "they are not in your guild"),
            (&ann, Ask::Promote { who: "ann".to_owned() }, "ann leads the guild"),
            (&ann, Ask::Demote { who: "bob".to_owned() }, "the rank of bob is member"),
            (
                &ann,
                Ask::Expel { who: "ann".to_owned() },
                "the rank of ann is leader, and yours leader",
            ),
            (&ann, Ask::Deposit { gold: 0 }, "name an amount"),
            (&ann, Ask::Deposit { gold: LEFT + 1 }, "you have only 50 gold"),
            (&ann, Ask::Withdraw { gold: 0 }, "name an amount"),
            (&ann, Ask::Withdraw { gold: 1 }, "there are only 0 gold in the bank"),
        ] {
            let refusal = refused(visitor, ask).await;
            assert!(refusal.contains(reason), "{refusal}");
        }
        dan.ask(Request::GiveGold { to: "ann".to_owned(), gold: LEFT + 1 }).await;
        let refusal = refused(&dan, found("owls")).await;
        assert!(refusal.contains("to found a guild costs 50 gold"), "{refusal}");
    });
}

#[test]
fn only_members_hear_what_is_said_in_a_guild() {
    on_an_island(async |server| {
        let [ann, mut bob, mut cid] = herons(server).await;
        ask(&ann, Ask::Say("one".to_owned())).await;
        assert_eq!(said(&mut bob).await, "one");
        // Who comes back goes on hearing; who leaves does not.
        let mut bob = bob.come_back(server).await;
        ask(&cid, Ask::Leave).await;
        ask(&ann, Ask::Say("two".to_owned())).await;
        assert_eq!(said(&mut bob).await, "two");
        ask(&bob, Ask::Leave).await;
        ask(&ann, Ask::Say("three".to_owned())).await;
        ann.ask(Request::Shout("that was all".to_owned())).await;
        for (visitor, expected) in [(&mut bob, vec![]), (&mut cid, vec!["one"])] {
            let mut heard = Vec::new();
            let end = visitor.until(|event| match event {
                Event::Guild(Told::Said { text, .. }) => {
                    heard.push(text);
                    None
                }
                Event::Shouted { .. } => Some(()),
                _ => None,
            });
            end.await;
            assert_eq!(heard, expected);
        }
    });
}

#[test]
fn ranks_decide_who_may_do_what() {
    on_a_checked_island(brisk(), async |server| {
        let [ann, mut bob, cid] = herons(server).await;
        let _dan = Visitor::join(server, "dan").await;
        ask(&ann, Ask::Promote { who: "bob".to_owned() }).await;
        assert_eq!(told(&mut bob).await, Told::Joined { who: "cid".to_owned() });
        let (who, rank) = ("bob".to_owned(), Rank::Officer);
        assert_eq!(told(&mut bob).await, Told::Ranked { who, rank });
        ask(&bob, Ask::Invite { who: "dan".to_owned() }).await;
        let refusal = refused(&bob, Ask::Invite { who: "dan".to_owned() }).await;
        assert!(refusal.contains("dan is invited already"), "{refusal}");
        let refusal = refused(&bob, Ask::Expel { who: "ann".to_owned() }).await;
        assert!(refusal.contains("the rank of ann is leader, and yours officer"), "{refusal}");
        ask(&bob, Ask::Expel { who: "cid".to_owned() }).await;
        let refusal = refused(&cid, Ask::Show).await;
        assert!(refusal.contains("you are in no guild"), "{refusal}");

        ask(&ann, Ask::Promote { who: "bob".to_owned() }).await;
        assert_eq!(
            members_of(&ann).await,
            [("ann", Rank::Officer), ("bob", Rank::Leader)].map(owned)
        );
        let refusal = refused(&ann, Ask::Dissolve).await;
        assert!(refusal.contains("takes the rank of leader"), "{refusal}");
        ask(&bob, Ask::Demote { who: "ann".to_owned() }).await;
        assert_eq!(
            members_of(&bob).await,
            [("ann", Rank::Member), ("bob", Rank::Leader)].map(owned)
        );
    });
}

#[test]
fn when_the_leader_goes_the_officer_who_came_first_leads_then_the_member() {
    on_a_checked_island(brisk(), async |server| {
        let [ann, bob, cid] = herons(server).await;
        ask(&ann, Ask::Deposit { gold: 7 }).await;
        ask(&ann, Ask::Promote { who: "cid".to_owned() }).await;
        ask(&ann, Ask::Leave).await;
        assert_eq!(
            members_of(&cid).await,
            [("bob", Rank::Member), ("cid", Rank::Leader)].map(owned)
        );
        ask(&cid, Ask::Leave).await;
        assert_eq!(members_of(&bob).await, [("bob", Rank::Leader)].map(owned));
        ask(&bob, Ask::Leave).await;
        assert_eq!(bob.own().await.0, START_GOLD + 7, "what was in the bank goes to the last");

        // The name is free again.
        ask(&bob, Ask::Found { name: "herons".to_owned() }).await;
    });
}

#[test]
fn a_guild_that_is_dissolved_is_gone_for_all_of_it() {
    on_a_checked_island(brisk(), async |server| {
        let [ann, bob, cid] = herons(server).await;
        ask(&bob, Ask::Deposit { gold: 30 }).await;
        cid.leave().await;
        ask(&ann, Ask::Dissolve).await;
        assert_eq!((ann.own().await.0, bob.own().await.0), (LEFT + 30, START_GOLD - 30));
        for visitor in [&ann, &bob] {
            let refusal = refused(visitor, Ask::Show).await;
            assert!(refusal.contains("you are in no guild"), "{refusal}");
        }
    });
}

#[test]
fn a_bank_keeps_gold_and_a_ledger_and_gives_so_much_a_day() {
    on_a_checked_island(brisk(), async |server| {
        let [ann, bob, cid] = herons(server).await;
        assert_eq!(
            ask(&bob, Ask::Deposit { gold: START_GOLD }).await,
            Some(Told::Bank { bank: START_GOLD, gold: 0 })
        );
        ask(&cid, Ask::Deposit { gold: START_GOLD }).await;
        ask(&ann, Ask::Deposit { gold: LEFT }).await;
        let all = 2 * START_GOLD + LEFT;
        ask(&ann, Ask::Promote { who: "bob".to_owned() }).await;
        assert_eq!(
            ask(&bob, Ask::Withdraw { gold: 20 }).await,
            Some(Told::Bank { bank: all - 20, gold: 20 })
        );
        // It is so much for all of them together.
        let refusal = refused(&ann, Ask::Withdraw { gold: WITHDRAWN_A_DAY_MAX - 19 }).await;
        assert!(refusal.contains("only 180 gold more may be taken out today"), "{refusal}");
        ask(&ann, Ask::Withdraw { gold: WITHDRAWN_A_DAY_MAX - 20 }).await;

        let (carried, entries) = ledger(&cid).await;
        assert_eq!(carried, 0);
        let expected = [
            ("bob", Change::In(START_GOLD)),
            ("cid", Change::In(START_GOLD)),
            ("ann", Change::In(LEFT)),
            ("bob", Change::Out(20)),
            ("ann", Change::Out(WITHDRAWN_A_DAY_MAX - 20)),
        ];
        let entries = entries.iter().map(|entry| (entry.who.as_str(), entry.change));
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    });
}

#[test]
fn a_ledger_carries_forward_what_is_old() {
    on_a_checked_island(brisk(), async |server| {
        let [_ann, bob, _cid] = herons(server).await;
        ask(&bob, Ask::Deposit { gold: 5 }).await;
        for _ in 0..LEDGER_ENTRIES_MAX + 1 {
            ask(&bob, Ask::Deposit { gold: 1 }).await;
        }
        let (carried, entries) = ledger(&bob).await;
        assert_eq!((carried, entries.len() as u64), (6, LEDGER_ENTRIES_MAX));
    });
}

/// The herons: Ann, who leads, Bob, and Cid, who came in this order.
async fn herons(server: SocketAddr) -> [Visitor; 3] {
    let ann = Visitor::join(server, "ann").await;
    let mut bob = Visitor::join(server, "bob").await;
    let mut cid = Visitor::join(server, "cid").await;
    ask(&ann, Ask::Found { name: "herons".to_owned() }).await;
    for visitor in [&mut bob, &mut cid] {
        ask(&ann, Ask::Invite { who: visitor.name.clone() }).await;
        told(visitor).await;
        ask(visitor, Ask::Join { guild: "herons".to_owned() }).await;
    }
    [ann, bob, cid]
}

pub(crate) async fn ask(visitor: &Visitor, ask: Ask) -> Option<Told> {
    match visitor.ask(Request::Guild(ask)).await {
        Some(Event::Guild(told)) => Some(told),
        None => None,
        other => panic!("something about guilds was answered {other:?}"),
    }
}

async fn refused(visitor: &Visitor, ask: Ask) -> String {
    visitor.refused(Request::Guild(ask)).await
}

/// The next that the visitor is told about guilds.
async fn told(visitor: &mut Visitor) -> Told {
    let told = visitor.until(|event| match event {
        Event::Guild(told) => Some(told),
        _ => None,
    });
    told.await
}

/// The next that is said in the visitor's guild.
async fn said(visitor: &mut Visitor) -> String {
    let said = visitor.until(|event| match event {
        Event::Guild(Told::Said { who, text }) => {
            assert_eq!(who, "ann");
            Some(text)
        }
        _ => None,
    });
    said.await
}

async fn members_of(visitor: &Visitor) -> Vec<(String, Rank)> {
    match ask(visitor, Ask::Show).await {
        Some(Told::Guild { members, .. }) => {
            members.into_iter().map(|member| (member.name, member.rank)).collect()
        }
        other => panic!("Show was answered {other:?}"),
    }
}

pub(crate) async fn ledger(visitor: &Visitor) -> (u64, Vec<SeenEntry>) {
    match ask(visitor, Ask::Ledger).await {
        Some(Told::Ledger { carried, entries }) => (carried, entries),
        other => panic!("Ledger was answered {other:?}"),
    }
}

fn seen(name: &str, rank: Rank, is_here: bool) -> SeenMember {
    SeenMember { name: name.to_owned(), rank, is_here }
}

fn owned((name, rank): (&str, Rank)) -> (String, Rank) {
    (name.to_owned(), rank)
}
