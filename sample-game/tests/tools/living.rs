//! A server has the world open, and players give each other gold as fast as they can. Whoever looks meanwhile sees one
//! moment, in which no gold is missing and none is there twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sample_game::messages::{Event, Request};
use sample_game::settings::START_GOLD;
use tokio::task::JoinSet;

use crate::program::{Serving, join, run, text};

const PLAYERS: u64 = 4;

fn name(number: u64) -> String {
    format!("giver {}", number % PLAYERS)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_world_in_use_is_one_moment_and_a_world_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("island");
    let server = Serving::start(&data);
    let given = Arc::new(AtomicU64::new(0));
    let mut giving = JoinSet::new();
    for number in 0..PLAYERS {
        let (client, events) = join(server.address, &name(number)).await;
        let given = Arc::clone(&given);
        giving.spawn(async move {
            let _events = events;
            loop {
                let gift = Request::GiveGold { to: name(number + 1), gold: 1 };
                if client.call(&gift).await.is_ok() {
                    given.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    let data = text(&data);
    let backup = |round| folder.path().join(format!("backup {round}"));
    for round in 0..4 {
        until_more_than(&given, given.load(Ordering::Relaxed) + 100).await;
        let to = backup(round);
        let said = tool(&["backup", "--data", data, "--to", text(&to)]).await;
        assert!(said.contains("objects,") && said.contains("copied to"), "{said}");
        let said = tool(&["verify", "--data", text(&to)]).await;
        assert!(said.contains("all well"), "{said}");
        let said = tool(&["verify", "--data", data]).await;
        assert!(said.contains("all well"), "{said}");
        let said = tool(&["inspect", "--data", data, "--type", "Player"]).await;
        assert_eq!((said.lines().count() as u64, gold_in(&said)), (PLAYERS, PLAYERS * START_GOLD));
    }
    // What would harm the world is refused, by name.
    for command in
        [&["serve", "--listen", "127.0.0.1:0", "--data", data][..], &["compact", "--data", data]]
    {
        let error = run(command).error();
        assert!(error.contains("in use by another process") && error.contains(data), "{error}");
    }
    drop(server);
    giving.shutdown().await;

    let restored = folder.path().join("restored");
    let last = backup(3);
    let said = tool(&["restore", "--from", text(&last), "--data", text(&restored)]).await;
    assert!(said.contains("all well, restored to"), "{said}");
    let server = Serving::start(&restored);
    let mut gold = 0;
    for number in 0..PLAYERS {
        let (client, _events) = join(server.address, &name(number)).await;
        match client.call(&Request::Me).await {
            Ok(Some(Event::You { gold: own, .. })) => gold += own,
            other => panic!("Me was answered {other:?}"),
        }
        client.close().await;
    }
    assert_eq!(gold, PLAYERS * START_GOLD);
    server.stop();
    let said = tool(&["verify", "--data", text(&restored)]).await;
    assert!(said.contains("all well"), "{said}");
}

/// Runs a tool without keeping the players from playing.
async fn tool(arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
    let running = tokio::task::spawn_blocking(move || {
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).done()
    });
    running.await.expect("a tool that ends")
}

fn gold_in(players: &str) -> u64 {
    let gold = |line| -> u64 {
        let player: serde_json::Value = serde_json::from_str(line).expect("JSON");
        player["value"]["gold"].as_u64().expect("gold")
    };
    players.lines().map(gold).sum()
}

async fn until_more_than(given: &AtomicU64, count: u64) {
    let giving = async {
        while given.load(Ordering::Relaxed) <= count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), giving).await.expect("players who give");
}
