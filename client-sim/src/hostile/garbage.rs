//! Bytes that mean nothing, wherever bytes can be sent.

use std::sync::Arc;

use rand::RngExt;
use rand_pcg::Pcg32;
use tokio::net::UdpSocket;

use crate::hostile::attack::{breathe, hands};
use crate::hostile::notice::{By, Notice};
use crate::hostile::target::Target;
use crate::hostile::toll::Toll;

pub(super) const NOTICES: &[Notice] = &[
    Notice::new(
        &["daystar_net_closed_total{reason=\"violation\"}"],
        By::Told("do not exist in this direction"),
    ),
    // Hundreds of packets in each second begin in order. Those that belong to nothing at all are counted nowhere.
    Notice::new(&["daystar_net_handshakes_failed_total{reason=\"broken\"}"], By::Times(50)),
];

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    hands(8, |number| {
        let (target, toll) = (target.clone(), Arc::clone(&toll));
        async move {
            let mut rng = Pcg32::new(7, number.into());
            loop {
                let tried = match number % 4 {
                    0 => packets(&target, &toll, &mut rng).await,
                    1 => instead_of_a_greeting(&target, &toll, &mut rng).await,
                    _ => behind_a_greeting(&target, &toll, &mut rng).await,
                };
                if let Err(words) = tried {
                    toll.ended(&words);
                }
                breathe().await;
            }
        }
    })
    .await;
}

fn noise<const BYTES: usize>(rng: &mut Pcg32) -> [u8; BYTES] {
    std::array::from_fn(|_| rng.random())
}

/// The header of a handshake's first packet, up to its number, in one of 1,200 bytes: version 1, two connection ids of eight bytes, no
/// token, and a length of 1,174.
const FIRST_PACKET: [u8; 26] =
    [0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0x44, 0x96];

/// Where in it the id is that the server goes by.
const ID: std::ops::Range<usize> = 6..14;

/// Without any QUIC: some of them begin as a handshake's first packet does, about as many in a second as there are in [`half_open`].
///
/// [`half_open`]: super::half_open
async fn packets(target: &Target, toll: &Toll, rng: &mut Pcg32) -> Result<(), String> {
    let socket = UdpSocket::bind((target.from, 0)).await.map_err(|error| error.to_string())?;
    for number in 0..100 {
        let mut packet = noise::<1200>(rng);
        if number % 10 == 0 {
            packet[..FIRST_PACKET.len()].copy_from_slice(&FIRST_PACKET);
            packet[ID].copy_from_slice(&noise::<8>(rng));
        }
        toll.tried(1);
        let _ = socket.send_to(&packet, target.server).await;
    }
    Ok(())
}

async fn instead_of_a_greeting(
    target: &Target,
    toll: &Toll,
    rng: &mut Pcg32,
) -> Result<(), String> {
    let endpoint = target.endpoint().map_err(|error| error.to_string())?;
    toll.tried(1);
    let mut session = target.connect(&endpoint).await?;
    let mut bytes = noise::<64>(rng);
    // Otherwise nearly all would be but too long.
    bytes[1..4].fill(0);
    session.say(&bytes).await?;
    Err(session.closed().await)
}

async fn behind_a_greeting(target: &Target, toll: &Toll, rng: &mut Pcg32) -> Result<(), String> {
    let endpoint = target.endpoint().map_err(|error| error.to_string())?;
    toll.tried(1);
    let name = format!("noise {:x}", rng.random::<u64>());
    let mut session = target.greet(&endpoint, &name).await?;
    // Requests that are none, then what is no frame.
    for _ in 0..10 {
        let mut frame = noise::<40>(rng);
        frame[..5].copy_from_slice(&[36, 0, 0, 0, 2]);
        session.say(&frame).await?;
    }
    session.say(&[9, 0, 0, 0, 0xee]).await?;
    Err(session.closed().await)
}
